"""Sales, their tokens, purchases that wait for a confirmation, and the module's own log."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text, text

from core.store.tables.base import METADATA, big, identity, maybe_text, small
from core.store.tables.base import text as words

SALE = Table(
    "sale",
    METADATA,
    identity(),
    words("company"),
    words("message_id"),
    words("state"),  # core.vending.states
    words("channel"),
    words("phone"),
    big("payer_account_id"),
    big("account_id"),  # beneficiary
    big("agreement_id"),
    big("meter_id"),
    words("currency"),
    big("tender"),
    big("units_tenths"),
    big("carried_forward"),
    big("period"),
    words("tariff"),  # code@valid_from
    words("lines"),  # JSON of the receipt's lines
    maybe_text("receipt"),
    big("priced_at"),
    big("issued_at", 0),  # when it was posted; 0: not issued
    words("effect", ""),  # JSON of core.vending.sale_effects; empty: sold before it was kept
    big("agent_id", 0),  # whose float paid; 0: the payer's account did
    Index("uq_sale_message_id", "message_id", unique=True),
    Index("ix_sale_meter_id", "meter_id", "priced_at"),
    Index("ix_sale_phone", "phone", "priced_at"),
    Index("uq_sale_company_receipt", "company", "receipt", unique=True),
    Index("ix_sale_priced_at", "priced_at"),  # the proof's way
    Index(
        "ix_sale_agent_id",
        "agent_id",
        "priced_at",
        sqlite_where=text("agent_id <> 0"),
        postgresql_where=text("agent_id <> 0"),
    ),
)

TOKEN = Table(
    "token",
    METADATA,
    identity(),
    words("company"),
    words("digits"),
    words("cause"),  # sale | key-change | …
    big("cause_id"),
    big("meter_id"),
    small("class"),
    small("subclass"),
    big("tid"),  # -1: has none
    small("rnd"),
    big("value"),  # tenths of the unit
    words("sgc"),
    small("krn"),
    words("ti"),
    big("made_at"),
    Index("ix_token_digits", "digits"),
    Index("ix_token_cause_id", "cause_id"),
    Index("ix_token_made_at", "made_at"),  # the proof's way
)

CONFIRMATION = Table(
    "confirmation",
    METADATA,
    identity(),
    words("company"),
    words("phone"),
    words("code"),
    words("state"),  # waiting (until it expires) | taken
    words("command"),  # JSON of the CreditVend that waits
    big("expires"),
    Index("ix_confirmation_phone", "phone", "code"),
)

#: What each security module made, counted by itself: one sealed row per batch and writer.
MODULE_LOG = Table(
    "module_log",
    METADATA,
    Column("module", Text, nullable=False),
    words("writer"),
    big("batch"),
    small("made"),
    big("total"),
    words("previous"),
    words("seal"),
    words("digests"),
    big("at"),
    words("entries", ""),  # what the seal covers beside the digests: core.sts.log_row
    PrimaryKeyConstraint("module", "writer", "batch"),
)
