"""Billing periods, usage, runs with their partitions, bills with their lines."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

#: Written once.
FINAL = ("bill_usage", "bill_line")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _smalls(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _id(table: str) -> tuple[sa.Column[int], sa.PrimaryKeyConstraint]:
    key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))
    return sa.Column("id", BIG, autoincrement=False, nullable=False), key


def _key(table: str, *names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names, name=op.f(f"pk_{table}"))


def upgrade() -> None:
    op.create_table(
        "billing_period",
        *_texts("company", "state"),
        *_bigs("period", "opened_at", "closed_at"),
        _key("billing_period", "company", "period"),
    )
    op.create_table(
        "bill_usage",
        *_id("bill_usage"),
        *_texts("company", "first", "last", "registers", "source"),
        *_bigs("agreement_id", "period", "recorded_at"),
        *_smalls("version", "estimated"),
    )
    op.create_index(
        "uq_bill_usage_agreement_id", "bill_usage", ["agreement_id", "period", "version"],
        unique=True,
    )  # fmt: skip
    op.create_table(
        "bill_run",
        *_id("bill_run"),
        *_texts("company", "kind", "state", "currency", "rules", "tariffs", "operator"),
        *_texts("approver", "due"),
        *_bigs("period", "planned_at", "approved_at", "issued_at"),
        *_smalls("due_days", "size"),
    )
    op.create_index("ix_bill_run_period", "bill_run", ["company", "period"])
    op.create_table(
        "run_partition",
        *_texts("state", "inputs", "snapshot", "digest"),
        *_bigs("run_id", "from_agreement", "to_agreement", "first_bill", "bills", "held", "total"),
        *_smalls("number"),
        _key("run_partition", "run_id", "number"),
    )
    _bills()
    for table in FINAL:
        _seal(table)


def _bills() -> None:
    op.create_table(
        "bill",
        *_id("bill"),
        *_texts("company", "state", "outsort", "tariff", "snapshot", "digest", "credits"),
        *_bigs("run_id", "agreement_id", "account_id", "period", "usage_id", "consumption"),
        *_bigs("net", "tax", "total", "replaces", "txn_id", "item_id", "reversal_id"),
        *_bigs("issued_at", "made_at"),
        *_smalls("sequence", "live"),
    )
    op.create_index("ix_bill_account_id", "bill", ["account_id"])
    _partial("ix_bill_outsorted", ["run_id"], "outsort <> ''", False)
    _partial("uq_bill_live", ["agreement_id", "period", "sequence"], "live = 1", True)
    op.create_table(
        "bill_line",
        *_texts("step", "code", "label", "ledger", "tax_class", "payee", "unit", "tou"),
        *_texts("first", "last"),
        *_bigs("bill_id", "amount", "included", "quantity_milli", "rate_e8", "base"),
        *_smalls("line", "block"),
        _key("bill_line", "bill_id", "line"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # each bill changes once, when it is issued: with room in its page no index is touched
        op.execute("ALTER TABLE bill SET (fillfactor = 50)")


def _partial(name: str, columns: list[str], where: str, unique: bool) -> None:
    op.create_index(
        name, "bill", columns, unique=unique,
        sqlite_where=sa.text(where), postgresql_where=sa.text(where),
    )  # fmt: skip


def _seal(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} rows are final'); END"
            )
        return
    # the function rows_are_final came with the first schema
    op.execute(
        f"CREATE TRIGGER {table}_final BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION rows_are_final()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION rows_are_final()"
    )
