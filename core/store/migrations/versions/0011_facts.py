"""Facts of agreements, categories of periods, what is used in common, changes of billed usage."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

#: Written once.
FINAL = ("agreement_fact", "agreement_category", "common_use")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _smalls(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _id(table: str) -> tuple[sa.Column[int], sa.PrimaryKeyConstraint]:
    key = sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))
    return sa.Column("id", BIG, autoincrement=False, nullable=False), key


def upgrade() -> None:
    op.create_table(
        "agreement_fact",
        *_id("agreement_fact"),
        *_texts("company", "kind", "name", "from_day", "word", "source", "operator"),
        *_bigs("agreement_id", "value", "recorded_at"),
        *_smalls("version", "ended"),
    )
    op.create_index(
        "uq_agreement_fact_agreement_id", "agreement_fact",
        ["agreement_id", "kind", "name", "from_day", "version"], unique=True,
    )  # fmt: skip
    _partial(
        "ix_agreement_fact_shared", "agreement_fact", ["company", "word", "name"], "kind = 'share'"
    )
    op.create_table(
        "agreement_category",
        *_bigs("agreement_id", "period", "used"),
        *_texts("company", "tariff", "category"),
        *_smalls("months"),
        sa.PrimaryKeyConstraint("agreement_id", "period", name=op.f("pk_agreement_category")),
    )
    op.create_table(
        "common_use",
        *_id("common_use"),
        *_texts("company", "common", "name", "what", "weights", "source", "operator"),
        *_bigs("period", "total", "recorded_at"),
        *_smalls("version"),
    )
    op.create_index(
        "uq_common_use_common", "common_use", ["company", "common", "name", "period", "version"],
        unique=True,
    )  # fmt: skip
    op.create_table(
        "usage_change",
        *_id("usage_change"),
        *_texts("company", "changes", "reason", "evidence", "state", "asked_by", "decided_by"),
        *_bigs("bill_id", "agreement_id", "period", "usage_id", "run_id", "asked_at", "decided_at"),
    )
    _partial("uq_usage_change_asked", "usage_change", ["bill_id"], "state = 'asked'", unique=True)
    for table in FINAL:
        _seal(table)


def _partial(
    name: str, table: str, columns: list[str], where: str, *, unique: bool = False
) -> None:
    op.create_index(
        name, table, columns, unique=unique,
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
