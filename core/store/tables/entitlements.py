"""Free basic units: who is entitled to how many a month, and each claim of them.

Months are YYYYMM in the company's zone; the digits of a claim are a row of ``token`` (cause
``free-units``).
"""

from sqlalchemy import Index, Table

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

ENTITLEMENT = Table(
    "entitlement",
    METADATA,
    identity(),
    words("company"),
    big("agreement_id"),
    big("tenths"),  # of the meter's unit, each month
    big("from_month"),
    big("to_month"),  # the last one; 0: until it is ended
    words("unclaimed"),  # lapse | cumulate
    small("cap_months"),  # so many months at once, the present one included
    small("in_blocks"),  # 1: they count in the month's price blocks
    big("claimed_through"),  # the last month that was claimed; 0: none
    words("operator"),
    words("reason"),
    words("ended_by"),
    words("end_reason"),
    big("given_at"),
    big("ended_at"),  # 0: it runs
    Index("ix_entitlement_agreement_id", "agreement_id"),
)

FREE_CLAIM = Table(
    "free_claim",
    METADATA,
    identity(),
    words("company"),
    big("entitlement_id"),
    big("meter_id"),
    big("sale_id"),  # the purchase that it came with; 0: claimed without one
    big("from_month"),
    big("through_month"),
    big("tenths"),
    big("amount"),  # minor units: what was posted to expense:free-units
    words("phone"),
    words("message_id"),
    big("claimed_at"),
    Index("uq_free_claim_entitlement_id", "entitlement_id", "through_month", unique=True),
    Index("ix_free_claim_sale_id", "sale_id"),
    Index("ix_free_claim_meter_id", "meter_id", "claimed_at"),
    Index("ix_free_claim_claimed_at", "claimed_at"),  # the proof's way
)
