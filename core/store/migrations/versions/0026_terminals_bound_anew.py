"""Since when a terminal is its agent's, and whose it was before; what two looks go by; items that
operators have taken back say so."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0026"
down_revision = "0025"
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
    op.execute(
        "UPDATE terminal_item SET state = 'undone' WHERE state = 'booked' AND kind = 'payment' "
        "AND about IN (SELECT id FROM payment WHERE state IN ('reversed', 'dishonoured'))"
    )
    op.execute(
        "UPDATE terminal_item SET state = 'undone' WHERE state = 'booked' AND kind = 'sale' "
        "AND about IN (SELECT k.cause_id FROM token k JOIN token_void v ON v.token_id = k.id "
        "JOIN token_act a ON a.id = v.act_id AND a.kind = 'cancel-sale' AND a.state = 'done' "
        "WHERE k.cause = 'sale')"
    )
