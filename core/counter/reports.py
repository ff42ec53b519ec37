"""What a shift has taken: the X report at any time, the Z report when it has ended."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict, replace

from core.counter.entities import CashDesk, Shift, Taking
from core.handlers.base import Context

_EQUATION = ("opening", "cash", "paid_in", "paid_out", "dropped", "voided", "expected")


def takings_of(ctx: Context, shift: Shift) -> Mapping[str, Taking]:
    """Way -> what came in it; of a new shift nothing."""
    found: Mapping[str, Taking] = ctx.stage.linked("takings", shift.id) or {}
    return found


def count_taking(ctx: Context, shift: Shift, way: str, amount: int, *, void: bool = False) -> None:
    """What the next report of this batch must see."""
    known = takings_of(ctx, shift)
    was = known.get(way, Taking())
    if void:
        now = replace(was, voids=was.voids + 1, voided=was.voided + amount)
    else:
        now = replace(was, count=was.count + 1, amount=was.amount + amount)
    ctx.stage.link("takings", shift.id, {**known, way: now})


def report(ctx: Context, desk: CashDesk, shift: Shift, *, blind: bool = False) -> dict[str, Any]:
    """An X or Z report. ``blind``: without what tells how much cash must be there."""
    ways = {
        way: asdict(taking)
        for way, taking in sorted(takings_of(ctx, shift).items())
        if not (blind and way == "cash")
    }
    data = {
        "desk": desk.code,
        "shift": shift.id,
        "cashier": shift.cashier,
        "shift_state": shift.state,
        "opened_at": shift.opened_at,
        "ways": ways,
        "currency": desk.currency,
    }
    if not blind:
        data |= {name: getattr(shift, name) for name in _EQUATION}
    if shift.z_number:
        names = ("counted", "variance", "z_number", "closed_at", "heir")
        data |= {name: getattr(shift, name) for name in names}
    return data
