"""Money by wallet: one row per collection that we asked for and per pay-in that came by itself."""

from sqlalchemy import Index, Table, text

from core.store.tables.base import METADATA, big, identity
from core.store.tables.base import text as words

#: Collections of which nobody has said for sure how they end: core.wallets.states.OPEN.
OPEN = "state IN ('created', 'sent', 'pending', 'unknown')"

WALLET_PAYMENT = Table(
    "wallet_payment",
    METADATA,
    identity(),
    words("company"),
    words("number"),  # for people: W-000123
    words("wallet"),
    words("kind"),  # collection | pay-in
    words("state"),  # core.wallets.states
    words("purpose"),  # of a collection: vend | bill | top-up; of a pay-in: what it was booked for
    words("target"),  # the meter, account or agent that it is for; empty: not known
    words("reference"),  # ours, of a collection, unique for ever; empty: a pay-in
    words("receipt"),  # the provider's, unique with him; empty: no money yet
    words("currency"),  # of what was asked, or of what came by itself
    big("asked"),  # minor units; 0: a pay-in
    big("paid"),  # as the provider says it; 0: no money yet
    words("paid_currency"),  # where it is another than was asked; else empty
    big("fee"),  # what the provider keeps of it, where he says so
    words("payer"),
    words("payer_form"),  # open | masked | hashed | absent
    words("names"),  # what a provider says of the payer's name
    words("typed"),  # what the payer gave as his reference
    words("short_code"),  # what he paid to
    words("plan"),  # JSON of the RequestCollection; of a pay-in {}: never changes
    words("proof"),  # notice | status | pull | statement; empty: no money yet
    words("outcome"),  # sold | ordered | paid | topped-up | the reason for which it is held
    words("code"),  # the provider's
    words("reason"),  # ours
    words("detail"),
    big("account_id"),  # what it was booked to; 0: nothing, or another row says it
    big("agreement_id"),
    big("agent_id"),
    big("sale_id"),
    big("payment_id"),  # of the table payment
    big("held_id"),  # of the table held_money
    big("about_id"),  # the collection that it turned out to be, or paid once more
    big("provider_at"),  # his time of the payment; 0: he says none
    big("created_at"),
    big("sent_at"),
    big("paid_at"),
    big("applied_at"),
    big("settled_at"),
    big("ended_at"),  # failed, or given back
    big("deadline"),  # a collection that is open longer is late; 0: a pay-in
    words("message_id"),  # that made the row
    words("paid_message_id"),  # that brought the money
    Index("uq_wallet_payment_number", "company", "number", unique=True),
    Index(
        "uq_wallet_payment_reference",
        "reference",
        unique=True,
        sqlite_where=text("reference <> ''"),
        postgresql_where=text("reference <> ''"),
    ),
    Index(
        "uq_wallet_payment_receipt",
        "company",
        "wallet",
        "receipt",
        unique=True,
        sqlite_where=text("receipt <> ''"),
        postgresql_where=text("receipt <> ''"),
    ),
    Index(
        "ix_wallet_payment_open",
        "company",
        "deadline",
        sqlite_where=text(OPEN),
        postgresql_where=text(OPEN),
    ),
    Index(
        "ix_wallet_payment_receipt",
        "company",
        "receipt",
        sqlite_where=text("receipt <> ''"),
        postgresql_where=text("receipt <> ''"),
    ),
    Index("ix_wallet_payment_payer", "company", "payer", "created_at"),
    Index("ix_wallet_payment_paid_at", "company", "wallet", "paid_at"),
    Index(
        "ix_wallet_payment_payment_id",
        "payment_id",
        sqlite_where=text("payment_id <> 0"),
        postgresql_where=text("payment_id <> 0"),
    ),
)
