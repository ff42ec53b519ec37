"""Units on credit: each advance with what it is worth; what is owed of it is its ``debt``.

The digits are a row of ``token`` (cause ``advance``).
"""

from sqlalchemy import Index, Table

from core.store.tables.base import METADATA, big, identity
from core.store.tables.base import text as words

ADVANCE = Table(
    "advance",
    METADATA,
    identity(),
    words("company"),
    words("message_id"),
    words("channel"),
    words("phone"),  # who asked; empty: an operator
    words("operator"),
    words("reason"),
    words("currency"),
    words("tariff"),  # code@valid_from
    words("lines"),  # JSON of the receipt's lines, the fee among them
    words("receipt"),
    big("account_id"),
    big("agreement_id"),
    big("meter_id"),
    big("amount"),  # minor units: what the units are worth, taxes included
    big("fee"),  # what was charged for it, taxes included
    big("units_tenths"),
    big("period"),
    big("debt_id"),
    big("txn_id"),
    big("issued_at"),
    Index("uq_advance_message_id", "message_id", unique=True),
    Index("uq_advance_company_receipt", "company", "receipt", unique=True),
    Index("ix_advance_agreement_id", "agreement_id", "issued_at"),
    Index("ix_advance_meter_id", "meter_id", "issued_at"),
    Index("ix_advance_issued_at", "issued_at"),  # the proof's way
)
