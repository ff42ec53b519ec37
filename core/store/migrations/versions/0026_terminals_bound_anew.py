"""Since when a terminal is its agent's, and whose it was before; what two looks go by."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0026"
down_revision = "0021"
branch_labels = None
depends_on = None

_OPEN = sa.text("state = 'live' AND open > 0")


def upgrade() -> None:
    for name in ("bound_at", "former_agent_id"):
        op.add_column("terminal", sa.Column(name, BIG, nullable=False, server_default="0"))
    op.create_index("ix_terminal_batch_agent_id", "terminal_batch", ["agent_id"])
    op.create_index(
        "ix_open_item_owed", "open_item", ["company", "account_id"],
        sqlite_where=_OPEN, postgresql_where=_OPEN,
    )  # fmt: skip
