"""Tokens ordered at security modules on the network; what channels note for themselves."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN = "state IN ('ordered', 'delayed', 'doubtful', 'wrong', 'undecided')"
TEXT = (
    "company",
    "module",
    "cause",
    "meter",
    "state",
    "reference",
    "asked",
    "plan",
    "code",
    "detail",
)


def upgrade() -> None:
    op.add_column("sale", sa.Column("issued_at", BIG, nullable=False, server_default="0"))
    op.execute("UPDATE sale SET issued_at = priced_at WHERE state = 'issued'")
    op.create_table(
        "token_order",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in TEXT[:3]),
        sa.Column("cause_id", BIG, nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("agreement_id", BIG, nullable=False),
        sa.Column("payer_account_id", BIG, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in TEXT[4:]),
        sa.Column("ordered_at", BIG, nullable=False),
        sa.Column("ended_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_order")),
    )
    op.create_index("uq_token_order_reference", "token_order", ["reference"], unique=True)
    op.create_index("ix_token_order_cause_id", "token_order", ["cause_id", "cause"])
    op.create_index(
        "ix_token_order_open",
        "token_order",
        ["agreement_id"],
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )
    op.create_table(
        "order_debt",
        *(sa.Column(name, BIG, nullable=False) for name in ("order_id", "debt_id", "amount")),
        sa.PrimaryKeyConstraint("order_id", "debt_id", name=op.f("pk_order_debt")),
    )
    op.create_table(
        "channel_note",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated", BIG, nullable=False),
        sa.PrimaryKeyConstraint("channel", "key", name=op.f("pk_channel_note")),
    )
