"""Money by wallet that could not be booked at once, and who asked for the tokens of payments."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_RUNNING = "state IN ('held', 'overdue', 'waits')"


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _index(name: str, columns: list[str], where: str = "") -> None:
    of = sa.text(where) if where else None
    op.create_index(name, "held_money", columns, sqlite_where=of, postgresql_where=of)


def upgrade() -> None:
    op.create_table(
        "held_money",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        *_texts("company"),
        *_bigs("payment_id"),
        *_texts("wallet", "receipt", "currency"),
        *_bigs("amount", "rest"),
        *_texts("ledger", "reason", "code", "names", "target"),
        *_bigs("account_id", "item_id"),
        *_texts("state", "owner", "next"),
        *_bigs("since", "deadline", "next_at"),
        sa.Column("lapses", sa.Integer(), nullable=False, server_default="0"),
        *_texts("how", "message_id", "decision_id"),
        *_bigs("ended_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_money")),
    )
    _index("ix_held_money_next_at", ["next_at"], _RUNNING)
    _index("ix_held_money_payment_id", ["payment_id"])
    _index("ix_held_money_target", ["company", "target"], "state = 'waits'")
    op.create_table(
        "wallet_asks",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        *_texts("company", "phone"),
        *_bigs("since", "count"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallet_asks")),
    )
    op.create_index("uq_wallet_asks_phone", "wallet_asks", ["company", "phone"], unique=True)
