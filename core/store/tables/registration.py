"""A customer's own phone: its PIN, and requests to have a meter."""

from sqlalchemy import Index, Table

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

#: Locked last of all, by id. The PIN is nowhere: ``pin_proof`` is its keyed hash.
PHONE_GUARD = Table(
    "phone_guard",
    METADATA,
    identity(),
    words("company"),
    words("msisdn"),
    words("pin_proof"),  # hex; empty: none is set
    big("pin_at"),
    small("wrong"),  # wrong PINs since the last right one
    big("locked_until"),
    words("pass_word"),  # what the last right PIN gave; empty: it is used, or there was none
    big("pass_until"),
    words("reset_code"),
    small("reset_wrong"),
    big("reset_until"),
    big("codes_day"),  # YYYYMMDD, in the company's zone
    small("codes_sent"),
    Index("uq_phone_guard_company_msisdn", "company", "msisdn", unique=True),
)

PHONE_REQUEST = Table(
    "phone_request",
    METADATA,
    identity(),
    words("company"),
    words("msisdn"),
    words("kind"),  # add | keep
    words("meter"),  # its number; empty: keep
    big("account_id"),
    words("name"),
    small("spends"),  # 1: it asks to spend the account's credit too
    words("language"),
    words("state"),  # core.registration.states
    words("code"),
    small("wrong"),
    words("sent_to"),  # E.164; empty: an operator is asked
    big("asked_at"),
    big("expires"),
    big("ended_at"),
    Index("ix_phone_request_company_msisdn", "company", "msisdn"),
    Index("ix_phone_request_company_meter", "company", "meter"),
    Index("ix_phone_request_company_state", "company", "state"),
)
