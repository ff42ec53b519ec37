"""An operator's act with a terminal or a cashier: its steps by kind, done in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from core.entities import TokenAct
from core.handlers.base import Context
from core.messages import Answer, RequestTerminalAct
from core.terminals import cashiers, registry
from core.terminals.states import CashierMove, TerminalMove
from core.vending.act_life import act_answer, moved_act
from core.vending.act_states import ActMove

_command = msgspec.json.Decoder(RequestTerminalAct)


@dataclass(frozen=True, slots=True)
class Step:
    """``check`` refuses; ``carry`` does it: (context, number of the act, command) → what the answer
    says of it."""

    check: Callable[[Context, RequestTerminalAct], object]
    carry: Callable[[Context, int, RequestTerminalAct], dict[str, Any]]


def _terminal(move: TerminalMove) -> Step:
    def carry(ctx: Context, _act: int, command: RequestTerminalAct) -> dict[str, Any]:
        return registry.carry_move(ctx, command, move)

    return Step(partial(registry.moved, move=move), carry)


def _cashier(move: CashierMove) -> Step:
    def carry(ctx: Context, _act: int, command: RequestTerminalAct) -> dict[str, Any]:
        return cashiers.carry_move(ctx, command, move)

    return Step(partial(cashiers.moved, move=move), carry)


STEPS: Final[Mapping[str, Step]] = {
    "terminal-register": Step(registry.check_register, registry.carry_register),
    "terminal-bind": Step(registry.check_bind, registry.carry_bind),
    "terminal-block": _terminal(TerminalMove.BLOCK),
    "terminal-unblock": _terminal(TerminalMove.UNBLOCK),
    "terminal-lost": _terminal(TerminalMove.LOSE),
    "terminal-retire": _terminal(TerminalMove.RETIRE),
    "terminal-parameters": Step(registry.check_parameters, registry.carry_parameters),
    "terminal-message": Step(registry.check_message, registry.carry_message),
    "terminal-emergency": Step(registry.check_emergency, registry.carry_emergency),
    "cashier-add": Step(cashiers.check_add, cashiers.carry_add),
    "cashier-pin": Step(cashiers.check_pin, cashiers.carry_pin),
    "cashier-block": _cashier(CashierMove.BLOCK),
    "cashier-unlock": _cashier(CashierMove.UNLOCK),
    "cashier-remove": _cashier(CashierMove.REMOVE),
}


def carry_out(ctx: Context, act: TokenAct) -> Answer:
    """Approved: check again, then do it, or a Refusal."""
    step, command = STEPS[act.kind], _command.decode(act.command)
    step.check(ctx, command)
    facts = step.carry(ctx, act.id, command)
    act = moved_act(ctx, act, ActMove.APPROVE, ActMove.CARRY_OUT, decided_at=ctx.now_us)
    about = {"cashier": command.cashier} if command.cashier else {}
    return act_answer(ctx, act, **about, **facts)
