"""Which transactions of bills came when among the decisions: what replay puts them in order by."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bill_order",
        sa.Column("first_txn", BIG, autoincrement=False, nullable=False),
        sa.Column("last_txn", BIG, nullable=False),
        sa.Column("decided", BIG, nullable=False),
        sa.PrimaryKeyConstraint("first_txn", name=op.f("pk_bill_order")),
    )
