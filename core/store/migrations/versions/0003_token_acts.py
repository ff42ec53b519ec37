"""What operators do with tokens, and which tokens are void."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXTS = (
    *("company", "kind", "meter", "from_meter", "operator", "reason", "evidence", "state"),
    *("approver", "note", "command"),
)


def upgrade() -> None:
    op.create_table(
        "token_act",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("units_tenths", BIG, nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("requested_at", BIG, nullable=False),
        sa.Column("decided_at", BIG, nullable=False),
        sa.Column("expires", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_act")),
    )
    op.create_index("ix_token_act_operator", "token_act", ["company", "operator", "requested_at"])
    op.create_index("ix_token_act_meter", "token_act", ["company", "meter"])
    op.create_index("ix_token_act_from_meter", "token_act", ["company", "from_meter"])
    op.create_index("uq_token_act_message_id", "token_act", ["message_id"], unique=True)
    op.create_table(
        "token_void",
        sa.Column("token_id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("act_id", BIG, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_token_void")),
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER token_void_no_{verb.lower()} BEFORE {verb} ON token_void "
                "BEGIN SELECT RAISE(ABORT, 'token_void rows are final'); END"
            )
        return
    # the function rows_are_final came with the first schema
    op.execute(
        "CREATE TRIGGER token_void_final BEFORE UPDATE OR DELETE ON token_void "
        "FOR EACH ROW EXECUTE FUNCTION rows_are_final()"
    )
    op.execute(
        "CREATE TRIGGER token_void_no_truncate BEFORE TRUNCATE ON token_void "
        "FOR EACH STATEMENT EXECUTE FUNCTION rows_are_final()"
    )
