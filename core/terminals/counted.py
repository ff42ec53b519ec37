"""Items counted: of a shift, and those of a terminal that are under way. Pure.

The database's count is loaded; what this batch did since is in the book, now beside before.
"""

from collections.abc import Iterator
from typing import Any, Final

from core.handlers.base import Context
from core.terminals.item_entities import TerminalBatch, TerminalItem
from core.terminals.item_states import COUNTS, PENDING, STANDING, BatchState, ItemState

#: How many were sold or collected and their minor units, how many of them were taken back and
#: theirs.
Total = tuple[int, int, int, int]
NOTHING: Final[Total] = (0, 0, 0, 0)
KINDS: Final = ("sale", "payment")
_NAMES: Final = ("count", "amount", "reversed", "reversed_amount")


def said(totals: dict[str, Total]) -> dict[str, Any]:
    """Totals as an answer has them: every kind, amounts in minor units."""
    return {kind: dict(zip(_NAMES, totals.get(kind, NOTHING), strict=True)) for kind in KINDS}


def counted(state: str, count: int, amount: int) -> Total:
    """What so many items of a state come to."""
    sold, back = COUNTS.get(ItemState(state), (0, 0))
    return sold * count, sold * amount, back * count, back * amount


def added(total: Total, more: Total, sign: int = 1) -> Total:
    """Place by place."""
    a, b, c, d = (x + sign * y for x, y in zip(total, more, strict=True))
    return a, b, c, d


def _since(ctx: Context) -> Iterator[tuple[TerminalItem, int]]:
    for now, before in ctx.stage.book.changed(TerminalItem):
        yield now, 1
        if before is not None:
            yield before, -1


def totals_of(ctx: Context, shift_id: int) -> dict[str, Total]:
    """What was sold and collected in a shift, by kind."""
    found: dict[str, Total] = dict(ctx.stage.linked("shift-totals", shift_id) or {})
    for item, sign in _since(ctx):
        if item.shift_id == shift_id:
            more = counted(item.state, 1, item.amount)
            found[item.kind] = added(found.get(item.kind, NOTHING), more, sign)
    return found


def under_way(ctx: Context, terminal_id: int) -> int:
    """How many items of a terminal that may be bound wait for a security module."""
    found: int = ctx.stage.linked("items-under-way", terminal_id) or 0
    for item, sign in _since(ctx):
        if item.terminal_id == terminal_id and item.state in PENDING:
            found += sign
    return found


def unsettled(ctx: Context, terminal_id: int) -> int:
    """How many items of a terminal that may be bound are in batches that are not closed."""
    found: dict[int, int] = dict(ctx.stage.linked("items-unsettled", terminal_id) or {})
    for item, sign in _since(ctx):
        if item.terminal_id == terminal_id and item.state in STANDING and not item.late:
            found[item.batch_id] = found.get(item.batch_id, 0) + sign
    batches = {id_: ctx.stage.get(TerminalBatch, id_) for id_ in found}
    closed = {id_ for id_, each in batches.items() if each and each.state == BatchState.CLOSED}
    return sum(count for id_, count in found.items() if id_ not in closed)
