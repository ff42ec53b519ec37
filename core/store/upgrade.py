"""Bringing a database to the schema of this version, and opening it.

Alembic is imported when something is to be migrated: every process asks for the schema's number,
and a third of what it would import for that is Alembic's.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from core.store import pg
from core.store.pg import PgStore
from core.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from alembic.config import Config

Store = SqliteStore | PgStore
SQLITE = "sqlite:"
MIGRATIONS = Path(__file__).parent / "migrations"
_REVISION = re.compile(r'^(down_)?revision = "(\w+)"', re.MULTILINE)
_VERSION = "SELECT version_num FROM alembic_version"


def is_sqlite(url: str) -> bool:
    """Whether the URL names a SQLite file (``sqlite:PATH``)."""
    return url.startswith(SQLITE)


def sqlite_path(url: str) -> Path:
    """The file of a SQLite URL."""
    return Path(url.removeprefix(SQLITE))


def _alchemy_url(url: str) -> str:
    if is_sqlite(url):
        return f"sqlite:///{sqlite_path(url)}"
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def upgrade(url: str) -> None:
    """Run every migration that the database has not seen."""
    from alembic import command
    from sqlalchemy import create_engine

    if is_sqlite(url):
        sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(_alchemy_url(url))
    config = _config()
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    finally:
        engine.dispose()


def head() -> str:
    """The newest revision of this version; raises ValueError when the line has forked."""
    made: set[str] = set()
    passed: set[str] = set()
    for path in (MIGRATIONS / "versions").glob("*.py"):
        for down, revision in _REVISION.findall(path.read_text(encoding="utf-8")):
            (passed if down else made).add(revision)
    (found,) = made - passed
    return found


def current(url: str) -> str | None:
    """The revision that the database is at; None: empty. Raises TransientStoreError: not there."""
    if not is_sqlite(url):
        return _current_on_server(url)
    if not sqlite_path(url).exists():
        return None
    with closing(sqlite3.connect(sqlite_path(url))) as connection:
        try:
            found = connection.execute(_VERSION).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return None
    return str(found[0]) if found else None


def _current_on_server(url: str) -> str | None:
    with pg.connect(url) as connection:
        (there,) = connection.execute("SELECT to_regclass('alembic_version')").fetchone() or (None,)
        found = connection.execute(_VERSION).fetchone() if there else None
    return str(found[0]) if found else None


def works_from(url: str) -> str:
    """The oldest revision whose version may work on this database as it is now; empty: not said.

    A migration that only adds leaves it alone, so that nodes of two versions may stand side by side
    while they are restarted one by one; one that takes something away raises it.
    """
    with open_store(url).reader() as reader:
        rows = reader.rows("SELECT value FROM setting WHERE name = 'works-from'")
    return str(rows[0][0]) if rows else ""


def open_store(url: str, application: str = "wattbus") -> Store:
    """The store that a URL names: ``sqlite:PATH`` or ``postgresql://…``."""
    return SqliteStore(sqlite_path(url)) if is_sqlite(url) else PgStore(url, application)
