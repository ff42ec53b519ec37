"""The nodes of an installation, and the seats that only one of them may hold; and from which
revision on a version may work on this database, whatever came later."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "node",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", BIG, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("started", BIG, nullable=False),
        sa.Column("seen", BIG, nullable=False),
    )
    op.create_table(
        "seat",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("node", sa.Text, nullable=False, server_default=""),
        sa.Column("epoch", BIG, nullable=False, server_default="0"),
        sa.Column("until", BIG, nullable=False, server_default="0"),
        sa.Column("since", BIG, nullable=False, server_default="0"),
    )
    # a later migration with which this version could not work must raise it
    op.execute("INSERT INTO setting (name, value) VALUES ('works-from', '0028')")
