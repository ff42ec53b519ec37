"""Terminals, their cashiers and shifts, receipt numbers given to them; what an act is about."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _small(name: str, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=default)


def _id() -> sa.Column[int]:
    return sa.Column("id", BIG, autoincrement=False, nullable=False)


def _key(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def upgrade() -> None:
    op.add_column("token_act", sa.Column("terminal", sa.Text(), nullable=False, server_default=""))
    where = sa.text("terminal <> ''")
    op.create_index(
        "ix_token_act_terminal", "token_act", ["company", "terminal"],
        sqlite_where=where, postgresql_where=where,
    )  # fmt: skip
    _terminals()
    _cashiers()
    _shifts()
    _receipts()


def _terminals() -> None:
    op.create_table(
        "terminal",
        _id(),
        *_texts("company", "number"),
        *_bigs("agent_id"),
        *_texts("state", "name", "place", "merchant", "parameters"),
        *_bigs("parameters_version"),
        *_texts("message"),
        *_bigs("message_number", "emergency_limit", "latitude", "longitude"),
        _small("signal"),
        *_texts("application"),
        *_bigs("parameters_seen", "message_seen", "seen_at"),
        *_texts("cashier"),
        *_bigs("shift_id", "registered_at"),
        _key("terminal"),
    )
    op.create_index("uq_terminal_company_number", "terminal", ["company", "number"], unique=True)
    op.create_index("ix_terminal_agent_id", "terminal", ["agent_id"])


def _cashiers() -> None:
    op.create_table(
        "cashier",
        _id(),
        *_texts("company"),
        *_bigs("agent_id"),
        *_texts("code", "name", "state", "pin_proof"),
        *_bigs("pin_at"),
        _small("wrong", "0"),
        *_bigs("locked_until", "added_at"),
        _key("cashier"),
    )
    op.create_index("uq_cashier_agent_id_code", "cashier", ["agent_id", "code"], unique=True)


def _shifts() -> None:
    op.create_table(
        "terminal_shift",
        _id(),
        *_texts("company"),
        *_bigs("terminal_id", "agent_id"),
        *_texts("cashier", "name"),
        *_bigs("day", "opened_at", "closed_at"),
        *_texts("ended_by"),
        _key("terminal_shift"),
    )
    for name in ("terminal_id", "agent_id"):
        op.create_index(f"ix_terminal_shift_{name}", "terminal_shift", [name, "opened_at"])


def _receipts() -> None:
    table = "terminal_receipts"
    op.create_table(
        table,
        _id(),
        *_texts("company"),
        *_bigs("terminal_id", "first_number", "last_number", "act_id", "assigned_at"),
        _key(table),
    )
    op.create_index("ix_terminal_receipts_terminal_id", table, ["terminal_id"])
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
