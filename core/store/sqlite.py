"""SQLite: one writer, WAL, ``synchronous=FULL`` asserted, one ``json_each`` statement per set.

``executemany`` is never used: it gives up the interpreter lock at every row, and a thread beside a
busy reactor then waits a switch interval for each (facts: 203,570 rows/s fell to 253).
"""

import re
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from core.store.tx import (
    Change,
    DataStoreError,
    FaultyStatementError,
    Insert,
    Row,
    TransientStoreError,
    checked_update,
)

_LIST = re.compile(r"\bIN :(\w+)")
_LOCKS = re.compile(r"\s+FOR (UPDATE|SHARE)\b")
_encode = msgspec.json.encode
_LEAST, _MOST = -(2**63), 2**63 - 1

#: How long a statement waits for another process's lock (a reader's checkpoint, a backup).
BUSY_TIMEOUT_MS = 5_000
#: A reader's statement is given up after so many virtual machine steps (some seconds).
READER_STEP_LIMIT = 50_000_000
#: Readers kept open: as many as the reactor's threads ask at once. Opening one reads the schema.
IDLE_READERS = 10


@cache
def compiled(sql: str) -> tuple[str, frozenset[str]]:
    """The statement in SQLite's words, and the names of its list parameters."""
    lists = frozenset(_LIST.findall(sql))
    return _LOCKS.sub("", _LIST.sub(r"IN (SELECT value FROM json_each(:\1))", sql)), lists


@cache
def _values(columns: int, table: str, names: tuple[str, ...]) -> str:
    parts = ", ".join(f"json_extract(value, '$[{i}]') AS {n}" for i, n in enumerate(names))
    assert columns == len(names), table
    return f"SELECT {parts} FROM json_each(:rows)"


def encoded(rows: Sequence[Row]) -> str:
    """A set of rows as JSON. Raises DataStoreError for what no column can hold.

    An integer beyond 64 bits would silently become a float in ``json_extract``: money is refused.
    """
    beyond = [v for row in rows for v in row if type(v) is int and not _LEAST <= v <= _MOST]
    if beyond:
        raise DataStoreError(f"an integer beyond 64 bits: {beyond[0]}")
    return _json(rows, (value for row in rows for value in row))


def _json(data: Any, values: Iterable[Any]) -> str:
    """JSON for ``json_each``, which would silently cut a text at a NUL: two keys became one."""
    try:
        text = _encode(data).decode()
    except UnicodeEncodeError as error:
        raise DataStoreError(f"a text that is not Unicode: {error}") from error
    if "\\u0000" in text and any(isinstance(v, str) and "\0" in v for v in values):
        raise DataStoreError("a text with a NUL in it")
    return text


class SqliteTx:
    """Statements on one SQLite connection."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def _execute(self, sql: str, params: dict[str, Any]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, params)
        except sqlite3.OperationalError as error:
            ours = error.sqlite_errorcode == sqlite3.SQLITE_ERROR  # no such column, and the like
            kind = FaultyStatementError if ours else TransientStoreError
            raise kind(f"{error} in: {sql[:120]}") from error
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError) as error:
            raise DataStoreError(f"{error} in: {sql[:120]}") from error

    def _bound(self, sql: str, params: dict[str, Any]) -> sqlite3.Cursor:
        text, lists = compiled(sql)
        for name in lists:
            values = list(params[name])
            params[name] = _json(values, values)
        return self._execute(text, params)

    def rows(self, sql: str, /, **params: Any) -> list[Row]:
        """See :class:`core.store.tx.Reader`."""
        cursor = self._bound(sql, params)
        try:
            return cursor.fetchall()  # SQLite works while it is read
        except sqlite3.OperationalError as error:
            raise TransientStoreError(f"{error} in: {sql[:120]}") from error

    def run(self, sql: str, /, **params: Any) -> int:
        """See :class:`core.store.tx.Tx`."""
        return self._bound(sql, params).rowcount

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], tail: str = ""
    ) -> list[Row]:
        """See :class:`core.store.tx.Tx`."""
        if not rows:
            return []
        names = tuple(columns)
        # "WHERE true" keeps the parser from reading ON CONFLICT as a join's ON
        sql = (
            f"INSERT INTO {table} ({', '.join(map(quoted, names))}) "
            f"{_values(len(names), table, tuple(map(quoted, names)))} WHERE true {tail}"
        )
        return self._execute(sql, {"rows": encoded(rows)}).fetchall()

    def load(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
        """See :class:`core.store.tx.Tx`: one statement is the fastest here."""
        self.insert(table, columns, rows)

    def update(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], *, must_match: bool = True
    ) -> None:
        """See :class:`core.store.tx.Tx`."""
        if not rows:
            return
        key, *rest = map(quoted, columns)
        sets = ", ".join(f"{name} = v.{name}" for name in rest)
        sql = (
            f"UPDATE {table} SET {sets} FROM "
            f"({_values(len(columns), table, (key, *rest))}) AS v WHERE {table}.{key} = v.{key}"
        )
        touched = self._execute(sql, {"rows": encoded(rows)}).rowcount
        checked_update(table, rows, touched if must_match else len(rows))

    def write(self, changes: Iterable[Change]) -> None:
        """See :class:`core.store.tx.Tx`: a statement here is a call, one each is as good."""
        for change in changes:
            if isinstance(change, Insert):
                self.insert(change.table, change.columns, change.rows, change.tail)
            else:
                self.update(change.table, change.columns, change.rows, must_match=change.must_match)

    def ring(self, bell: str, payload: str = "") -> None:
        """Nobody else listens: the wake-up is a call in the process."""


def quoted(name: str) -> str:
    """A column name that may be a word of SQL (``class``, ``key``)."""
    return f'"{name}"'


def connect(path: Path | str, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection with the promises set; the writer's are read back and asserted."""
    connection = sqlite3.connect(
        str(path), isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    # without it REPLACE deletes final rows unseen: their triggers would not fire
    connection.execute("PRAGMA recursive_triggers = ON")
    if readonly:
        connection.execute("PRAGMA query_only = 1")
        return connection
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    set_durable(connection)
    level = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or level != 2:
        raise TransientStoreError(f"{path}: journal_mode {mode}, synchronous {level}: not safe")
    return connection


def set_durable(connection: sqlite3.Connection) -> None:
    """Every commit reaches the disk before it is answered (power loss keeps what was accepted)."""
    connection.execute("PRAGMA synchronous = FULL")


class _StepLimit:
    """Stops a reader whose statements have run away; made anew for each query."""

    def __init__(self) -> None:
        self._calls = 0

    def __call__(self) -> int:
        self._calls += 1
        return int(self._calls * 1_000_000 > READER_STEP_LIMIT)


class SqliteReader:
    """Reads beside a running hub: no writing connection, no lock."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._idle: deque[sqlite3.Connection] = deque()

    @contextmanager
    def reader(self) -> Iterator[SqliteTx]:
        """A read-only connection for one thread; kept for the next one unless it failed."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = connect(self.path, readonly=True)
        connection.set_progress_handler(_StepLimit(), 1_000_000)
        try:
            yield SqliteTx(connection)
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < IDLE_READERS:
            self._idle.append(connection)
        else:
            connection.close()

    @contextmanager
    def patient_reader(self) -> Iterator[SqliteTx]:
        """A read-only connection without the limit of steps: for a check of all the books."""
        connection = connect(self.path, readonly=True)
        try:
            yield SqliteTx(connection)
        finally:
            connection.close()

    def close(self) -> None:
        """Close the readers at rest."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


class SqliteStore(SqliteReader):
    """The embedded engine: one writing connection, fresh readers."""

    dialect = "sqlite"

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._writer = connect(self.path)

    @contextmanager
    def transaction(self) -> Iterator[SqliteTx]:
        """``BEGIN IMMEDIATE`` … ``COMMIT``, or ``ROLLBACK`` when anything is raised."""
        tx = SqliteTx(self._writer)
        tx.run("BEGIN IMMEDIATE")
        try:
            yield tx
            tx.run("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise

    @contextmanager
    def reader_on_writer(self) -> Iterator[SqliteTx]:
        """Read on the writing connection, between transactions: what the next one would see."""
        yield SqliteTx(self._writer)

    def close(self) -> None:
        """Close the readers at rest and the writer."""
        super().close()
        self._writer.close()
