"""The audit trail: what operators did, chained by hash per writer; the rows are final."""

from sqlalchemy import PrimaryKeyConstraint, Table

from core.store.tables.base import METADATA, big
from core.store.tables.base import text as words

AUDIT = Table(
    "audit",
    METADATA,
    words("writer"),  # the node that wrote it: each has a chain of its own
    big("number"),  # from 1, without gaps
    big("at"),
    words("actor"),
    words("act"),  # replay | discard | edit | show-token | show-raw
    words("subject"),  # message id, receipt, …
    words("detail"),  # JSON
    words("previous"),
    words("seal"),
    PrimaryKeyConstraint("writer", "number"),
)
