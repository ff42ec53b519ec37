"""Parties and places: customer (social), account (money), agreement (service), point, meter, phone.

Links between them are slices of time (``from_us`` inclusive, ``to_us`` exclusive, NULL: open).
"""

from sqlalchemy import Index, PrimaryKeyConstraint, Table, text

from core.store.tables.base import METADATA, big, identity, maybe_big, small
from core.store.tables.base import text as words

CUSTOMER = Table(
    "customer",
    METADATA,
    identity(),
    words("company"),
    words("number"),
    words("name"),
    words("language", "en"),
    Index("uq_customer_company_number", "company", "number", unique=True),
)

ACCOUNT = Table(
    "account",
    METADATA,
    identity(),
    words("company"),
    words("number"),
    big("customer_id"),
    words("currency"),
    words("state", "active"),  # active | closed
    big("credit", 0),  # what the customer has with us; always the sum of its postings
    big("reserved", 0),  # part of it that waits for an outcome
    Index("uq_account_company_number", "company", "number", unique=True),
)

SERVICE_POINT = Table(
    "service_point",
    METADATA,
    identity(),
    words("company"),
    words("number"),
    words("address", ""),
    words("area", ""),  # that agents may be bound to; empty: none
    Index("uq_service_point_company_number", "company", "number", unique=True),
)

AGREEMENT = Table(
    "agreement",
    METADATA,
    identity(),
    words("company"),
    big("account_id"),
    big("service_point_id"),
    words("tariff"),
    words("mode", "prepaid"),  # prepaid | postpaid
    words("state", "active"),  # active | vacant | closed
    words("since"),  # local date, ISO
    big("from_us"),
    maybe_big("to_us"),
    Index("ix_agreement_service_point_id", "service_point_id"),
    Index("ix_agreement_account_id", "account_id"),
)

#: What a tariff remembers of an agreement; locked by every sale. Survives a meter exchange.
AGREEMENT_STATE = Table(
    "agreement_state",
    METADATA,
    identity("agreement_id"),
    big("period", 0),  # YYYYMM of the units below
    big("units_milli", 0),  # units sold in that period
    big("fixed_through", 0),  # YYYYMM up to which monthly charges are taken; 0: none yet
    small("pauses", 0),  # rows of agreement_pause: most agreements have none to look for
)

#: When an agreement had no service: whole months of it bear no monthly charge.
AGREEMENT_PAUSE = Table(
    "agreement_pause",
    METADATA,
    identity(),
    words("company"),
    words("why"),  # vacant | disconnected
    words("operator"),
    words("reason"),
    big("agreement_id"),
    big("from_us"),
    big("to_us"),  # exclusive; 0: it goes on
    Index("ix_agreement_pause_agreement_id", "agreement_id"),
    Index(
        "uq_agreement_pause_open",
        "agreement_id",
        "why",
        unique=True,
        sqlite_where=text("to_us = 0"),
        postgresql_where=text("to_us = 0"),
    ),
)

METER = Table(
    "meter",
    METADATA,
    identity(),
    words("company"),
    words("drn"),
    words("model", "generic"),
    words("state", "active"),  # active | blocked | exchanged
    words("block_reason", ""),
    big("max_credit_tenths"),
    words("tct"),
    small("ea"),
    words("dkga"),
    words("sgc"),
    small("krn"),
    words("ti"),
    small("ken"),
    small("kt", 2),
    small("base_year"),
    big("last_tid", -1),  # of tokens that we made, under base_year
    big("key_change_id", 0),  # the newest row of key_change; 0: none yet
    words("commodity", "electricity"),  # electricity | water | gas | time | heat (core.commodity)
    Index("uq_meter_company_drn", "company", "drn", unique=True),
)

METER_INSTALL = Table(
    "meter_install",
    METADATA,
    identity(),
    big("meter_id"),
    big("service_point_id"),
    big("from_us"),
    maybe_big("to_us"),
    Index(
        "uq_meter_install_open",
        "meter_id",
        unique=True,
        sqlite_where=text("to_us is null"),
        postgresql_where=text("to_us is null"),
    ),
    Index("ix_meter_install_service_point_id", "service_point_id"),
)

PHONE = Table(
    "phone",
    METADATA,
    identity(),
    words("company"),
    words("msisdn"),
    words("language", ""),
    big("seen_at", 0),  # registered, or bought something: renewed monthly; 0: never
    Index("uq_phone_company_msisdn", "company", "msisdn", unique=True),
)

PHONE_ACCOUNT = Table(
    "phone_account",
    METADATA,
    big("phone_id"),
    big("account_id"),
    big("from_us"),
    maybe_big("to_us"),
    PrimaryKeyConstraint("phone_id", "account_id", "from_us"),
    Index("ix_phone_account_account_id", "account_id"),
)

PHONE_METER = Table(
    "phone_meter",
    METADATA,
    big("phone_id"),
    big("meter_id"),
    words("name", ""),
    big("from_us"),
    maybe_big("to_us"),
    PrimaryKeyConstraint("phone_id", "meter_id", "from_us"),
)
