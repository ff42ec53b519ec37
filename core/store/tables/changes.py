"""Changes in a customer's life as documents, and which days of an agreement are billed."""

from sqlalchemy import Index, Table, text

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

ACCOUNT_CHANGE = Table(
    "account_change",
    METADATA,
    identity(),
    words("company"),
    words("kind"),  # core.changes.kinds
    words("state"),  # core.changes.states
    words("subject"),  # point/ID or account/ID: one open change of each
    small("open"),  # 1: it has not ended; a column of its own, for the index's sake
    words("account"),  # number of the account that it was asked for
    big("account_id"),  # whose agreement it is about; 0: of a move-in
    big("to_account_id"),  # who comes; 0: nobody
    big("agreement_id"),  # 0: of a move-in
    big("service_point_id"),  # 0: of another holder
    words("operator"),
    words("approver"),  # of the settlement, or of its undoing
    words("reason"),
    words("evidence"),
    words("command"),  # JSON of the RequestChange
    words("terms"),  # JSON: what the company declared when it was asked for
    words("read_on"),  # local date, ISO; empty: not read
    words("readings"),  # JSON: old and new registers, usage
    big("remaining_tenths"),  # units left in the meter, in tenths
    big("valued"),  # minor units that they became; 0: nothing
    words("before"),  # JSON: what an undoing restores beside the books
    words("did"),  # JSON: what it did, for people
    words("message_id"),
    words("settle_id"),  # the message whose postings, items and allocations the settlement is
    big("requested_at"),
    big("read_at"),
    big("settled_at"),
    big("switched_at"),
    big("ended_at"),
    Index("uq_account_change_message_id", "message_id", unique=True),
    Index(
        "uq_account_change_open",
        "company",
        "subject",
        unique=True,
        sqlite_where=text("open = 1"),
        postgresql_where=text("open = 1"),
    ),
    Index("ix_account_change_agreement_id", "agreement_id"),
    Index("ix_account_change_account_id", "account_id"),
    Index("ix_account_change_settle_id", "settle_id"),
)

#: Only of agreements whose payment mode changed, or that ended: of others all days are billed.
BILLED_DAYS = Table(
    "billed_days",
    METADATA,
    identity(),
    words("company"),
    big("agreement_id"),
    words("first"),  # local date, ISO
    words("last"),  # empty: until further notice
    words("readings"),  # JSON: what the meter showed on the first day
    big("change_id"),
    Index("ix_billed_days_agreement_id", "agreement_id"),
)
