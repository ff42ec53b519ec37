"""The shared metadata and the few column kinds that exist.

Instants are integer microseconds UTC in the column too: an integer compares and indexes alike on
both engines, and no driver can shift it by a time zone.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, MetaData, Text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: 64 bits on PostgreSQL; SQLite's rowid alias needs the word INTEGER.
Big = BigInteger().with_variant(Integer(), "sqlite")


def text(name: str, default: str | None = None, **options: Any) -> Column[str]:
    """A text column that is never NULL; ``default`` is a server default."""
    return Column(name, Text, nullable=False, server_default=default, **options)


def big(name: str, default: int | None = None, **options: Any) -> Column[int]:
    """A 64-bit integer column that is never NULL: ids, minor units, milli-units, instants."""
    shown = None if default is None else str(default)
    return Column(name, Big, nullable=False, server_default=shown, **options)


def small(name: str, default: int | None = None) -> Column[int]:
    """A small number: a state, a count, a flag."""
    shown = None if default is None else str(default)
    return Column(name, Integer, nullable=False, server_default=shown)


def identity(name: str = "id") -> Column[int]:
    """A primary key whose values come from blocks (``core.store.ids``), never from the database."""
    return Column(name, Big, primary_key=True, autoincrement=False)


def maybe_big(name: str) -> Column[int | None]:
    """A 64-bit integer that may be absent."""
    return Column(name, Big, nullable=True)


def maybe_text(name: str) -> Column[str | None]:
    """A text that may be absent."""
    return Column(name, Text, nullable=True)
