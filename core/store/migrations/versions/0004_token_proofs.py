"""Proofs of the tokens: their results, what a log's seal covers in full, and ways by time."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: What a proof goes through by its instants.
BY_TIME = (("token", "made_at"), ("sale", "priced_at"), ("ledger_txn", "at"))

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("module_log", sa.Column("entries", sa.Text(), server_default="", nullable=False))
    for table, column in BY_TIME:
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)
    op.create_table(
        "token_proof",
        sa.Column("until_us", BIG, autoincrement=False, nullable=False),
        sa.Column("since_us", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.Column("made", BIG, nullable=False),
        sa.Column("sold", BIG, nullable=False),
        sa.Column("other", BIG, nullable=False),
        sa.Column("findings", BIG, nullable=False),
        sa.Column("totals", sa.Text(), nullable=False),
        sa.Column("listed", sa.Text(), nullable=False),
        sa.Column("heads", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("until_us", name=op.f("pk_token_proof")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER token_proof_no_{verb.lower()} BEFORE {verb} ON token_proof "
                "BEGIN SELECT RAISE(ABORT, 'token_proof rows are final'); END"
            )
        return
    # the function rows_are_final came with the first schema
    op.execute(
        "CREATE TRIGGER token_proof_final BEFORE UPDATE OR DELETE ON token_proof "
        "FOR EACH ROW EXECUTE FUNCTION rows_are_final()"
    )
    op.execute(
        "CREATE TRIGGER token_proof_no_truncate BEFORE TRUNCATE ON token_proof "
        "FOR EACH STATEMENT EXECUTE FUNCTION rows_are_final()"
    )
