"""What replay takes as given: rows that the books have from no command of the journal.

A bill run posts its bills by COPY, partition by partition, beside the worker; a correction reverses
them. Their transactions are put into the replayed books as they stand, and have their effect
there: credit, open items, allocations. A key change that nobody contradicted is presumed after 60
days by the sweeper. Each at its own time among the commands.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from core.ledger import CUSTOMER_CREDIT
from core.store.tables import METADATA
from core.store.tx import Reader, Row, Tx

_TXN = tuple(column.name for column in METADATA.tables["ledger_txn"].columns)
_POSTING = tuple(column.name for column in METADATA.tables["posting"].columns)
_ITEM = tuple(column.name for column in METADATA.tables["open_item"].columns)
_ALLOCATION = tuple(column.name for column in METADATA.tables["allocation"].columns)
_CAUSE = _TXN.index("message_id")


class Given(msgspec.Struct, frozen=True, gc=False):
    """Something that happened at an instant (µs UTC) by no command."""

    at: int
    key: str
    txn: list[Any] = []
    postings: list[list[Any]] = []
    items: list[list[Any]] = []
    allocations: list[list[Any]] = []
    change_id: int = 0

    def put(self, tx: Tx) -> None:
        """Into the replayed books, with its effect on what was there."""
        if self.change_id:
            tx.run(
                "UPDATE key_change SET state = 'presumed', presumed_at = :at "
                "WHERE id = :id AND state = 'issued'",
                at=self.at, id=self.change_id,
            )  # fmt: skip
            return
        tx.insert("ledger_txn", _TXN, [tuple(self.txn)])
        tx.insert("posting", _POSTING, [tuple(row) for row in self.postings])
        tx.insert("open_item", _ITEM, [tuple(row) for row in self.items])
        tx.insert("allocation", _ALLOCATION, [tuple(row) for row in self.allocations])
        self._credit(tx)
        self._close(tx)

    def _credit(self, tx: Tx) -> None:
        for _, _, ledger, owner, amount in self.postings:
            if ledger == CUSTOMER_CREDIT:
                tx.run(
                    "UPDATE account SET credit = credit - :amount WHERE id = :id",
                    amount=amount, id=owner,
                )  # fmt: skip

    def _close(self, tx: Tx) -> None:
        """What was allocated to items, and items whose own transaction was reversed."""
        for row in self.allocations:
            item, amount = row[_ALLOCATION.index("item_id")], row[_ALLOCATION.index("amount")]
            if item:
                tx.run(
                    "UPDATE open_item SET open = open - :amount WHERE id = :id",
                    amount=amount, id=item,
                )  # fmt: skip
        reverses = self.txn[_TXN.index("reverses")]
        if reverses:
            tx.run("UPDATE open_item SET state = 'cancelled' WHERE txn_id = :id", id=reverses)


def keep_given(live: Reader, books: Tx, page: int) -> int:
    """Put everything of that kind aside in the private books, sorted by time; how many."""
    books.run("CREATE TABLE replay_given (at INTEGER, key TEXT, event TEXT, "
              "PRIMARY KEY (at, key)) WITHOUT ROWID")  # fmt: skip
    count = 0
    for events in (_presumed(live), *_transactions(live, page)):
        rows = [(e.at, e.key, msgspec.json.encode(e).decode()) for e in events]
        books.insert("replay_given", ("at", "key", "event"), rows)
        count += len(rows)
    return count


def given(books: Reader, page: int) -> Iterator[Given]:
    """What was put aside, in order of time."""
    at, key = 0, ""
    while True:
        rows = books.rows(
            "SELECT at, key, event FROM replay_given WHERE (at, key) > (:at, :key) "
            "ORDER BY at, key LIMIT :page",
            at=at, key=key, page=page,
        )  # fmt: skip
        if not rows:
            return
        at, key = rows[-1][:2]
        for row in rows:
            yield _event.decode(row[2])


def _presumed(live: Reader) -> list[Given]:
    rows = live.rows("SELECT id, presumed_at FROM key_change WHERE presumed_at > 0 ORDER BY id")
    return [Given(at, f"key-change/{id_}", change_id=id_) for id_, at in rows]


def _transactions(live: Reader, page: int) -> Iterator[list[Given]]:
    """Transactions whose message is none of the journal, page by page."""
    after = 0
    while True:
        txns = live.rows(
            f"SELECT {', '.join(f't.{name}' for name in _TXN)} FROM ledger_txn t "
            "WHERE t.id > :after AND NOT EXISTS "
            "(SELECT 1 FROM message m WHERE m.id = t.message_id) ORDER BY t.id LIMIT :page",
            after=after, page=page,
        )  # fmt: skip
        if not txns:
            return
        after = txns[-1][0]
        yield _caused(live, txns)


def _caused(live: Reader, txns: Sequence[Row]) -> list[Given]:
    ids = [row[0] for row in txns]
    causes = sorted({row[_CAUSE] for row in txns})
    postings = _by(0, _rows(live, _POSTING, "posting WHERE txn_id IN :ids ORDER BY line", ids))
    items = _by(_ITEM.index("txn_id"), _rows(live, _ITEM, "open_item WHERE txn_id IN :ids", ids))
    allocated = _by(0, _rows(live, _ALLOCATION, "allocation WHERE message_id IN :ids", causes))
    return [
        Given(
            txn[_TXN.index("at")],
            f"{txn[0]:020d}",
            list(txn),
            postings.get(txn[0], []),
            [_raised(row) for row in items.get(txn[0], [])],
            # a correction posts twice for one cause; its allocations go with the first
            allocated.get(txn[_CAUSE], []) if txn[_TXN.index("kind")] != "bill-credit" else [],
        )
        for txn in txns
    ]


def _by(place: int, rows: list[Row]) -> dict[Any, list[list[Any]]]:
    found: dict[Any, list[list[Any]]] = {}
    for row in rows:
        found.setdefault(row[place], []).append(list(row))
    return found


def _rows(live: Reader, columns: tuple[str, ...], tail: str, ids: list[Any]) -> list[Row]:
    return live.rows(f"SELECT {', '.join(columns)} FROM {tail}", ids=ids)


def _raised(row: list[Any]) -> list[Any]:
    """An item as it was when it came to be: nothing was paid on it yet."""
    values = dict(zip(_ITEM, row, strict=True))
    values |= {"open": values["amount"], "state": "live", "late_done": 0}
    return list(values.values())


_event = msgspec.json.Decoder(Given)
