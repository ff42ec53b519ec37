"""How far pruning has come, what it left because it was not finished; and who erased whom."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from core.store.tables.base import METADATA, big, identity
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

#: That somebody was erased, and who wanted and agreed to it. Once it is done the subject is the
#: pseudonym: the row does not say who it was.
ERASURE = Table(
    "erasure",
    METADATA,
    identity(),
    words("company"),
    words("kind"),  # account | phone
    words("subject"),
    words("state"),  # asked | done | refused
    words("reason"),
    words("asked_by"),
    words("decided_by"),
    big("asked_at"),
    big("decided_at"),
    words("changed"),  # JSON: rows by table
    Index("ix_erasure_company", "company", "state"),
)
