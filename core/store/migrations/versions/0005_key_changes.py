"""Key changes of meters, one row per meter and change."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = ("old_sgc", "old_ti", "old_dkga", "new_sgc", "new_ti", "new_dkga")
SMALL = ("old_krn", "old_kt", "old_ken", "old_base", "new_krn", "new_kt", "new_ken", "new_base")


def upgrade() -> None:
    op.add_column("meter", sa.Column("key_change_id", BIG, nullable=False, server_default="0"))
    op.create_table(
        "key_change",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("meter_id", BIG, nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in TEXT),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in SMALL),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("ro", "three_tokens", "issued")
        ),
        sa.Column("old_last_tid", BIG, nullable=False),
        sa.Column("previous", BIG, nullable=False),
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("how", "operator", "reason", "note")
        ),
        *(
            sa.Column(name, BIG, nullable=False)
            for name in ("needed_at", "issued_at", "presumed_at", "closed_at")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_change")),
    )
    op.create_index("ix_key_change_meter_id", "key_change", ["meter_id"])
    op.create_index("ix_key_change_state", "key_change", ["state", "issued_at"])
    op.create_index("ix_key_change_campaign", "key_change", ["company", "campaign"])
