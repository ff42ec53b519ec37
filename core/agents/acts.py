"""An operator's act with an agent: its steps by kind, and carried out in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from core.agents import cash, money, parties, topups
from core.agents.states import AgentMove
from core.entities import TokenAct
from core.handlers.base import Context
from core.messages import Answer, RequestAgentAct
from core.vending.act_life import act_answer, moved_act
from core.vending.act_states import ActMove

_command = msgspec.json.Decoder(RequestAgentAct)


@dataclass(frozen=True, slots=True)
class Step:
    """``check`` refuses or gives the amount that the act is about; ``carry`` does it: (context,
    number of the act, command) → what the answer says of it."""

    check: Callable[[Context, RequestAgentAct], int]
    carry: Callable[[Context, int, RequestAgentAct], dict[str, Any]]


def _check_move(move: AgentMove, ctx: Context, command: RequestAgentAct) -> int:
    parties.moved(ctx, command, move)
    return 0


def _carry_move(move: AgentMove, ctx: Context, _act: int, command: RequestAgentAct) -> money.Facts:
    return parties.carry_move(ctx, command, move)


def _move(move: AgentMove) -> Step:
    return Step(partial(_check_move, move), partial(_carry_move, move))


STEPS: Final[Mapping[str, Step]] = {
    "agent-enrol": Step(parties.check_enrol, parties.carry_enrol),
    "agent-alter": Step(parties.check_alter, parties.carry_alter),
    "agent-block": _move(AgentMove.BLOCK),
    "agent-unblock": _move(AgentMove.UNBLOCK),
    "agent-close": Step(parties.check_close, partial(_carry_move, AgentMove.CLOSE)),
    "agent-topup": Step(money.check_topup, money.carry_topup),
    "agent-withdraw": Step(money.check_withdraw, money.carry_withdraw),
    "agent-transfer": Step(money.check_transfer, money.carry_transfer),
    "agent-security": Step(money.check_security, money.carry_security),
    "agent-security-refund": Step(money.check_security_refund, money.carry_security_refund),
    "agent-commission": Step(money.check_commission, money.carry_commission),
    "agent-commission-float": Step(money.check_commission_float, money.carry_commission_float),
    "agent-commission-back": Step(money.check_commission_back, money.carry_commission_back),
    "agent-topup-decline": Step(topups.check_decline, topups.carry_decline),
    "agent-surrender": Step(cash.check_surrender, cash.carry_surrender),
    "agent-statement": Step(money.check_statement, money.carry_statement),
}


def carry_out(ctx: Context, act: TokenAct) -> Answer:
    """Approved: check again, then do it, or a Refusal."""
    step, command = STEPS[act.kind], _command.decode(act.command)
    amount = step.check(ctx, command)
    facts = step.carry(ctx, act.id, command)
    act = moved_act(
        ctx, act, ActMove.APPROVE, ActMove.CARRY_OUT, amount=amount, decided_at=ctx.now_us
    )
    return act_answer(ctx, act, **facts)
