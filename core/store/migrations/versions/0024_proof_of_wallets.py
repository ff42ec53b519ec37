"""What proves money by wallet: providers' statements, payouts, refunds, and cases for people."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STANDS, _OPEN, _RECEIPT = "state <> 'failed'", "state = 'open'", "receipt <> ''"

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _table(name: str, *columns: list[sa.Column[str]] | list[sa.Column[int]]) -> None:
    op.create_table(
        name,
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        *(column for some in columns for column in some),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )


def _index(
    name: str, table: str, columns: list[str], where: str = "", unique: bool = False
) -> None:
    of = sa.text(where) if where else None
    op.create_index(name, table, columns, unique=unique, sqlite_where=of, postgresql_where=of)


def upgrade() -> None:
    _refunds_and_cases()
    _statements()
    _table(
        "wallet_settlement",
        _texts("company", "wallet", "reference", "desk", "currency"),
        _bigs("amount", "fee", "until", "until_us", "expected", "payments", "txn_id", "at"),
        _texts("message_id"),
    )
    _index(
        "uq_wallet_settlement_reference",
        "wallet_settlement",
        ["company", "wallet", "reference"],
        unique=True,
    )


def _refunds_and_cases() -> None:
    _table(
        "wallet_refund",
        _texts("company", "wallet"),
        _bigs("payment_id"),
        _texts("cause", "state", "reference", "receipt", "reversal_receipt", "currency"),
        _bigs("amount", "act_id"),
        _texts("why", "proof", "code", "detail"),
        _bigs("txn_id", "asked_at", "ended_at"),
        _texts("message_id"),
    )
    _index("uq_wallet_refund_payment_id", "wallet_refund", ["payment_id"], _STANDS, unique=True)
    _index("ix_wallet_refund_open", "wallet_refund", ["company", "state", "asked_at"])
    _table(
        "wallet_case",
        _texts("company", "wallet", "kind", "state"),
        _bigs("payment_id"),
        _texts("receipt", "currency"),
        _bigs("amount"),
        _texts("detail", "evidence", "message_id"),
        _bigs("opened_at", "closed_at"),
        _texts("closed_by", "reason"),
        _bigs("act_id"),
    )
    _index("ix_wallet_case_open", "wallet_case", ["company", "opened_at"], _OPEN)
    _index("ix_wallet_case_payment_id", "wallet_case", ["payment_id"])
    op.create_table(
        "wallet_turn",
        *_texts("company", "wallet"),
        sa.PrimaryKeyConstraint("company", "wallet", name=op.f("pk_wallet_turn")),
    )


def _statements() -> None:
    _table(
        "wallet_statement",
        _texts("company", "wallet"),
        _bigs("day"),
        _texts("currency", "pages"),
        _bigs("last_page"),
        _texts("source", "checked"),
        _bigs("taken_at"),
    )
    _index("uq_wallet_statement_day", "wallet_statement", ["company", "wallet", "day"], unique=True)
    _table(
        "wallet_statement_line",
        _texts("company"),
        _bigs("statement_id", "page"),
        [sa.Column("line", sa.Integer(), nullable=False)],
        _texts("receipt", "original", "reference", "typed", "payer"),
        _bigs("amount", "fee", "at"),
        _texts("outcome"),
        _bigs("payment_id", "ours"),
        _texts("detail"),
        _bigs("compared_at"),
    )
    table = "wallet_statement_line"
    _index(
        "uq_wallet_statement_line_receipt",
        table,
        ["statement_id", "receipt"],
        _RECEIPT,
        unique=True,
    )
    _index("ix_wallet_statement_line_receipt", table, ["company", "receipt"])
    _index("ix_wallet_statement_line_outcome", table, ["company", "outcome"])
