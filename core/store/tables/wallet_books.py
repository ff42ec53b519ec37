"""What proves money by wallet: providers' statements, payouts, refunds, and cases for people."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table, text

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

#: A refund that failed gave nothing back: the payment may be asked for once more.
STANDS = "state <> 'failed'"
_OPEN = "state = 'open'"
_RECEIPT = "receipt <> ''"

#: Money on its way back to its payer, or taken back by the provider. One at a time per payment.
WALLET_REFUND = Table(
    "wallet_refund",
    METADATA,
    identity(),
    words("company"),
    words("wallet"),
    big("payment_id"),  # of wallet_payment
    words("cause"),  # act | held | provider: who wanted it
    words("state"),  # core.wallets.refund_states
    words("reference"),  # ours, unique for ever; empty: the provider's own doing
    words("receipt"),  # of the payment
    words("reversal_receipt"),  # the provider's number of the reversal
    words("currency"),
    big("amount"),
    big("act_id"),
    words("why"),
    words("proof"),
    words("code"),  # the provider's
    words("detail"),
    big("txn_id"),  # 0: the money is not out of the books
    big("asked_at"),
    big("ended_at"),
    words("message_id"),
    Index(
        "uq_wallet_refund_payment_id",
        "payment_id",
        unique=True,
        sqlite_where=text(STANDS),
        postgresql_where=text(STANDS),
    ),
    Index("ix_wallet_refund_open", "company", "state", "asked_at"),
)

#: What people must look at. Closed by somebody by name.
WALLET_CASE = Table(
    "wallet_case",
    METADATA,
    identity(),
    words("company"),
    words("wallet"),
    words("kind"),  # core.wallets.cases
    words("state"),  # open | closed
    big("payment_id"),  # of wallet_payment; 0: none of ours
    words("receipt"),
    words("currency"),
    big("amount"),  # what it is about
    words("detail"),
    words("evidence"),
    words("message_id"),
    big("opened_at"),
    big("closed_at"),
    words("closed_by"),
    words("reason"),
    big("act_id"),  # that closed it
    Index(
        "ix_wallet_case_open",
        "company",
        "opened_at",
        sqlite_where=text(_OPEN),
        postgresql_where=text(_OPEN),
    ),
    Index("ix_wallet_case_payment_id", "payment_id"),
)

#: A row per wallet, locked while its statements and payouts are taken: one of two at once waits.
WALLET_TURN = Table(
    "wallet_turn",
    METADATA,
    words("company"),
    words("wallet"),
    PrimaryKeyConstraint("company", "wallet"),
)

#: A provider's account of a day, of as many pages as it has.
WALLET_STATEMENT = Table(
    "wallet_statement",
    METADATA,
    identity(),
    words("company"),
    words("wallet"),
    big("day"),  # YYYYMMDD in the company's zone
    words("currency"),
    words("pages"),  # JSON: the numbers that came
    big("last_page"),  # 0: it did not come yet
    words("source"),
    words("checked"),  # no | yes: what is ours only has been looked for
    big("taken_at"),
    Index("uq_wallet_statement_day", "company", "wallet", "day", unique=True),
)

#: A line of a statement with its outcome. Page 0: a payment of ours that no line names.
WALLET_STATEMENT_LINE = Table(
    "wallet_statement_line",
    METADATA,
    identity(),
    words("company"),
    big("statement_id"),
    big("page"),
    small("line"),
    words("receipt"),
    words("original"),  # of a reversal: the receipt of what it gave back
    words("reference"),
    words("typed"),
    words("payer"),
    big("amount"),  # below 0: a reversal
    big("fee"),
    big("at"),
    words("outcome"),  # core.wallets.statements
    big("payment_id"),  # of wallet_payment; 0: none of ours when it was compared
    big("ours"),  # what we had
    words("detail"),
    big("compared_at"),
    Index(
        "uq_wallet_statement_line_receipt",
        "statement_id",
        "receipt",
        unique=True,
        sqlite_where=text(_RECEIPT),
        postgresql_where=text(_RECEIPT),
    ),
    Index("ix_wallet_statement_line_receipt", "company", "receipt"),
    Index("ix_wallet_statement_line_outcome", "company", "outcome"),
)

#: A payout of a provider to our bank. The bank's reference counts once.
WALLET_SETTLEMENT = Table(
    "wallet_settlement",
    METADATA,
    identity(),
    words("company"),
    words("wallet"),
    words("reference"),
    words("desk"),
    words("currency"),
    big("amount"),
    big("fee"),
    big("until"),  # YYYYMMDD
    big("until_us"),  # the end of that day
    big("expected"),  # what was not settled of payments up to then, less refunds
    big("payments"),  # how many they are
    big("txn_id"),
    big("at"),
    words("message_id"),
    Index("uq_wallet_settlement_reference", "company", "wallet", "reference", unique=True),
)
