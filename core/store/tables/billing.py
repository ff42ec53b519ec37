"""Bills: the periods, what was used in them, runs with their partitions, bills with their lines."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table, text

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

BILLING_PERIOD = Table(
    "billing_period",
    METADATA,
    words("company"),
    big("period"),  # YYYYMM
    words("state"),  # open | closed
    big("opened_at"),
    big("closed_at"),  # 0: not yet
    PrimaryKeyConstraint("company", "period"),
)

#: What an agreement used in a period; final. A correction is a row of the next version.
BILL_USAGE = Table(
    "bill_usage",
    METADATA,
    identity(),
    words("company"),
    big("agreement_id"),
    big("period"),
    small("version"),
    words("first"),  # local dates, ISO; both are billed
    words("last"),
    words("registers"),  # JSON: name -> milli-units, as the tariff names them
    words("source"),  # who measured or said so
    small("estimated"),
    big("recorded_at"),
    Index("uq_bill_usage_agreement_id", "agreement_id", "period", "version", unique=True),
)

BILL_RUN = Table(
    "bill_run",
    METADATA,
    identity(),
    words("company"),
    big("period"),
    words("kind"),  # regular | rebill
    words("state"),  # core.billing.states
    words("currency"),
    small("due_days"),
    small("size"),  # agreements of a partition
    words("rules"),  # JSON: outsorting
    words("tariffs"),  # JSON: code -> digest, frozen
    words("operator"),
    words("approver"),
    words("due"),  # local date, ISO; empty until the first bill is issued
    big("planned_at"),
    big("approved_at"),
    big("issued_at"),
    Index("ix_bill_run_period", "company", "period"),
)

#: A run's work list: each row is one transaction per phase, done or not done.
RUN_PARTITION = Table(
    "run_partition",
    METADATA,
    big("run_id"),
    small("number"),
    words("state"),  # core.billing.states
    big("from_agreement"),
    big("to_agreement"),
    words("inputs"),  # JSON, frozen: core.billing.shapes.Frozen
    words("snapshot"),  # digest of the inputs
    words("digest"),  # of the bills; what a second calculation is compared with
    big("first_bill"),
    big("bills"),
    big("held"),
    big("total"),
    PrimaryKeyConstraint("run_id", "number"),
)

BILL = Table(
    "bill",
    METADATA,
    identity(),
    words("company"),
    big("run_id"),
    big("agreement_id"),
    big("account_id"),
    big("period"),
    small("sequence"),
    small("live"),  # 1: the bill of its identity; a column of its own, for the index's sake
    words("state"),  # core.billing.states
    words("outsort"),  # why it was held; kept for ever
    words("tariff"),
    big("usage_id"),
    words("snapshot"),
    words("digest"),
    big("consumption"),
    big("net"),
    big("tax"),
    big("total"),
    words("credits"),  # JSON: [[ledger, amount], …] what it posts against its receivable
    big("replaces"),  # the bill that it corrects; 0: none
    big("txn_id"),  # 0 until issued, like the three below
    big("item_id"),
    big("reversal_id"),
    big("issued_at"),
    big("made_at"),
    Index("ix_bill_account_id", "account_id"),
    Index(
        "ix_bill_outsorted",
        "run_id",
        sqlite_where=text("outsort <> ''"),
        postgresql_where=text("outsort <> ''"),
    ),
    Index(
        "uq_bill_live",
        "agreement_id",
        "period",
        "sequence",
        unique=True,
        sqlite_where=text("live = 1"),
        postgresql_where=text("live = 1"),
    ),
)

#: Final, like postings.
BILL_LINE = Table(
    "bill_line",
    METADATA,
    big("bill_id"),
    small("line"),
    words("step"),
    words("code"),
    words("label"),
    words("ledger"),
    words("tax_class"),
    words("payee"),
    big("amount"),
    big("included"),
    big("quantity_milli"),
    words("unit"),
    big("rate_e8"),
    big("base"),
    small("block"),
    words("tou"),
    words("first"),  # empty: of the whole bill
    words("last"),
    PrimaryKeyConstraint("bill_id", "line"),
)

#: Which transactions of bills came when among the decisions (``core.billing.order``). Final.
BILL_ORDER = Table(
    "bill_order",
    METADATA,
    identity("first_txn"),
    big("last_txn"),
    big("decided"),
)
