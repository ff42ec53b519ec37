"""What replay needs, natural keys of payments, turns of operators, from when old debts bear fees."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_STANDS = "identity <> '' AND state NOT IN ('dishonoured', 'reversed')"
#: The natural key of what is on file: a second one of the same number keeps none, and the
#: invariant ``payment-once`` names it.
_FILL = """
UPDATE payment SET identity = 'paid/' || {way} || '/' || {desk} || '/' || {reference}
WHERE trim(reference) <> '' AND length(reference) <= 140
AND state NOT IN ('dishonoured', 'reversed')
AND NOT EXISTS (SELECT 1 FROM payment o WHERE o.company = payment.company
AND o.way = payment.way AND trim(o.desk) = trim(payment.desk)
AND trim(o.reference) = trim(payment.reference)
AND o.state NOT IN ('dishonoured', 'reversed') AND o.id < payment.id)
"""


def _escaped(column: str) -> str:
    return f"replace(replace({column}, '%', '%25'), '/', '%2F')"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("decided", BIG, nullable=False, server_default="0"))
    op.add_column("delivery", sa.Column("drawn", sa.Text(), nullable=False, server_default=""))
    for name in ("bank", "identity"):
        op.add_column("payment", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("open_item", sa.Column("late_from", sa.Text(), nullable=False, server_default=""))
    fill = _FILL.format(
        way=_escaped("way"), desk=_escaped("trim(desk)"), reference=_escaped("trim(reference)")
    )
    op.get_bind().exec_driver_sql(fill.replace("%", "%%") if _on_server() else fill)
    op.create_index(
        "uq_payment_identity", "payment", ["company", "identity"], unique=True,
        sqlite_where=sa.text(_STANDS), postgresql_where=sa.text(_STANDS),
    )  # fmt: skip
    op.create_table(
        "operator_turn",
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("company", "operator", name=op.f("pk_operator_turn")),
    )
    if _on_server():
        # no row of it is locked by a batch; the embedded engine counts in id_block
        op.execute("CREATE SEQUENCE decision_order")


def _on_server() -> bool:
    return op.get_bind().dialect.name == "postgresql"
