"""The books and what replay made of them, row by row: every difference is named.

The rows of the books are copied beside those that were replayed and the private database compares
them, so neither order nor collation of the engine matters.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.store.sqlite import SqliteStore
from core.store.tables import METADATA
from core.store.tx import Reader

#: Rows copied at once.
PAGE = 5_000
#: Differences told of one table.
MOST = 100

#: What is compared, and what of it is not. ``meter.last_tid``: a cut-over brings it by a list that
#: is no command, and the tokens, which are compared, follow from it.
COMPARED: Mapping[str, tuple[str, ...]] = {
    "customer": (),
    "account": (),
    "service_point": (),
    "agreement": (),
    "agreement_state": (),
    "meter": ("last_tid",),
    "meter_install": (),
    "ledger_txn": (),
    "posting": (),
    "open_item": (),
    "payment": (),
    "allocation": (),
    "pay_plan": (),
    "deposit": (),
    "pre_receipt": (),
    "debt": (),
    "sale": (),
    "token": (),
    "token_act": (),
    "token_void": (),
    "token_order": (),
    "order_debt": (),
    "order_item": (),
    "entitlement": (),
    "free_claim": (),
    "key_change": (),
    "advance": (),
    "agreement_pause": (),
    "account_change": (),
    "billed_days": (),
    "bill_usage": (),
    "agreement_fact": (),
    "agent": (),
    "agent_float": (),
    "agent_movement": (),
    "agent_commission": (),
    "agent_topup": (),
    "cash_desk": (),
    "till_shift": (),
    "till_count": (),
    "till_move": (),
    "receipt_series": (),
    "counter_receipt": (),
    "deposit_slip": (),
    "credit_note": (),
    "terminal_item": (),
    "terminal_batch": (),
    "terminal_upload": (),
    "terminal_case": (),
    "terminal": (),
    "cashier": (),
    "terminal_shift": (),
    "terminal_receipts": (),
    "phone_guard": (),
    "phone_request": (),
    "wallet_payment": (),
}
_LEDGERS = (
    "SELECT t.company || ' ' || t.currency || ' ' || p.ledger, CAST(sum(p.amount) AS BIGINT) "
    "FROM posting p JOIN ledger_txn t ON t.id = p.txn_id GROUP BY t.company, t.currency, p.ledger"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that the books have otherwise than replay made it."""

    what: str
    detail: str


def differences(live: Reader, books: SqliteStore) -> Iterator[Difference]:
    """Every difference between the books and the replayed ones, at most 100 of each table."""
    for table, but in COMPARED.items():
        columns = tuple(c.name for c in METADATA.tables[table].columns if c.name not in but)
        keys = tuple(c.name for c in METADATA.tables[table].primary_key.columns)
        _copy(live, books, table, columns, keys)
        with books.reader_on_writer() as reader:
            yield from _of_table(reader, table, columns, keys)
    with books.reader_on_writer() as reader:
        yield from _sums(dict(live.rows(_LEDGERS)), dict(reader.rows(_LEDGERS)))


def _copy(
    live: Reader, books: SqliteStore, table: str, columns: Sequence[str], keys: Sequence[str]
) -> None:
    """Beside the replayed rows, in a table ``live_<table>``."""
    key, names = ", ".join(map(_q, keys)), ", ".join(map(_q, columns))
    places = ", ".join(f":k{n}" for n in range(len(keys)))
    with books.transaction() as tx:
        tx.run(f"DROP TABLE IF EXISTS live_{table}")
        tx.run(f"CREATE TABLE live_{table} AS SELECT {names} FROM {table} WHERE 0")
        tx.run(f"CREATE UNIQUE INDEX uq_live_{table} ON live_{table} ({key})")
        last: tuple[Any, ...] | None = None
        while True:
            more = f"WHERE ({key}) > ({places})" if last else ""
            params = {f"k{n}": value for n, value in enumerate(last or ())}
            rows = live.rows(
                f"SELECT {names} FROM {table} {more} ORDER BY {key} LIMIT {PAGE}", **params
            )
            if not rows:
                return
            tx.insert(f"live_{table}", columns, rows)
            last = tuple(rows[-1][columns.index(name)] for name in keys)


def _of_table(
    reader: Reader, table: str, columns: Sequence[str], keys: Sequence[str]
) -> Iterator[Difference]:
    on = " AND ".join(f"r.{_q(name)} = l.{_q(name)}" for name in keys)
    unlike = " OR ".join(f"l.{_q(name)} IS NOT r.{_q(name)}" for name in columns)
    pairs = ", ".join(f"l.{_q(name)}, r.{_q(name)}" for name in columns)
    for row in reader.rows(
        f"SELECT {pairs} FROM live_{table} l LEFT JOIN {table} r ON {on} "
        f"WHERE {unlike} ORDER BY {', '.join(f'l.{_q(n)}' for n in keys)} LIMIT {MOST}"
    ):
        books, replayed = row[0::2], row[1::2]
        what = _name(table, columns, keys, books)
        if all(replayed[columns.index(name)] is None for name in keys):
            yield Difference(what, "is in the books; replay makes no such row")
            continue
        for name, here, there in zip(columns, books, replayed, strict=True):
            if here != there:
                yield Difference(what, f"{name} {here} in the books, {there} by replay")
    own, order = (", ".join(f"r.{_q(n)}" for n in names) for names in (columns, keys))
    for row in reader.rows(
        f"SELECT {own} FROM {table} r LEFT JOIN live_{table} l ON {on} "
        f"WHERE l.{_q(keys[0])} IS NULL ORDER BY {order} LIMIT {MOST}"
    ):
        what = _name(table, columns, keys, row)
        yield Difference(what, "is not in the books; replay makes it")


def _name(table: str, columns: Sequence[str], keys: Sequence[str], row: Sequence[Any]) -> str:
    """As people name it: by its number where it has one."""
    if "number" in columns and table != "run_partition":
        return f"{table} {row[columns.index('number')]}"
    return f"{table} {'/'.join(str(row[columns.index(name)]) for name in keys)}"


def _sums(here: Mapping[str, int], there: Mapping[str, int]) -> Iterator[Difference]:
    for ledger in sorted({*here, *there}):
        a, b = int(here.get(ledger, 0)), int(there.get(ledger, 0))
        if a != b:
            yield Difference(f"ledger {ledger}", f"sums to {a} in the books, {b} by replay")


def _q(name: str) -> str:
    return f'"{name}"'
