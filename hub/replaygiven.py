"""What replay takes as given: rows that the books have from no command of the journal.

A bill run posts its bills by COPY, partition by partition, beside the worker; a correction reverses
them. Their transactions are put into the replayed books as they stand, and have their effect
there: credit, open items, allocations, the state of the bill. What decisions look at and operators
brought by no command (periods, usage, facts, categories) is put there as it stands. A key change
that nobody contradicted is presumed after 60 days by the sweeper. What bills
posted has its place among the decisions (``core.billing.order``); what has none comes at its time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import Any, Final

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
    bill_id: int = 0  # of a bill's own transaction
    table: str = ""  # whose ``rows`` these are, column by column
    rows: list[list[Any]] = []
    closed: list[Any] = []  # company and period
    decided: int = 0  # its place among the decisions; 0: it has none

    def put(self, tx: Tx) -> None:
        """Into the replayed books, with its effect on what was there."""
        if self.table:
            tx.insert(self.table, _columns(self.table), [tuple(row) for row in self.rows])
            return
        if self.closed:
            tx.run(
                "UPDATE billing_period SET state = 'closed', closed_at = :at "
                "WHERE company = :company AND period = :period",
                at=self.at, company=self.closed[0], period=self.closed[1],
            )  # fmt: skip
            return
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
        if self.bill_id:
            tx.run(
                "UPDATE bill SET state = 'issued', live = 1, txn_id = :txn WHERE id = :id",
                txn=self.txn[_TXN.index("id")], id=self.bill_id,
            )  # fmt: skip

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
            tx.run("UPDATE bill SET state = 'reversed', live = 0 WHERE txn_id = :id", id=reverses)


@dataclass(frozen=True, slots=True)
class _Brought:
    """A table with rows of no command. ``at``: when; ``but``: as they were when they came."""

    table: str
    at: str
    where: str = "1 = 1"
    but: dict[str, Any] = field(default_factory=dict)


_BROUGHT: Final = (
    _Brought("billing_period", "t.opened_at", but={"state": "open", "closed_at": 0}),
    # the final reading of a change is a command's
    _Brought(
        "bill_usage",
        "t.recorded_at",
        "NOT EXISTS (SELECT 1 FROM account_change c WHERE c.agreement_id = t.agreement_id "
        "AND t.source = 'change/' || c.id)",
    ),
    # an end of a share is a command's
    _Brought(
        "agreement_fact",
        "t.recorded_at",
        "NOT EXISTS (SELECT 1 FROM account_change c WHERE c.switched_at = t.recorded_at "
        "AND t.source = 'change/' || c.id)",
    ),
    _Brought(
        "agreement_category",
        "COALESCE((SELECT p.opened_at FROM billing_period p WHERE p.company = t.company "
        "AND p.period = t.period), 0)",
    ),
    # when one was withdrawn is not known: nobody owed it
    _Brought(
        "bill",
        "t.made_at",
        "t.state <> 'withdrawn'",
        {"state": "validated", "txn_id": 0, "item_id": 0, "reversal_id": 0, "issued_at": 0},
    ),
)
_REPLACES = "replaces"


def _columns(table: str) -> tuple[str, ...]:
    return tuple(column.name for column in METADATA.tables[table].columns)


def _brought(live: Reader, page: int) -> Iterator[list[Given]]:
    for each in _BROUGHT:
        columns = _columns(each.table)
        keys = tuple(column.name for column in METADATA.tables[each.table].primary_key.columns)
        key = ", ".join(f"t.{name}" for name in keys)
        after: dict[str, Any] = {}
        for number in count():
            above = f"AND ({key}) > ({', '.join(f':{name}' for name in after)}) " if after else ""
            rows = live.rows(
                f"SELECT {each.at}, {', '.join(f't.{name}' for name in columns)} "
                f"FROM {each.table} t WHERE {each.where} {above}ORDER BY {key} LIMIT {page}",
                **after,
            )  # fmt: skip
            if not rows:
                break
            last = dict(zip(columns, rows[-1][1:], strict=True))
            after = {f"k{place}": last[name] for place, name in enumerate(keys)}
            yield _at_once(each, rows, number)
    closed = live.rows(
        "SELECT company, period, closed_at FROM billing_period WHERE closed_at > 0 ORDER BY 1, 2"
    )
    yield [Given(at, f"closed/{of}/{n}", closed=[of, n]) for of, n, at in closed]


def _at_once(each: _Brought, rows: Sequence[Row], page: int) -> list[Given]:
    """A page's rows, those of one instant together; before what is posted at that instant."""
    found = []
    for place, (at, same) in enumerate(groupby(rows, key=lambda row: row[0])):
        brought = [_as_it_came(each, row[1:]) for row in same]
        key = f"-{each.table}/{page:012d}/{place:06d}"
        found.append(Given(at, key, table=each.table, rows=brought))
    return found


def _as_it_came(each: _Brought, row: Row) -> list[Any]:
    values = dict(zip(_columns(each.table), row, strict=True)) | each.but
    if _REPLACES in values:  # a correction is not live before the bill that it replaces is reversed
        values["live"] = 0 if values[_REPLACES] else 1
    return list(values.values())


def keep_given(live: Reader, books: Tx, page: int) -> int:
    """Put everything of that kind aside in the private books, sorted by time; how many."""
    books.run("CREATE TABLE replay_given (decided INTEGER, at INTEGER, key TEXT, event TEXT, "
              "PRIMARY KEY (decided, at, key)) WITHOUT ROWID")  # fmt: skip
    kept = 0
    for events in (_presumed(live), *_brought(live, page), *_transactions(live, page)):
        rows = [(e.decided, e.at, e.key, msgspec.json.encode(e).decode()) for e in events]
        books.insert("replay_given", ("decided", "at", "key", "event"), rows)
        kept += len(rows)
    return kept


def timed(books: Reader, page: int) -> Iterator[Given]:
    """What was put aside without a place among the decisions, in order of time."""
    return _given(books, page, "decided = 0")


def placed(books: Reader, page: int) -> Iterator[Given]:
    """What was put aside with a place among the decisions, in their order."""
    return _given(books, page, "decided > 0")


def _given(books: Reader, page: int, which: str) -> Iterator[Given]:
    after: dict[str, Any] = {"decided": 0, "at": 0, "key": ""}
    while True:
        rows = books.rows(
            "SELECT decided, at, key, event FROM replay_given WHERE "
            f"(decided, at, key) > (:decided, :at, :key) AND {which} "
            "ORDER BY decided, at, key LIMIT :page",
            **after, page=page,
        )  # fmt: skip
        if not rows:
            return
        after = dict(zip(after, rows[-1], strict=False))
        for row in rows:
            yield _event.decode(row[3])


def _presumed(live: Reader) -> list[Given]:
    rows = live.rows("SELECT id, presumed_at FROM key_change WHERE presumed_at > 0 ORDER BY id")
    return [Given(at, f"key-change/{id_}", change_id=id_) for id_, at in rows]


def _transactions(live: Reader, page: int) -> Iterator[list[Given]]:
    """Transactions whose message is none of the journal, page by page."""
    after = 0
    while True:
        txns = live.rows(
            f"SELECT {', '.join(f't.{name}' for name in _TXN)}, COALESCE((SELECT o.decided FROM "
            "bill_order o WHERE o.first_txn <= t.id AND o.last_txn >= t.id "
            "ORDER BY o.first_txn DESC LIMIT 1), 0) FROM ledger_txn t "
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
    bills: dict[int, int] = dict(
        live.rows("SELECT txn_id, id FROM bill WHERE txn_id IN :ids", ids=ids)
    )
    postings = _by(0, _rows(live, _POSTING, "posting WHERE txn_id IN :ids ORDER BY line", ids))
    items = _by(_ITEM.index("txn_id"), _rows(live, _ITEM, "open_item WHERE txn_id IN :ids", ids))
    allocated = _by(0, _rows(live, _ALLOCATION, "allocation WHERE message_id IN :ids", causes))
    return [
        Given(
            txn[_TXN.index("at")],
            f"{txn[0]:020d}",
            list(txn[:-1]),
            postings.get(txn[0], []),
            [_raised(row) for row in items.get(txn[0], [])],
            # a correction posts twice for one cause; its allocations go with the first
            allocated.get(txn[_CAUSE], []) if txn[_TXN.index("kind")] != "bill-credit" else [],
            bill_id=bills.get(txn[0], 0),
            decided=txn[-1],
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
