"""PostgreSQL by psycopg 3: one ``unnest`` statement per set, prepared by the driver."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import errors

from core.store.limits import LIMITS, PgLimits
from core.store.pg_arrays import as_array, columnar, register
from core.store.pg_copy import copy_statement, copy_text
from core.store.pg_write import checked, shape_of, statement
from core.store.tx import (
    Change,
    DataStoreError,
    FaultyStatementError,
    Row,
    TransientStoreError,
    UnknownOutcomeError,
    Update,
    column_kinds,
    together,
)

_LIST = re.compile(r"\bIN :(\w+)")
_NAME = re.compile(r"(?<![:\w]):(\w+)")


@cache
def compiled(sql: str) -> tuple[str, tuple[str, ...]]:
    """The statement in psycopg's words, and the names of its list parameters."""
    lists = tuple(dict.fromkeys(_LIST.findall(sql)))  # one may stand in several places
    return _NAME.sub(r"%(\1)s", _LIST.sub(r"= ANY(:\1)", sql.replace("%", "%%"))), lists


@cache
def _unnest(table: str, columns: tuple[str, ...]) -> str:
    kinds = column_kinds(table)
    return ", ".join(f"%(c{i})s::{kinds[name]}[]" for i, name in enumerate(columns))


def _arrays(table: str, columns: Sequence[str], rows: Sequence[Row]) -> dict[str, Any]:
    return {f"c{i}": array for i, array in enumerate(columnar(table, columns, rows))}


def _quoted(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


class PgTx:
    """Statements on one PostgreSQL connection."""

    dialect = "postgresql"

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._bells: dict[tuple[str, str], None] = {}

    def _execute(self, sql: str, params: dict[str, Any]) -> psycopg.Cursor[Any]:
        with _classified(sql):
            return self._cursor.execute(sql, params)

    def _bound(self, sql: str, params: dict[str, Any]) -> psycopg.Cursor[Any]:
        text, lists = compiled(sql)
        for name in lists:
            params[name] = as_array(list(params[name]))
        return self._execute(text, params)

    def rows(self, sql: str, /, **params: Any) -> list[Row]:
        """See :class:`core.store.tx.Reader`."""
        return self._bound(sql, params).fetchall()

    def run(self, sql: str, /, **params: Any) -> int:
        """See :class:`core.store.tx.Tx`."""
        return self._bound(sql, params).rowcount

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], tail: str = ""
    ) -> list[Row]:
        """See :class:`core.store.tx.Tx`."""
        if not rows:
            return []
        sql = (
            f"INSERT INTO {table} ({_quoted(columns)}) "
            f"SELECT * FROM unnest({_unnest(table, tuple(columns))}) {tail}"
        )
        cursor = self._execute(sql, _arrays(table, columns, rows))
        return cursor.fetchall() if cursor.description else []

    def load(self, table: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
        """See :class:`core.store.tx.Tx`."""
        if rows:
            sql = copy_statement(table, columns)
            with _classified(sql), self._cursor.copy(sql) as copy:
                copy.write(copy_text(table, columns, rows))

    def update(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], *, must_match: bool = True
    ) -> None:
        """See :class:`core.store.tx.Tx`."""
        self.write([Update(table, tuple(columns), rows, must_match)])

    def write(self, changes: Iterable[Change]) -> None:
        """See :class:`core.store.tx.Tx`."""
        for group in together(changes):
            sql = statement(tuple(shape_of(change) for change in group))
            params = [
                array
                for change in group
                for array in columnar(change.table, change.columns, change.rows)
            ]
            # "$1" as it stands: looking for names in a text of this length costs more than the call
            cursor = psycopg.RawCursor(self._connection)
            with _classified(sql):
                row = cursor.execute(sql, params, prepare=True).fetchone()
            checked(group, row or ())

    def ring(self, bell: str, payload: str = "") -> None:
        """See :class:`core.store.tx.Tx`; ``payload`` is a word of ours, never a customer's."""
        assert payload.isalnum() or not payload, payload
        self._bells[bell, payload] = None

    def commit(self) -> None:
        """``COMMIT``, and the bells with it in one round trip."""
        bells = "".join(f"NOTIFY {bell}, '{word}'; " for bell, word in self._bells)
        try:
            with _classified("COMMIT"):
                self._cursor.execute(f"{bells}COMMIT", prepare=False)
        except TransientStoreError as error:
            if is_definite(error.__cause__):
                raise
            raise UnknownOutcomeError(f"not known whether it was committed: {error}") from error


@contextmanager
def _classified(sql: str) -> Iterator[None]:
    """Whose fault a database error is: the data's, ours, or nobody's (run the batch again)."""
    try:
        yield
    except (errors.DataError, errors.IntegrityError, UnicodeError) as error:
        raise DataStoreError(f"{error} in: {sql[:120]}") from error
    except psycopg.ProgrammingError as error:
        raise FaultyStatementError(f"{error} in: {sql[:120]}") from error
    except psycopg.Error as error:
        kind = DataStoreError if _too_large(error) else TransientStoreError
        raise kind(f"{error} in: {sql[:120]}") from error


#: A COMMIT that ends with one of these was rolled back. (A commit that has only to wait for its
#: standby is not cancelled by a time limit: PostgreSQL warns and says that it is committed.)
_ROLLED_BACK = ("40", "53", "55", "57014")


def is_definite(cause: BaseException | None) -> bool:
    """Whether the error of a COMMIT says that nothing was committed; a lost connection does not,
    nor does a server that is shut down (it may have been waiting for its standby)."""
    state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    return (state or "").startswith(_ROLLED_BACK)


def _too_large(error: psycopg.Error) -> bool:
    """Class 54: a value beyond what an index or a row takes; it never will, so it is the data."""
    return (error.sqlstate or "").startswith("54")


def connect(
    url: str, *, application: str = "wattbus", limits: PgLimits = LIMITS
) -> psycopg.Connection[Any]:
    """A connection in READ COMMITTED with its time limits set; of several hosts, one that writes.

    Raises TransientStoreError: nobody there, nobody who writes, or no connection left (the server
    says which).
    """
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            application_name=application,
            options=limits.options(),
            connect_timeout=limits.connect_s,
            keepalives_idle=limits.peer_s,
            tcp_user_timeout=limits.peer_s * 1_000,
            **writing(url),
        )
    except psycopg.Error as error:
        raise TransientStoreError(str(error)) from error
    register(connection)
    return connection


def writing(url: str) -> dict[str, Any]:
    """Of several hosts the one that takes writes, unless the URL says which it wants."""
    several = "," in urlsplit(url).netloc
    said = "target_session_attrs" in url
    return {"target_session_attrs": "read-write"} if several and not said else {}


_READ_ONLY = "SET default_transaction_read_only = on"


class PgStore:
    """One writing connection of one process or thread; readers are connections of their own."""

    dialect = "postgresql"

    def __init__(self, url: str, application: str = "wattbus", limits: PgLimits = LIMITS) -> None:
        self.url = url
        self._application, self._limits = application, limits
        #: Asked of every new writing connection before anything is written on it; it may refuse.
        self.greet: Callable[[PgTx], None] | None = None
        self._writer: psycopg.Connection[Any] | None = None
        self._idle: deque[psycopg.Connection[Any]] = deque()

    def connection(self) -> psycopg.Connection[Any]:
        """The writing connection, opened again after a loss."""
        if self._writer is None or self._writer.closed or self._writer.broken:
            connection = self._connect()
            if self.greet is not None:
                self._welcome(connection, self.greet)
            self._writer = connection
        return self._writer

    def _welcome(self, connection: psycopg.Connection[Any], greet: Callable[[PgTx], None]) -> None:
        try:
            greet(PgTx(connection))
        except BaseException:
            connection.close()
            raise

    def _connect(self) -> psycopg.Connection[Any]:
        return connect(self.url, application=self._application, limits=self._limits)

    @contextmanager
    def transaction(self) -> Iterator[PgTx]:
        """``BEGIN`` … ``COMMIT``, or ``ROLLBACK`` when anything is raised."""
        connection = self.connection()
        tx = PgTx(connection)
        tx.run("BEGIN")
        try:
            yield tx
            tx.commit()
        except BaseException:
            self._abandon(connection)
            raise

    def _abandon(self, connection: psycopg.Connection[Any]) -> None:
        try:
            if not connection.closed:
                connection.execute("ROLLBACK")
        except psycopg.Error:
            connection.close()

    @contextmanager
    def reader_on_writer(self) -> Iterator[PgTx]:
        """Read on the writing connection, each statement by itself."""
        yield PgTx(self.connection())

    @contextmanager
    def reader(self) -> Iterator[PgTx]:
        """A read-only connection for one thread; kept for the next one unless it failed."""
        connection = self._reading()
        try:
            yield PgTx(connection)
        except BaseException:
            connection.close()
            self._rest_no_more()  # where one is lost the others may be too
            raise
        if len(self._idle) < self._limits.readers:
            self._idle.append(connection)
        else:
            connection.close()

    def _reading(self) -> psycopg.Connection[Any]:
        """One at rest that still answers, else a new one: a server that was started again is no
        trouble of who asks now."""
        with suppress(IndexError):
            connection = self._idle.pop()  # the last used: the others may rest
            try:
                connection.execute(_READ_ONLY)
                return connection
            except psycopg.Error:
                connection.close()
                self._rest_no_more()
        connection = self._connect()
        with _classified(_READ_ONLY):
            connection.execute(_READ_ONLY)
        return connection

    def _rest_no_more(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def close(self) -> None:
        """Close the writer and the readers at rest."""
        self._rest_no_more()
        if self._writer is not None:
            self._writer.close()
