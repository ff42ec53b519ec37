"""Desks with their cash, cashiers' shifts, receipts and credit notes by series, deposit slips."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

#: Written once.
FINAL = ("till_count", "till_move", "credit_note")
_LIVE = "state IN ('open', 'counted', 'handing')"


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _empty(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False, server_default="") for name in names]


def _bigs(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False) for name in names]


def _zeros(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, BIG, nullable=False, server_default="0") for name in names]


def _table(name: str, *columns: list[sa.Column[str]] | list[sa.Column[int]]) -> None:
    op.create_table(
        name,
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        *(column for group in columns for column in group),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{name}")),
    )


def _unique(name: str, table: str, columns: list[str], where: str = "") -> None:
    of = sa.text(where) if where else None
    op.create_index(name, table, columns, unique=True, sqlite_where=of, postgresql_where=of)


def upgrade() -> None:
    _payments()
    _desks()
    _papers()
    for table in FINAL:
        _final(table)


def _payments() -> None:
    op.add_column(
        "payment", sa.Column("counter_receipt_id", BIG, nullable=False, server_default="0")
    )
    op.add_column("payment", sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
    op.drop_index("uq_payment_message_id", table_name="payment")
    _unique("uq_payment_message_id_part", "payment", ["message_id", "part"])
    where = sa.text("counter_receipt_id <> 0")
    op.create_index(
        "ix_payment_counter_receipt_id", "payment", ["counter_receipt_id"],
        sqlite_where=where, postgresql_where=where,
    )  # fmt: skip


def _desks() -> None:
    _table(
        "cash_desk",
        _texts("company", "code", "name", "currency"),
        _zeros("till", "safe", "shift_id", "z_number", "slip_number"),
        _bigs("added_at"),
    )
    _unique("uq_cash_desk_company_code", "cash_desk", ["company", "code"])
    _table(
        "till_shift",
        _texts("company"),
        _bigs("desk_id"),
        _texts("cashier", "state", "source"),
        _bigs("previous_id", "opening"),
        _zeros("cash", "paid_in", "paid_out", "dropped", "voided", "counted", "variance"),
        _empty("heir"),
        _zeros("z_number"),
        _empty("report"),
        _bigs("opened_at"),
        _zeros("counted_at", "closed_at"),
    )
    op.create_index("ix_till_shift_desk_id", "till_shift", ["desk_id"])
    live = sa.text(_LIVE)
    op.create_index(
        "ix_till_shift_cashier", "till_shift", ["company", "cashier"],
        sqlite_where=live, postgresql_where=live,
    )  # fmt: skip
    _table(
        "till_count",
        _texts("company"),
        _bigs("shift_id"),
        _texts("operator", "why", "pieces"),
        _bigs("amount", "at"),
    )
    op.create_index("ix_till_count_shift_id", "till_count", ["shift_id"])
    _table(
        "till_move",
        _texts("company"),
        _bigs("desk_id", "shift_id"),
        _texts("kind"),
        _bigs("amount", "act_id", "txn_id", "at"),
    )
    op.create_index("ix_till_move_shift_id", "till_move", ["shift_id"])


def _papers() -> None:
    _table(
        "receipt_series",
        _texts("company", "purpose"),
        _bigs("desk_id"),
        _texts("prefix"),
        _bigs("first", "last", "next", "act_id", "added_at"),
    )
    _unique("uq_receipt_series_prefix_first", "receipt_series", ["company", "prefix", "first"])
    op.create_index("ix_receipt_series_desk_id", "receipt_series", ["desk_id"])
    _table(
        "counter_receipt",
        _texts("company", "number"),
        _bigs("series_id", "seq", "shift_id"),
        _texts("kind"),
        _bigs("amount", "balance", "balance_txn_id", "tendered"),
        _texts("state", "message_id"),
        _bigs("void_act_id", "made_at"),
    )
    _unique("uq_counter_receipt_company_number", "counter_receipt", ["company", "number"])
    _unique("uq_counter_receipt_series_seq", "counter_receipt", ["series_id", "seq"])
    op.create_index("ix_counter_receipt_shift_id", "counter_receipt", ["shift_id"])
    _table(
        "deposit_slip",
        _texts("company"),
        _bigs("desk_id", "number", "amount"),
        _texts("state", "bag"),
        _bigs("act_id", "txn_id"),
        _texts("bank", "reference"),
        _bigs("credited", "clear_txn_id", "made_at", "cleared_at"),
    )
    _unique("uq_deposit_slip_desk_id_number", "deposit_slip", ["desk_id", "number"])
    _unique(
        "uq_deposit_slip_reference",
        "deposit_slip",
        ["company", "bank", "reference"],
        "reference <> ''",
    )
    _table(
        "credit_note",
        _texts("company", "number"),
        _bigs("series_id", "seq", "act_id", "item_id", "payment_id", "amount", "at"),
    )
    _unique("uq_credit_note_company_number", "credit_note", ["company", "number"])
    _unique("uq_credit_note_series_seq", "credit_note", ["series_id", "seq"])


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
