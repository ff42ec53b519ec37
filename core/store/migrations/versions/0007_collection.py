"""Open items, payments with their allocations, plans, deposits; acts about an account."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: Written once: what undoes is written beside it.
FINAL = "allocation"
LIVE = "identity <> '' AND state = 'live'"


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _id(table: str) -> tuple[sa.Column[int], sa.PrimaryKeyConstraint]:
    key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))
    return sa.Column("id", BIG, autoincrement=False, nullable=False), key


def upgrade() -> None:
    account = sa.Column("account", sa.Text(), nullable=False, server_default="")
    op.add_column("token_act", account)
    op.create_index("ix_token_act_account", "token_act", ["company", "account"])
    op.create_table(
        "open_item",
        *_id("open_item"),
        *_texts("company", "kind", "code", "item_class", "label", "due", "state", "identity"),
        *_texts("lines", "message_id"),
        *_bigs("account_id", "agreement_id", "period", "amount", "open", "about_id", "plan_id"),
        *_bigs("txn_id", "raised_at"),
        _small("late_done"),
    )
    for name in ("account_id", "about_id", "plan_id"):
        op.create_index(f"ix_open_item_{name}", "open_item", [name])
    op.create_index(
        "uq_open_item_identity",
        "open_item",
        ["company", "identity"],
        unique=True,
        sqlite_where=sa.text(LIVE),
        postgresql_where=sa.text(LIVE),
    )
    op.create_table(
        "payment",
        *_id("payment"),
        *_texts("company", "number", "currency", "way", "desk", "reference", "rule", "state"),
        *_texts("message_id"),
        *_bigs("amount", "txn_id", "clear_txn_id", "received_at", "decided_at"),
    )
    op.create_index("uq_payment_company_number", "payment", ["company", "number"], unique=True)
    op.create_index("uq_payment_message_id", "payment", ["message_id"], unique=True)
    op.create_table(
        "allocation",
        *_texts("message_id", "company", "source", "ledger"),
        *_bigs("source_id", "account_id", "item_id", "debt_id", "amount", "at"),
        _small("line"),
        sa.PrimaryKeyConstraint("message_id", "line", name=op.f("pk_allocation")),
    )
    op.create_index("ix_allocation_item_id", "allocation", ["item_id"])
    op.create_index("ix_allocation_source", "allocation", ["source", "source_id"])
    _agreed()
    _seal()


def _agreed() -> None:
    op.create_table(
        "pay_plan",
        *_id("pay_plan"),
        *_texts("company", "state", "operator", "reason"),
        *_bigs("account_id", "total", "made_at", "closed_at"),
        _small("instalments"),
    )
    op.create_index("ix_pay_plan_account_id", "pay_plan", ["account_id"])
    op.create_table(
        "deposit", *_id("deposit"), *_texts("company", "kind"), *_bigs("account_id", "held")
    )
    op.create_index("uq_deposit_account_id_kind", "deposit", ["account_id", "kind"], unique=True)
    op.create_table(
        "pre_receipt",
        *_id("pre_receipt"),
        *_texts("company", "number", "items", "state"),
        *_bigs("account_id", "amount", "payment_id", "issued_at"),
    )
    op.create_index(
        "uq_pre_receipt_company_number", "pre_receipt", ["company", "number"], unique=True
    )
    op.create_index("ix_pre_receipt_account_id", "pre_receipt", ["account_id"])


def _seal() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {FINAL}_no_{verb.lower()} BEFORE {verb} ON {FINAL} "
                f"BEGIN SELECT RAISE(ABORT, '{FINAL} rows are final'); END"
            )
        return
    # the function rows_are_final came with the first schema
    op.execute(
        f"CREATE TRIGGER {FINAL}_final BEFORE UPDATE OR DELETE ON {FINAL} "
        "FOR EACH ROW EXECUTE FUNCTION rows_are_final()"
    )
    op.execute(
        f"CREATE TRIGGER {FINAL}_no_truncate BEFORE TRUNCATE ON {FINAL} "
        "FOR EACH STATEMENT EXECUTE FUNCTION rows_are_final()"
    )
