"""How far pruning has come, and what it left because it was not finished."""

from sqlalchemy import PrimaryKeyConstraint, Table

from core.store.tables.base import METADATA, big
from core.store.tables.base import text as words

#: Where a walk through a table stands, for each company. Locked by whoever walks it.
RETENTION_MARK = Table(
    "retention_mark",
    METADATA,
    words("walk"),  # core.store.retention
    words("company"),
    words("after"),  # the last key that was looked at; empty: none yet
    big("at"),
    PrimaryKeyConstraint("walk", "company"),
)

#: Old, but not finished when it was looked at: looked at again in each run.
RETENTION_LEFT = Table(
    "retention_left",
    METADATA,
    words("walk"),
    words("company"),
    words("key"),
    big("at"),
    PrimaryKeyConstraint("walk", "company", "key"),
)
