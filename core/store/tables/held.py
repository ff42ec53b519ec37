"""Money by wallet that could not be booked at once, and who asked for the tokens of payments."""

from sqlalchemy import Index, Table, text

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

#: What the clock looks at: core.wallets.held_states.RUNNING.
RUNNING = "state IN ('held', 'overdue', 'waits')"
#: What rests on suspense:wallet: core.wallets.held_states.SUSPENDED.
SUSPENDED = "state IN ('held', 'overdue', 'refund-due', 'refunding')"

#: Written with its payment and changed under its own lock, after the payment's.
HELD_MONEY = Table(
    "held_money",
    METADATA,
    identity(),
    words("company"),
    big("payment_id"),  # of the table wallet_payment
    words("wallet"),
    words("receipt"),
    words("currency"),
    big("amount"),  # minor units that were held at first, or with what was taken back to it
    big("rest"),  # of them now; of what has ended 0
    words("ledger"),  # suspense:wallet, or customer-credit of one that waits for the next payment
    words("reason"),  # core.wallets.held_states.TABLE
    words("code"),  # of the refusal; empty: nothing was tried
    words("names"),  # what it is for, as far as known: meter | account | bill | order | agent
    words("target"),  # the number of that
    big("account_id"),  # whose it is, if known
    big("item_id"),
    words("state"),  # core.wallets.held_states
    words("owner"),  # who looks at it
    words("next"),  # refund | credit | work-list, when the deadline has passed
    big("since"),
    big("deadline"),
    big("next_at"),  # when it is looked at next, at its deadline at the latest
    small("lapses", 0),  # how often its deadline passed
    words("how"),  # what became of it: sold | paid | …
    words("message_id"),
    words("decision_id"),
    big("ended_at"),
    Index(
        "ix_held_money_next_at",
        "next_at",
        sqlite_where=text(RUNNING),
        postgresql_where=text(RUNNING),
    ),
    Index("ix_held_money_payment_id", "payment_id"),
    Index(
        "ix_held_money_target",
        "company",
        "target",
        sqlite_where=text("state = 'waits'"),
        postgresql_where=text("state = 'waits'"),
    ),
)

#: One row for each phone that asked.
PHONE_ASKS = Table(
    "wallet_asks",
    METADATA,
    identity(),
    words("company"),
    words("phone"),
    big("since"),  # when its hour began
    big("count"),
    Index("uq_wallet_asks_phone", "company", "phone", unique=True),
)
