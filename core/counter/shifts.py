"""A shift from its first to its last minute: opened, counted, handed over, closed."""

from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from core.collection.tenders import CASH_OFFICE
from core.counter.counts import counted, counted_or_said, keep_count
from core.counter.entities import CashDesk, Shift
from core.counter.reports import report
from core.counter.states import MOVES, ShiftMove, ShiftState
from core.counter.tills import (
    OVER_SHORT,
    counter_terms,
    desk_of,
    enough,
    free,
    his,
    his_or_above,
    keep_shift,
    moved,
    not_his_own,
    not_now,
    open_at,
    safe,
    shift_of,
    supervises,
    till,
    wrong,
)
from core.entities import TokenAct
from core.handlers.base import Context
from core.messages import RequestCounterAct

Facts = dict[str, Any]
#: (the amount that the act is about, whether a second person must agree)
Checked = tuple[int, bool]


def check_open(ctx: Context, command: RequestCounterAct) -> Checked:
    """A desk without a shift, a cashier without one, and a float that is there."""
    desk = desk_of(ctx, command.desk)
    if desk.shift_id:
        raise not_now(desk.code, f"{shift_of(ctx, desk).cashier} has a shift there")
    free(ctx, desk.code, command.operator)
    if command.source not in ("office", "safe"):
        raise wrong(desk.code, "a float comes from the office or the safe")
    amount = counted_or_said(ctx, command)
    if command.source == "safe":
        enough(desk, amount, safe=True)
    return amount, False


def carry_open(ctx: Context, act: TokenAct, command: RequestCounterAct) -> Facts:
    """The shift takes money from here on."""
    desk = desk_of(ctx, command.desk)
    amount = counted_or_said(ctx, command)
    shift = _begin(ctx, desk, command.operator, command.source, amount)
    if amount:
        place = CASH_OFFICE if command.source == "office" else safe(desk)
        desk = desk_of(ctx, desk.code)
        moved(ctx, act.id, desk, "float", ((till(desk), amount), (place, -amount)))
    if command.pieces:
        keep_count(ctx, shift, command, "open", amount)
    return {"shift": shift.id, "opening": amount}


def _begin(
    ctx: Context, desk: CashDesk, cashier: str, source: str, opening: int, previous: int = 0
) -> Shift:
    shift = Shift(
        id=ctx.new_id("till_shift"),
        company=ctx.terms.code,
        desk_id=desk.id,
        cashier=cashier,
        state=ShiftState.OPEN.value,
        source=source,
        previous_id=previous,
        opening=opening,
        opened_at=ctx.now_us,
    )
    ctx.stage.add("till_shift", **asdict(shift))
    ctx.stage.put(desk.code, replace(desk, shift_id=shift.id))
    keep_shift(ctx, desk, shift)
    return shift


def _after(desk: CashDesk, shift: Shift, move: ShiftMove) -> ShiftState:
    after = MOVES.get((ShiftState(shift.state), move))
    if after is None:
        raise not_now(desk.code, f"its shift is {shift.state}: {move} is not possible")
    return after


def check_count(ctx: Context, command: RequestCounterAct) -> Checked:
    """His own open shift; he hears what must be there when he has said what is."""
    desk, shift = open_at(ctx, command.desk)
    his(desk, shift, command.operator)
    return counted(ctx, command), False


def carry_count(ctx: Context, _act: TokenAct, command: RequestCounterAct) -> Facts:
    """Counted: nothing moves any more."""
    return _count(ctx, command, ShiftMove.COUNT)


def check_recount(ctx: Context, command: RequestCounterAct) -> Checked:
    """Somebody else's shift, which has not ended."""
    desk = desk_of(ctx, command.desk)
    shift = shift_of(ctx, desk)
    _after(desk, shift, ShiftMove.RECOUNT)
    if shift.cashier == command.operator:
        raise not_now(desk.code, "a cashier does not count again what he has counted")
    return counted(ctx, command), False


def carry_recount(ctx: Context, _act: TokenAct, command: RequestCounterAct) -> Facts:
    """The supervisor's count stands; the first one is kept."""
    return _count(ctx, command, ShiftMove.RECOUNT)


def check_offer(ctx: Context, command: RequestCounterAct) -> Checked:
    """His own open shift, and another cashier who has none."""
    desk, shift = open_at(ctx, command.desk)
    his(desk, shift, command.operator)
    if command.heir == command.operator or command.heir not in ctx.terms.operators:
        raise wrong(desk.code, "name the cashier who takes over, another one")
    free(ctx, desk.code, command.heir)
    return counted(ctx, command), False


def carry_offer(ctx: Context, _act: TokenAct, command: RequestCounterAct) -> Facts:
    """Counted, and the next cashier must count the same."""
    return {"heir": command.heir, **_count(ctx, command, ShiftMove.OFFER)}


def _count(ctx: Context, command: RequestCounterAct, move: ShiftMove) -> Facts:
    desk = desk_of(ctx, command.desk)
    shift = shift_of(ctx, desk)
    amount = counted(ctx, command)
    why = "handover" if move is ShiftMove.OFFER else move.value
    keep_count(ctx, shift, command, why, amount)
    after = replace(
        shift,
        state=_after(desk, shift, move).value,
        counted=amount,
        counted_at=ctx.now_us,
        heir=command.heir if move is ShiftMove.OFFER else shift.heir,
    )
    keep_shift(ctx, desk, after)
    variance = amount - after.expected
    return {"shift": after.id, "shift_state": after.state, "counted": amount,
            "expected": after.expected, "variance": variance}  # fmt: skip


def check_withdraw(ctx: Context, command: RequestCounterAct) -> Checked:
    """A shift that waits for the next cashier."""
    desk = desk_of(ctx, command.desk)
    shift = shift_of(ctx, desk)
    his_or_above(ctx, desk, shift, command.operator)
    _after(desk, shift, ShiftMove.WITHDRAW)
    return 0, False


def carry_withdraw(ctx: Context, _act: TokenAct, command: RequestCounterAct) -> Facts:
    """It is closed like any other."""
    desk = desk_of(ctx, command.desk)
    shift = shift_of(ctx, desk)
    state = _after(desk, shift, ShiftMove.WITHDRAW)
    keep_shift(ctx, desk, replace(shift, state=state.value, heir=""))
    return {"shift": shift.id, "shift_state": state.value}


def check_close(ctx: Context, command: RequestCounterAct) -> Checked:
    """Counted; a difference above the tolerance needs another person."""
    desk = desk_of(ctx, command.desk)
    shift = shift_of(ctx, desk)
    his_or_above(ctx, desk, shift, command.operator)
    _after(desk, shift, ShiftMove.CLOSE)
    return _difference(ctx, desk, shift)


def _difference(ctx: Context, desk: CashDesk, shift: Shift) -> Checked:
    off = abs(shift.counted - shift.expected)
    return off, off > counter_terms(ctx, desk.code).tolerance


def carry_close(ctx: Context, act: TokenAct, command: RequestCounterAct) -> Facts:
    """The Z report; the cash goes into the safe."""
    desk = desk_of(ctx, command.desk)
    shift = shift_of(ctx, desk)
    not_his_own(act, shift)
    _settle(ctx, act, desk, shift)
    if shift.counted:
        out = ((till(desk), -shift.counted), (safe(desk), shift.counted))
        moved(ctx, act.id, desk, "emptied", out)
    return _end(ctx, desk.code, shift, ShiftMove.CLOSE)


def _settle(ctx: Context, act: TokenAct, desk: CashDesk, shift: Shift) -> None:
    """Post what is over or short: the till is what was counted."""
    off = shift.counted - shift.expected
    if off:
        moved(ctx, act.id, desk, "over-short", ((till(desk), off), (OVER_SHORT, -off)))


def _end(ctx: Context, code: str, shift: Shift, move: ShiftMove) -> Facts:
    desk = desk_of(ctx, code)
    number = desk.z_number + 1
    ended = replace(
        shift,
        state=_after(desk, shift, move).value,
        variance=shift.counted - shift.expected,
        z_number=number,
        closed_at=ctx.now_us,
    )
    facts = report(ctx, desk, ended)
    ended = replace(ended, report=msgspec.json.encode(facts).decode())
    ctx.stage.put(code, replace(desk, shift_id=0, z_number=number))
    keep_shift(ctx, desk, ended)
    return facts


def check_takeover(ctx: Context, command: RequestCounterAct) -> Checked:
    """The one who was named, without a shift of his own, has counted the same."""
    desk = desk_of(ctx, command.desk)
    shift = shift_of(ctx, desk)
    _after(desk, shift, ShiftMove.TAKE_OVER)
    if shift.heir != command.operator:
        raise not_now(desk.code, f"it was to be handed to {shift.heir}, not to {command.operator}")
    free(ctx, desk.code, command.operator)
    if counted(ctx, command) != shift.counted:
        raise not_now(desk.code, "the two counts are not the same: count again, together")
    return _difference(ctx, desk, shift)


def carry_takeover(ctx: Context, act: TokenAct, command: RequestCounterAct) -> Facts:
    """One shift ends with its Z report, the next begins with the cash that both have counted."""
    desk = desk_of(ctx, command.desk)
    shift = shift_of(ctx, desk)
    not_his_own(act, shift)
    keep_count(ctx, shift, command, "takeover", shift.counted)
    _settle(ctx, act, desk, shift)
    facts = _end(ctx, desk.code, shift, ShiftMove.TAKE_OVER)
    desk = desk_of(ctx, desk.code)
    after = _begin(ctx, desk, command.operator, "handover", shift.counted, shift.id)
    return {**facts, "next_shift": after.id}


def check_x(ctx: Context, command: RequestCounterAct) -> Checked:
    """His own shift, or anybody's for a supervisor."""
    desk = desk_of(ctx, command.desk)
    his_or_above(ctx, desk, shift_of(ctx, desk), command.operator)
    return 0, False


def carry_x(ctx: Context, _act: TokenAct, command: RequestCounterAct) -> Facts:
    """The report; a cashier does not hear what cash he must have before he has counted."""
    desk = desk_of(ctx, command.desk)
    shift = shift_of(ctx, desk)
    own = shift.cashier == command.operator or not supervises(ctx, command.operator)
    return report(ctx, desk, shift, blind=own and shift.state == ShiftState.OPEN)
