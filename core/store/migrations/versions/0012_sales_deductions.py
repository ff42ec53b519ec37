"""Slices of time without service, items that a sale pays, units on credit."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _id(table: str) -> tuple[sa.Column[int], sa.PrimaryKeyConstraint]:
    key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))
    return sa.Column("id", BIG, autoincrement=False, nullable=False), key


def upgrade() -> None:
    op.add_column(
        "agreement_state", sa.Column("pauses", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_table(
        "agreement_pause",
        *_id("agreement_pause"),
        *_texts("company", "why", "operator", "reason"),
        *_bigs("agreement_id", "from_us", "to_us"),
    )
    op.create_index("ix_agreement_pause_agreement_id", "agreement_pause", ["agreement_id"])
    op.create_index(
        "uq_agreement_pause_open", "agreement_pause", ["agreement_id", "why"], unique=True,
        sqlite_where=sa.text("to_us = 0"), postgresql_where=sa.text("to_us = 0"),
    )  # fmt: skip
    op.create_table(
        "order_item",
        *_bigs("order_id", "item_id", "amount"),
        sa.PrimaryKeyConstraint("order_id", "item_id", name=op.f("pk_order_item")),
    )
    op.create_table(
        "advance",
        *_id("advance"),
        *_texts("company", "message_id", "channel", "phone", "operator", "reason", "currency"),
        *_texts("tariff", "lines", "receipt"),
        *_bigs("account_id", "agreement_id", "meter_id", "amount", "fee", "units_tenths"),
        *_bigs("period", "debt_id", "txn_id", "issued_at"),
    )
    op.create_index("uq_advance_message_id", "advance", ["message_id"], unique=True)
    op.create_index("uq_advance_company_receipt", "advance", ["company", "receipt"], unique=True)
    op.create_index("ix_advance_agreement_id", "advance", ["agreement_id", "issued_at"])
    op.create_index("ix_advance_meter_id", "advance", ["meter_id", "issued_at"])
    op.create_index("ix_advance_issued_at", "advance", ["issued_at"])
