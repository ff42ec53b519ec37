"""Collections that were asked for by wallet, and pay-ins that came by themselves."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_OPEN = "state IN ('created', 'sent', 'pending', 'unknown')"


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _index(name: str, columns: list[str], where: str = "", *, unique: bool = False) -> None:
    of = sa.text(where) if where else None
    op.create_index(
        name, "wallet_payment", columns, unique=unique, sqlite_where=of, postgresql_where=of
    )


def upgrade() -> None:
    op.create_table(
        "wallet_payment",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        *_texts("company", "number", "wallet", "kind", "state", "purpose", "target"),
        *_texts("reference", "receipt", "currency"),
        *_bigs("asked", "paid"),
        *_texts("paid_currency"),
        *_bigs("fee"),
        *_texts("payer", "payer_form", "names", "typed", "short_code", "plan", "proof"),
        *_texts("outcome", "code", "reason", "detail"),
        *_bigs("account_id", "agreement_id", "agent_id", "sale_id", "payment_id", "held_id"),
        *_bigs("about_id", "provider_at", "created_at", "sent_at", "paid_at", "applied_at"),
        *_bigs("settled_at", "ended_at", "deadline"),
        *_texts("message_id", "paid_message_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wallet_payment")),
    )
    _index("uq_wallet_payment_number", ["company", "number"], unique=True)
    _index("uq_wallet_payment_reference", ["reference"], "reference <> ''", unique=True)
    receipt = ["company", "wallet", "receipt"]
    _index("uq_wallet_payment_receipt", receipt, "receipt <> ''", unique=True)
    _index("ix_wallet_payment_open", ["company", "deadline"], _OPEN)
    _index("ix_wallet_payment_payer", ["company", "payer", "created_at"])
    _index("ix_wallet_payment_paid_at", ["company", "wallet", "paid_at"])
    _index("ix_wallet_payment_payment_id", ["payment_id"], "payment_id <> 0")
