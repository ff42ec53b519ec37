"""What is known of an agreement beside its readings: facts in slices of time, the category of each
period, what is used in common, and quantities of issued bills that somebody asks to change.

Every row here is final but for the state of a change; a correction is a row of the next version.
"""

from sqlalchemy import Index, PrimaryKeyConstraint, Table, text

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

#: A fact holds from its day until the next one of the same agreement, kind and name.
AGREEMENT_FACT = Table(
    "agreement_fact",
    METADATA,
    identity(),
    words("company"),
    big("agreement_id"),
    words("kind"),  # core.store.load_facts: attribute | category | share | history
    words("name"),
    words("from_day"),  # local date, ISO; of a history, the first day of its month
    small("version"),  # of the same day; the highest counts
    big("value"),  # milli-units; of a share, its weight
    words("word"),  # a category; of a share, the number of what is common
    small("ended"),  # 1: from this day there is no such fact
    words("source"),
    words("operator"),
    big("recorded_at"),
    Index(
        "uq_agreement_fact_agreement_id",
        "agreement_id",
        "kind",
        "name",
        "from_day",
        "version",
        unique=True,
    ),
    Index(
        "ix_agreement_fact_shared",
        "company",
        "word",
        "name",
        sqlite_where=text("kind = 'share'"),
        postgresql_where=text("kind = 'share'"),
    ),
)

#: The customer's class, worked out when the period was opened.
AGREEMENT_CATEGORY = Table(
    "agreement_category",
    METADATA,
    big("agreement_id"),
    big("period"),
    words("company"),
    words("tariff"),
    words("category"),
    small("months"),  # closed months that were averaged
    big("used"),  # in them, milli-units
    PrimaryKeyConstraint("agreement_id", "period"),
)

#: What a common meter counted, or what something common cost, in a period, and who shares it.
COMMON_USE = Table(
    "common_use",
    METADATA,
    identity(),
    words("company"),
    words("common"),  # its number
    words("name"),  # of the share, as tariffs call it
    big("period"),
    small("version"),
    words("what"),  # amount | quantity
    big("total"),  # minor units | milli-units
    words("weights"),  # JSON: [[agreement, weight], …] by agreement
    words("source"),
    words("operator"),
    big("recorded_at"),
    Index("uq_common_use_common", "company", "common", "name", "period", "version", unique=True),
)

#: More or less of an issued bill's quantities: asked for by one person, approved by another.
USAGE_CHANGE = Table(
    "usage_change",
    METADATA,
    identity(),
    words("company"),
    big("bill_id"),
    big("agreement_id"),
    big("period"),
    words("changes"),  # JSON: register -> milli-units more (or less)
    words("reason"),
    words("evidence"),
    words("state"),  # asked | approved | refused
    words("asked_by"),
    words("decided_by"),
    big("usage_id"),  # the usage that came of it; 0: none
    big("run_id"),  # the run that bills it; 0: none
    big("asked_at"),
    big("decided_at"),
    Index(
        "uq_usage_change_asked",
        "bill_id",
        unique=True,
        sqlite_where=text("state = 'asked'"),
        postgresql_where=text("state = 'asked'"),
    ),
)
