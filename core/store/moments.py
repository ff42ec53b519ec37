"""One moment of a database, while it goes on: for backups. Nobody waits for it.

SQLite: a copy made in one read transaction. PostgreSQL: a snapshot that ``pg_dump`` can be told of.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from core.store.pg import PgStore
from core.store.sqlite import connect
from core.store.tx import Reader, StoreError, TransientStoreError


def copy_sqlite(source: Path, target: Path) -> None:
    """Write the database as it is now into ``target`` (absent or empty). StoreError."""
    with closing(connect(source)) as connection:
        try:
            connection.execute("VACUUM INTO ?", (str(target),))
        except sqlite3.Error as error:
            raise TransientStoreError(f"{source}: {error}") from error


@contextmanager
def snapshot(url: str) -> Iterator[tuple[Reader, str]]:
    """A transaction that sees one moment, and the name under which others can see it too."""
    store = PgStore(url, "wattbus-backup")
    try:
        with store.transaction() as tx:
            tx.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            tx.run("SET LOCAL statement_timeout = 0")
            tx.run("SET LOCAL idle_in_transaction_session_timeout = 0")
            ((name,),) = tx.rows("SELECT pg_export_snapshot()")
            yield tx, str(name)
    finally:
        store.close()


def whole(path: Path) -> bool:
    """Whether a SQLite file is a database without damage."""
    try:
        with closing(connect(path, readonly=True)) as connection:
            return bool(connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok")
    except (sqlite3.Error, StoreError):
        return False
