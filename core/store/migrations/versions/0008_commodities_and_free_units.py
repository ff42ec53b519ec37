"""What a meter measures; free basic units: entitlements, and what was given of them."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, BIG, nullable=False)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def upgrade() -> None:
    op.add_column(
        "meter", sa.Column("commodity", sa.Text(), nullable=False, server_default="electricity")
    )
    op.create_table(
        "entitlement",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        _text("company"),
        _big("agreement_id"),
        _big("tenths"),
        _big("from_month"),
        _big("to_month"),
        _text("unclaimed"),
        _small("cap_months"),
        _small("in_blocks"),
        _big("claimed_through"),
        _text("operator"),
        _text("reason"),
        _text("ended_by"),
        _text("end_reason"),
        _big("given_at"),
        _big("ended_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entitlement")),
    )
    op.create_index("ix_entitlement_agreement_id", "entitlement", ["agreement_id"])
    op.create_table(
        "free_claim",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        _text("company"),
        _big("entitlement_id"),
        _big("meter_id"),
        _big("sale_id"),
        _big("from_month"),
        _big("through_month"),
        _big("tenths"),
        _big("amount"),
        _text("phone"),
        _text("message_id"),
        _big("claimed_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_free_claim")),
    )
    op.create_index(
        "uq_free_claim_entitlement_id", "free_claim", ["entitlement_id", "through_month"],
        unique=True,
    )  # fmt: skip
    op.create_index("ix_free_claim_sale_id", "free_claim", ["sale_id"])
    op.create_index("ix_free_claim_meter_id", "free_claim", ["meter_id", "claimed_at"])
    op.create_index("ix_free_claim_claimed_at", "free_claim", ["claimed_at"])
