"""Changes in a customer's life, and which days of an agreement are billed."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0015"
down_revision = "0014"
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
    op.create_table(
        "account_change",
        *_id("account_change"),
        *_texts("company", "kind", "state", "subject", "account", "operator", "approver", "reason"),
        *_texts("evidence", "command", "terms", "read_on", "readings", "before", "did"),
        *_texts("message_id", "settle_id"),
        sa.Column("open", sa.Integer(), nullable=False),
        *_bigs("account_id", "to_account_id", "agreement_id", "service_point_id"),
        *_bigs("remaining_tenths", "valued", "requested_at", "read_at", "settled_at"),
        *_bigs("switched_at", "ended_at"),
    )
    op.create_index("uq_account_change_message_id", "account_change", ["message_id"], unique=True)
    open_ = sa.text("open = 1")
    op.create_index(
        "uq_account_change_open", "account_change", ["company", "subject"], unique=True,
        sqlite_where=open_, postgresql_where=open_,
    )  # fmt: skip
    for column in ("agreement_id", "account_id", "settle_id"):
        op.create_index(f"ix_account_change_{column}", "account_change", [column])
    op.create_table(
        "billed_days",
        *_id("billed_days"),
        *_texts("company", "first", "last", "readings"),
        *_bigs("agreement_id", "change_id"),
    )
    op.create_index("ix_billed_days_agreement_id", "billed_days", ["agreement_id"])
    op.create_index("ix_meter_install_service_point_id", "meter_install", ["service_point_id"])
