"""The double-entry ledger: append-only; the database itself refuses update and delete.

Amounts are minor units of the transaction's one currency: debit positive, credit negative; the
postings of a transaction sum to zero.
"""

from sqlalchemy import Index, PrimaryKeyConstraint, Table, text

from core.store.tables.base import METADATA, big, identity, maybe_big, small
from core.store.tables.base import text as words

LEDGER_TXN = Table(
    "ledger_txn",
    METADATA,
    identity(),
    words("company"),
    words("kind"),  # payment | sale | reversal | …
    words("currency"),
    words("message_id"),  # the command that caused it
    maybe_big("reverses"),
    big("at"),
    Index("ix_ledger_txn_at", "at"),  # the proof's way
)

POSTING = Table(
    "posting",
    METADATA,
    big("txn_id"),
    small("line"),
    words("ledger"),  # account of the chart: core.ledger
    big("owner"),  # sub-account: the customer account's id; 0: the company itself
    big("amount"),
    PrimaryKeyConstraint("txn_id", "line"),
    Index(
        "ix_posting_owner",
        "owner",
        "ledger",
        sqlite_where=text("owner <> 0"),
        postgresql_where=text("owner <> 0"),
    ),
)

DEBT = Table(
    "debt",
    METADATA,
    identity(),
    words("company"),
    big("agreement_id"),
    words("code"),
    small("priority"),
    words("method"),  # percent_of_tender | percent_of_outstanding | fixed | all
    big("value"),
    big("cap_per_sale"),  # minor units; 0: none
    big("outstanding"),
    Index("ix_debt_agreement_id", "agreement_id"),
)
