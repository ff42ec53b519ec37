"""What security modules on the network count of their own work; its rows are final."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "module_count",
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("counted", BIG, nullable=False),
        sa.Column("logged", BIG, nullable=False),
        sa.Column("alerts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("module", "at", name=op.f("pk_module_count")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER module_count_no_{verb.lower()} BEFORE {verb} ON module_count "
                "BEGIN SELECT RAISE(ABORT, 'module_count rows are final'); END"
            )
        return
    # the function rows_are_final came with the first schema
    op.execute(
        "CREATE TRIGGER module_count_final BEFORE UPDATE OR DELETE ON module_count "
        "FOR EACH ROW EXECUTE FUNCTION rows_are_final()"
    )
    op.execute(
        "CREATE TRIGGER module_count_no_truncate BEFORE TRUNCATE ON module_count "
        "FOR EACH STATEMENT EXECUTE FUNCTION rows_are_final()"
    )
