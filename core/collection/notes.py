"""What of an item a credit note can take back: what is open, and what was paid with real money."""

from collections.abc import Mapping
from typing import Final

from core.collection.entities import Allocated, OpenItem
from core.handlers.base import Context

#: Sources of allocations that were no money of the customer, and what is said of them.
_NO_MONEY: Final[Mapping[str, str]] = {
    "write-off": "was written off",
    "waiver": "was waived",
    "plan": "is in instalments of a plan",
}
_NOT_CLEARED = "is paid by what has not cleared"
_NOT_SOLD = "is paid by a purchase that waits for its token"


def without_money(ctx: Context, item: OpenItem) -> dict[str, int]:
    """What took something off the item though no money came for it; in words, and how much."""
    found: dict[str, int] = {}
    rows: tuple[Allocated, ...] = ctx.stage.linked("reductions-of", item.id) or ()
    for row in rows:
        says = _NO_MONEY.get(row.source, "")
        if row.source == "payment" and ctx.stage.linked("not-cleared", row.source_id):
            says = _NOT_CLEARED
        if row.source == "sale" and ctx.stage.linked("not-sold", row.source_id):
            says = _NOT_SOLD
        if says:
            found[says] = found.get(says, 0) + row.amount
    return {says: amount for says, amount in found.items() if amount}


def why_not(ctx: Context, item: OpenItem, amount: int, left: int) -> str:
    """Why ``amount`` of the ``left`` that was not credited yet would make credit out of nothing.

    Empty: it would not. What is open is credited first, so all but those parts can be credited.
    """
    held = without_money(ctx, item)
    can = left - sum(held.values())
    if amount <= can:
        return ""
    parts = ", ".join(f"{part} of it {says}" for says, part in held.items())
    return f"{max(can, 0)} of item {item.id} can be credited: {parts}"
