"""Ids of business rows: drawn from blocks before the write, so that sets can be written at once.

On SQLite the single writer draws exactly what it needs inside its own transaction, so numbers have
no gaps. On PostgreSQL a block is taken in a short transaction of its own, so that no counter row is
held by a batch; what is left of a block when a process ends is a gap, and only that.
"""

from collections.abc import Mapping

from core.store.tx import Tx

#: Ids taken at once by one process on PostgreSQL: small enough that restarts waste little.
BLOCK = 1_000

#: A row says the series and one more than what is wanted of it: so the first id of a series is 1.
_TAKE = (
    "ON CONFLICT (name) DO UPDATE SET next = id_block.next + excluded.next - 1 RETURNING name, next"
)


def take(tx: Tx, name: str, count: int) -> range:
    """``count`` new ids of the series ``name`` (the first id of a series is 1)."""
    return take_all(tx, {name: count})[name]


def take_all(tx: Tx, wanted: Mapping[str, int]) -> dict[str, range]:
    """New ids of several series in one statement; its rows are locked in the order of names."""
    rows = [(name, count + 1) for name, count in sorted(wanted.items())]
    taken = tx.insert("id_block", ("name", "next"), rows, _TAKE)
    return {name: range(int(after) - wanted[name], int(after)) for name, after in taken}


def next_decision(tx: Tx) -> int:
    """The place of a batch in the order of all that decided; asked for when its rows are locked.

    Of two batches that meet at a row, the second has its locks, and so its number, after the first
    has committed: by these numbers the journal can be replayed. On PostgreSQL a sequence, which no
    transaction holds.
    """
    if tx.dialect == "sqlite":
        return take(tx, "decision", 1).start
    return int(tx.rows("SELECT nextval('decision_order')")[0][0])


class Ids:
    """A process's own stock of ids per series; ``draw`` never touches the database."""

    def __init__(self) -> None:
        self._stock: dict[str, list[list[int]]] = {}  # blocks: [the next id, the first beyond]

    def missing(self, name: str, wanted: int) -> int:
        """How many ids are missing to draw ``wanted`` of them."""
        have = sum(beyond - after for after, beyond in self._stock.get(name, ()))
        return max(0, wanted - have)

    def add(self, name: str, block: range) -> None:
        """Put a block taken from the database into stock."""
        self._stock.setdefault(name, []).append([block.start, block.stop])

    def draw(self, name: str) -> int:
        """The next id; raises ``LookupError`` when the stock was not filled before."""
        blocks = self._stock.get(name)
        while blocks:
            block = blocks[0]
            drawn = block[0]
            if drawn < block[1]:
                block[0] = drawn + 1
                return drawn
            blocks.pop(0)
        raise LookupError(f"no ids of series {name} in stock")

    def put_back(self, tx: Tx) -> None:
        """Give back what a transaction took and did not draw (SQLite: numbers have no gaps)."""
        firsts = (
            (name, next((after for after, beyond in blocks if after < beyond), None))
            for name, blocks in self._stock.items()
        )
        tx.update("id_block", ("name", "next"), [row for row in firsts if row[1] is not None])
        self._stock.clear()

    def forget(self) -> None:
        """Forget stock taken inside a transaction that was rolled back (SQLite)."""
        self._stock.clear()
