"""An operator's act at a desk: its steps by kind, and carried out in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from core.counter import cash, series, shifts, voiding
from core.counter.act_kinds import PREFIX
from core.counter.tills import wrong
from core.entities import TokenAct
from core.handlers.base import Context
from core.messages import Answer, RequestCounterAct
from core.vending.act_life import act_answer, moved_act
from core.vending.act_states import ActMove

_command = msgspec.json.Decoder(RequestCounterAct)
#: Kinds that a supervisor does at another's desk, too.
BY_SUPERVISOR: Final = frozenset(PREFIX + name for name in ("x", "close", "withdraw", "void"))
#: The day's routine: no words are asked for, unless something is over or short.
ROUTINE: Final = frozenset(
    PREFIX + name
    for name in (
        *("open", "drop", "x", "count", "close", "handover", "takeover", "withdraw"),
        *("deposit", "hand-in"),
    )
)


@dataclass(frozen=True, slots=True)
class Step:
    """``check`` refuses, or gives the amount that the act is about and whether a second person must
    agree; ``carry`` does it and gives what the answer says of it."""

    check: Callable[[Context, RequestCounterAct], tuple[int, bool]]
    carry: Callable[[Context, TokenAct, RequestCounterAct], dict[str, Any]]


def _cash(kind: str) -> Step:
    return Step(partial(cash.check_cash, kind), partial(cash.carry_cash, kind))


STEPS: Final[Mapping[str, Step]] = {
    PREFIX + name: step
    for name, step in {
        "desk": Step(cash.check_desk, cash.carry_desk),
        "series": Step(series.check_series, series.carry_series),
        "open": Step(shifts.check_open, shifts.carry_open),
        "paid-in": _cash("paid-in"),
        "paid-out": _cash("paid-out"),
        "drop": _cash("drop"),
        "spoil": Step(series.check_spoil, series.carry_spoil),
        "x": Step(shifts.check_x, shifts.carry_x),
        "void": Step(voiding.check_void, voiding.carry_void),
        "count": Step(shifts.check_count, shifts.carry_count),
        "recount": Step(shifts.check_recount, shifts.carry_recount),
        "close": Step(shifts.check_close, shifts.carry_close),
        "handover": Step(shifts.check_offer, shifts.carry_offer),
        "takeover": Step(shifts.check_takeover, shifts.carry_takeover),
        "withdraw": Step(shifts.check_withdraw, shifts.carry_withdraw),
        "deposit": Step(cash.check_deposit, cash.carry_deposit),
        "hand-in": Step(cash.check_hand_in, cash.carry_hand_in),
        "cleared": Step(cash.check_cleared, cash.carry_cleared),
    }.items()
}


def carry_out(ctx: Context, act: TokenAct) -> Answer:
    """Approved: check again, then do it, or a Refusal."""
    step, command = STEPS[act.kind], _command.decode(act.command)
    amount, second = step.check(ctx, command)
    if amount > act.amount or (second and not act.approver):
        raise wrong(command.desk, f"it is about {amount} now, not {act.amount}: ask again")
    facts = step.carry(ctx, act, command)
    act = moved_act(
        ctx, act, ActMove.APPROVE, ActMove.CARRY_OUT, amount=amount, decided_at=ctx.now_us
    )
    return act_answer(ctx, act, **facts)
