"""What agents do themselves: requests for top-ups, transfers; cash in their hands; who is told."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _zeros(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False, server_default="0") for name in names]


def upgrade() -> None:
    for column in _zeros("cash_limit"):
        op.add_column("agent", column)
    for name in ("transfers", "tells"):
        op.add_column("agent", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for column in _zeros("day_moved", "moved_to", "moved_amount", "moved_at"):
        op.add_column("agent_float", column)
    op.create_table(
        "agent_topup",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        *_texts("company"),
        *_bigs("agent_id", "amount"),
        *_texts("way", "desk", "reference", "state"),
        *_zeros("movement_id"),
        *_texts("message_id", "decision_id"),
        *_bigs("requested_at", "expires"),
        *_zeros("decided_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_topup")),
    )
    op.create_index("ix_agent_topup_agent_id", "agent_topup", ["agent_id", "reference"])
