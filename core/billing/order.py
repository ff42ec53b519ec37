"""The place of bills among all that decided: what replay puts them in order by.

A sale sees a bill that went out when the partition's transaction was committed, not when it began.
So the place is asked for at its end, as an interactive batch asks when its rows are locked.
"""

from core.billing.shapes import Draw
from core.store.ids import next_decision
from core.store.tx import Tx

_COLUMNS = ("first_txn", "last_txn", "decided")


class Ordered:
    """Draws ids, and remembers the ledger's transactions among them until they have a place."""

    __slots__ = ("_draw", "_txns")

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._txns: list[tuple[int, int]] = []

    def draw(self, series: str, count: int) -> int:
        """The first of ``count`` new ids of a series."""
        first = self._draw(series, count)
        if series == "ledger_txn":
            self._txns.append((first, first + count - 1))
        return first

    def keep(self, tx: Tx) -> None:
        """Write their place; the last that a transaction does with them."""
        if self._txns:
            decided = next_decision(tx)
            tx.insert("bill_order", _COLUMNS, [(*span, decided) for span in self._txns])
            self._txns.clear()
