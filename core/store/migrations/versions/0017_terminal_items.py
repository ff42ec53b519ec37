"""What terminals asked for, item by item; their batches, what they upload, and open cases."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_SUMS = ("debits", "debit_amount", "reversals", "reversal_amount")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _smalls(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _id() -> sa.Column[int]:
    return sa.Column("id", BIG, autoincrement=False, nullable=False)


def _key(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def _where(table: str, name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    _items()
    _batches()
    _uploads()
    _cases()


def _items() -> None:
    op.create_table(
        "terminal_item",
        _id(),
        *_texts("company"),
        *_bigs("terminal_id", "agent_id", "shift_id", "day", "stan", "batch", "batch_id"),
        *_texts("slip", "kind", "state"),
        *_smalls("offline"),
        *_bigs("made_day"),
        *_smalls("late"),
        *_bigs("amount"),
        *_texts("currency", "cashier", "rrn", "receipt"),
        *_bigs("about"),
        *_texts("document"),
        *_bigs("account_id"),
        *_texts("reason", "message_id", "reversal_message_id"),
        *_bigs("at", "reversed_at"),
        _key("terminal_item"),
    )
    op.create_index("uq_terminal_item_slip", "terminal_item", ["slip"], unique=True)
    op.create_index("ix_terminal_item_terminal_id", "terminal_item", ["terminal_id", "day"])
    op.create_index("ix_terminal_item_batch_id", "terminal_item", ["batch_id"])
    op.create_index("ix_terminal_item_shift_id", "terminal_item", ["shift_id"])
    _where("terminal_item", "ix_terminal_item_about", ["about", "kind"], "about <> 0")
    _where("terminal_item", "ix_terminal_item_receipt", ["company", "receipt"], "receipt <> ''")
    _where("terminal_item", "ix_terminal_item_offline", ["terminal_id", "made_day"], "offline = 1")


def _batches() -> None:
    op.create_table(
        "terminal_batch",
        _id(),
        *_texts("company"),
        *_bigs("terminal_id", "agent_id", "number", "turn"),
        *_smalls("live"),
        *_texts("slot"),
        *_bigs("opened"),
        *_texts("state", "currency"),
        *_bigs(*(f"our_{name}" for name in _SUMS), *(f"their_{name}" for name in _SUMS)),
        *_smalls("balanced"),
        *_bigs("uploads", "differences"),
        *_texts("pending"),
        *_bigs("settled", "opened_at", "closed_at"),
        _key("terminal_batch"),
    )
    op.create_index(
        "uq_terminal_batch_number", "terminal_batch", ["terminal_id", "number", "turn"], unique=True
    )
    _where("terminal_batch", "ix_terminal_batch_live", ["slot"], "live = 1")


def _uploads() -> None:
    op.create_table(
        "terminal_upload",
        _id(),
        *_texts("company"),
        *_bigs("terminal_id", "batch_id", "day", "stan", "amount"),
        *_texts("kind"),
        *_smalls("reversed"),
        *_texts("message_id"),
        *_bigs("at"),
        _key("terminal_upload"),
    )
    op.create_index(
        "uq_terminal_upload_stan", "terminal_upload", ["batch_id", "day", "stan"], unique=True
    )
    _final("terminal_upload")


def _cases() -> None:
    op.create_table(
        "terminal_case",
        _id(),
        *_texts("company"),
        *_bigs("terminal_id", "agent_id", "item_id", "batch_id"),
        *_texts("kind", "state"),
        *_bigs("amount"),
        *_texts("currency", "account", "document", "detail", "message_id"),
        *_bigs("opened_at", "closed_at"),
        *_texts("closed_by", "reason"),
        *_bigs("txn_id"),
        _key("terminal_case"),
    )
    op.create_index("ix_terminal_case_item_id", "terminal_case", ["item_id"])
    op.create_index("ix_terminal_case_batch_id", "terminal_case", ["batch_id"])
    _where("terminal_case", "ix_terminal_case_open", ["company", "opened_at"], "state = 'open'")


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
