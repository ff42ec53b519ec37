"""Bringing a database to the schema of this version, and opening it.

Alembic is imported when something is to be migrated: every process asks for the schema's number,
and a third of what it would import for that is Alembic's.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.store import pg
from core.store.limits import LIMITS, PgLimits
from core.store.pg import PgStore
from core.store.sqlite import SqliteStore
from core.store.tx import TransientStoreError

if TYPE_CHECKING:
    import psycopg
    from alembic.config import Config
    from sqlalchemy import Engine, TextClause

Store = SqliteStore | PgStore
SQLITE = "sqlite:"
MIGRATIONS = Path(__file__).parent / "migrations"
_REVISION = re.compile(r'^(down_)?revision = "(\w+)"', re.MULTILINE)
_STOPS = re.compile(r'^stops_older = "', re.MULTILINE)
#: Programs of this schema and later ones may work on a newer one that says so: what came before it
#: knew nothing of other nodes, and compared a repeated payment by fewer fields.
OLDEST = "0028"
#: Where a database keeps the oldest schema whose programs may work on it.
WORKS_FROM = "works-from"
#: A migration waits so long for a table that somebody uses; all who come after it wait with it.
UPGRADE_LOCK_S = 5
_VERSION = "SELECT version_num FROM alembic_version"


def is_sqlite(url: str) -> bool:
    """Whether the URL names a SQLite file (``sqlite:PATH``)."""
    return url.startswith(SQLITE)


def sqlite_path(url: str) -> Path:
    """The file of a SQLite URL."""
    return Path(url.removeprefix(SQLITE))


def _engine(url: str) -> "Engine":
    from sqlalchemy import create_engine

    if is_sqlite(url):
        return create_engine(f"sqlite:///{sqlite_path(url)}")
    return create_engine("postgresql+psycopg://", creator=lambda: _patient(url))


def _patient(url: str) -> "psycopg.Connection[Any]":
    """For migrations: no limit to a statement, a short one to waiting for those who work."""
    import psycopg

    return psycopg.connect(
        url,
        application_name="wattbus-upgrade",
        options=f"-c lock_timeout={UPGRADE_LOCK_S}s",
        connect_timeout=LIMITS.connect_s,
        **pg.writing(url),
    )


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def upgrade(url: str) -> None:
    """Run every migration that the database has not seen, each in a transaction of its own.

    Raises TransientStoreError where somebody's lock was in the way: what was done stays done, and
    the rest is done by running it again.
    """
    from alembic import command
    from sqlalchemy.exc import OperationalError

    if is_sqlite(url):
        sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(url)
    config = _config()
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.execute(*_works_from())
            connection.commit()
    except OperationalError as error:
        if is_sqlite(url):
            raise
        raise TransientStoreError(
            f"the database is not at schema {head()} yet; what was done stays done: run it again "
            f"when what was in the way has ended ({error.orig})"
        ) from error
    finally:
        engine.dispose()


def _works_from() -> "tuple[TextClause, dict[str, str]]":
    from sqlalchemy import text

    return text(
        "INSERT INTO setting (name, value) VALUES (:name, :value) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    ), {"name": WORKS_FROM, "value": works_from()}


def works_from() -> str:
    """The oldest schema whose programs may work on this version's.

    Migrations add, so that the version before goes on beside them (docs/operations/runbook.md). One
    that cannot do so says ``stops_older = "why"``.
    """
    files = (MIGRATIONS / "versions").glob("*.py")
    stopping: list[str] = [
        revision
        for source in [path.read_text(encoding="utf-8") for path in files]
        if _STOPS.search(source)
        for down, revision in _REVISION.findall(source)
        if not down
    ]
    return max([OLDEST, *stopping])


def fits(url: str) -> bool:
    """Whether this version may work on the database: it is at its schema, or at a newer one that
    says that older programs may."""
    found, wanted = current(url), head()
    if found is None or found <= wanted:
        return found == wanted
    with closing(open_store(url)) as store, store.reader() as reader:
        rows = reader.rows("SELECT value FROM setting WHERE name = :name", name=WORKS_FROM)
    return bool(rows) and "" < str(rows[0][0]) <= wanted


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


def open_store(url: str, application: str = "wattbus", limits: PgLimits = LIMITS) -> Store:
    """The store that a URL names: ``sqlite:PATH`` or ``postgresql://…``."""
    return SqliteStore(sqlite_path(url)) if is_sqlite(url) else PgStore(url, application, limits)
