"""Agents, their floats, what moved on them, and their commission; who paid for a sale."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

#: Written once.
FINAL = ("agent_movement", "agent_commission")
_TOPUP = "kind = 'topup' AND reference <> ''"


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _zeros(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False, server_default="0") for name in names]


def _id(name: str = "id") -> sa.Column[int]:
    return sa.Column(name, BIG, autoincrement=False, nullable=False)


def _key(table: str, *names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names, name=op.f(f"pk_{table}"))


def upgrade() -> None:
    for table in ("sale", "payment"):
        op.add_column(table, sa.Column("agent_id", BIG, nullable=False, server_default="0"))
    op.add_column("token_act", sa.Column("agent", sa.Text(), nullable=False, server_default=""))
    where = sa.text("agent_id <> 0")
    for table, at in (("sale", "priced_at"), ("payment", "received_at")):
        op.create_index(
            f"ix_{table}_agent_id", table, ["agent_id", at],
            sqlite_where=where, postgresql_where=where,
        )  # fmt: skip
    _agents()
    _movements()
    for table in FINAL:
        _final(table)


def _agents() -> None:
    op.create_table(
        "agent",
        _id(),
        *_texts("company", "number", "name", "kind"),
        *_bigs("parent_id"),
        *_texts("state", "mode", "phone", "language", "commission", "supply_groups", "services"),
        *_bigs("daily_limit", "low_float", "enrolled_at"),
        _key("agent", "id"),
    )
    op.create_index("uq_agent_company_number", "agent", ["company", "number"], unique=True)
    op.create_index("ix_agent_parent_id", "agent", ["parent_id"])
    op.create_table(
        "agent_float",
        _id("agent_id"),
        *_texts("currency"),
        *_zeros("balance", "reserved", "credit_limit", "guarantee", "equipment", "day"),
        *_zeros("day_spent", "month", "month_base"),
        sa.Column("low_told", sa.Integer(), nullable=False, server_default="0"),
        _key("agent_float", "agent_id"),
    )


def _movements() -> None:
    op.create_table(
        "agent_movement",
        _id(),
        *_texts("company"),
        *_bigs("agent_id", "other_id"),
        *_texts("kind"),
        *_bigs("amount"),
        *_texts("way", "desk", "reference"),
        *_bigs("act_id", "txn_id"),
        *_texts("message_id"),
        *_bigs("at"),
        _key("agent_movement", "id"),
    )
    op.create_index("ix_agent_movement_agent_id", "agent_movement", ["agent_id", "at"])
    op.create_index(
        "uq_agent_movement_reference", "agent_movement", ["company", "reference"], unique=True,
        sqlite_where=sa.text(_TOPUP), postgresql_where=sa.text(_TOPUP),
    )  # fmt: skip
    op.create_table(
        "agent_commission",
        *_bigs("txn_id", "agent_id"),
        *_texts("company", "source"),
        *_bigs("source_id"),
        *_texts("rule", "settle"),
        *_bigs("base", "gross", "tax", "at"),
        _key("agent_commission", "txn_id", "agent_id"),
    )
    op.create_index("ix_agent_commission_source", "agent_commission", ["source", "source_id"])
    op.create_index("ix_agent_commission_agent_id", "agent_commission", ["agent_id", "at"])


def _final(table: str) -> None:
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
