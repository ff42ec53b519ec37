"""Bringing a database to the schema of this version, and opening it."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from core.store.pg import PgStore
from core.store.sqlite import SqliteStore

Store = SqliteStore | PgStore
SQLITE = "sqlite:"


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


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(url: str) -> None:
    """Run every migration that the database has not seen."""
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
    """The newest revision of this version; raises when the line has forked."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None, "there is a first migration"
    return found


def current(url: str) -> str | None:
    """The revision that the database is at; None: empty."""
    if is_sqlite(url) and not sqlite_path(url).exists():
        return None
    engine = create_engine(_alchemy_url(url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def open_store(url: str, application: str = "wattbus") -> Store:
    """The store that a URL names: ``sqlite:PATH`` or ``postgresql://…``."""
    return SqliteStore(sqlite_path(url)) if is_sqlite(url) else PgStore(url, application)
