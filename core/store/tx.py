"""One transaction, as the rest of Wattbus sees it: one driver call per set, on either engine.

Statements are written once, in plain SQL with ``:name`` parameters, and two words that differ:

* ``IN :names`` takes a list (``= ANY(…)`` on PostgreSQL, ``json_each`` on SQLite);
* ``FOR UPDATE`` and ``FOR SHARE`` are dropped on SQLite, whose single writer needs no row locks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

Row = tuple[Any, ...]

#: Columns of text on PostgreSQL; all the others are 64-bit integers there.
_TEXT_TYPES = ("TEXT",)


@dataclass(frozen=True, slots=True)
class Insert:
    """A set of new rows; ``tail`` is ``ON CONFLICT … DO …`` or empty."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    tail: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """A set of changed rows, found by their first column.

    A key that comes twice (an ``UPDATE … FROM`` would silently apply one of the two) and a row that
    is not there are our own bugs: ``AssertionError``. ``must_match=False`` allows missing rows.
    """

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]
    must_match: bool = True


Change = Insert | Update


def together(changes: Iterable[Change]) -> list[list[Change]]:
    """The changes in groups that one statement may carry, with the same effect as one by one.

    All parts of a statement see what was there before it. So an update of a table that the group
    has written already needs a statement of its own; so does a second insert.
    """
    groups: list[list[Change]] = []
    written: set[tuple[str, type[Change]]] = set()
    for change in changes:
        if not change.rows:
            continue
        inserted = (change.table, Insert) in written
        if not groups or inserted or (change.table, type(change)) in written:
            groups.append([])
            written.clear()
        groups[-1].append(change)
        written.add((change.table, type(change)))
    return groups


class Reader(Protocol):
    """Reads; what ``core.queries`` gets."""

    def rows(self, sql: str, /, **params: Any) -> list[Row]:
        """Every row of a SELECT (or of a RETURNING)."""


class Tx(Reader, Protocol):
    """A transaction in progress. Commit and rollback belong to whoever opened it."""

    dialect: str

    def run(self, sql: str, /, **params: Any) -> int:
        """Execute; returns the number of rows touched."""

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], tail: str = ""
    ) -> list[Row]:
        """Insert a set in one statement; ``tail`` is ``ON CONFLICT … RETURNING …`` or empty."""

    def load(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
        """Insert a large set as fast as the engine can (COPY); no value may be None."""

    def update(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], *, must_match: bool = True
    ) -> None:
        """Update by the first column, one statement.

        Raises ``AssertionError`` when a key comes twice (an ``UPDATE … FROM`` would silently apply
        one of the two) or when a row is missing: either is our own bug, and the batch rolls back.
        ``must_match=False`` allows rows that are not there.
        """

    def write(self, changes: Iterable[Change]) -> None:
        """All changes, in their order, in as few statements as the engine can."""

    def ring(self, bell: str, payload: str = "") -> None:
        """Wake who listens to ``bell``, with the commit; a hint, nothing on SQLite."""


class StoreError(Exception):
    """A database error, classified at the border."""


class TransientStoreError(StoreError):
    """Deadlock, serialization, connection, disk, busy: the whole batch is run again."""


class UnknownOutcomeError(TransientStoreError):
    """The connection was lost at COMMIT: what was to be written stands, or does not.

    Whoever has it asks the database by a key of his before he says or does anything about it.
    """


class FaultyStatementError(TransientStoreError):
    """The database does not understand a statement: program and schema do not fit together.

    It is neither the data's fault, so nobody may be buried for it, nor does it pass by itself.
    Every stage keeps what it has and rests, as when the store is away, until somebody mends it;
    only the log says something else (``hub.stages.log_away``).
    """


class DataStoreError(StoreError):
    """The data cannot be stored: one message of the batch is to blame."""


@cache
def column_kinds(table: str) -> dict[str, str]:
    """Column -> ``text`` or ``bigint``, from the one metadata."""
    from core.store.tables import METADATA  # who only reads starts without SQLAlchemy

    return {
        column.name: "text" if str(column.type) in _TEXT_TYPES else "bigint"
        for column in METADATA.tables[table].columns
    }


def checked_update(table: str, rows: Sequence[Row], touched: int) -> None:
    """The guard of every update: unique keys, and every key was there."""
    keys = {row[0] for row in rows}
    assert len(keys) == len(rows), f"{table}: the same row is updated twice in one set"
    assert touched == len(rows), f"{table}: {len(rows)} rows to update, {touched} were there"
