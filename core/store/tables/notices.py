"""What people were told: one row per recipient and way, and the network's references to it."""

from sqlalchemy import Index, PrimaryKeyConstraint, Table

from core.store.tables.base import METADATA, big, identity
from core.store.tables.base import text as words

NOTICE = Table(
    "notice",
    METADATA,
    identity(),
    words("company"),
    words("message_id"),  # the SendNotice
    big("sale_id", 0),
    words("way"),
    words("recipient"),
    words("template"),
    words("state"),  # queued | sent | delivered | failed | expired
    words("detail", ""),
    big("queued_at"),
    big("updated_at"),
    Index("ix_notice_sale_id", "sale_id"),
    Index("ix_notice_message_id", "message_id"),
)

NOTICE_REFERENCE = Table(
    "notice_reference",
    METADATA,
    words("channel"),
    words("reference"),
    big("notice_id"),
    PrimaryKeyConstraint("channel", "reference", "notice_id"),
    Index("ix_notice_reference_notice_id", "notice_id"),  # it goes with its notice
)
