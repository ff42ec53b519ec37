"""Tokens that a security module on the network was asked for, and what it was asked for them."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table, text

from core.store.tables.base import METADATA, big, identity
from core.store.tables.base import text as words

#: Orders that are not over: what purchases of their agreement wait for.
OPEN = "state IN ('ordered', 'delayed', 'doubtful', 'wrong', 'undecided')"

TOKEN_ORDER = Table(
    "token_order",
    METADATA,
    identity(),
    words("company"),
    words("module"),  # the channel that speaks to it
    words("cause"),  # sale | act
    big("cause_id"),
    words("meter"),
    big("agreement_id"),
    big("payer_account_id"),
    words("state"),  # core.vending.order_states
    words("reference"),  # the message that asked: the module remembers the order by it
    words("asked"),  # JSON of the OrderTokens: nothing else is ever sent for it
    words("plan"),  # JSON of what is to be done when it ends, by cause
    words("code"),
    words("detail"),
    big("ordered_at"),
    big("ended_at"),
    Index("uq_token_order_reference", "reference", unique=True),
    Index("ix_token_order_cause_id", "cause_id", "cause"),
    Index(
        "ix_token_order_open",
        "agreement_id",
        sqlite_where=text(OPEN),
        postgresql_where=text(OPEN),
    ),
)

#: Debts that a sale pays when its token comes: taken down already, posted then.
ORDER_DEBT = Table(
    "order_debt",
    METADATA,
    big("order_id"),
    big("debt_id"),
    big("amount"),  # minor units
    PrimaryKeyConstraint("order_id", "debt_id"),
)

#: Open items that a sale pays when its token comes: settled already, posted then.
ORDER_ITEM = Table(
    "order_item",
    METADATA,
    big("order_id"),
    big("item_id"),
    big("amount"),  # minor units
    PrimaryKeyConstraint("order_id", "item_id"),
)

#: What a channel must know again after a crash, by its own keys: written before octets leave.
CHANNEL_NOTE = Table(
    "channel_note",
    METADATA,
    words("channel"),
    words("key"),
    words("value"),
    big("updated"),
    PrimaryKeyConstraint("channel", "key"),
)
