"""How far pruning has come; on PostgreSQL the journal in months, so that old ones go at once.

The version before works all the while: no lock is held for longer than a change of names takes.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from core.store.months import adopt

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    context = op.get_context()
    on_server = context.dialect.name == "postgresql"
    if on_server:
        with context.autocommit_block():
            bind = op.get_bind()
            bind.exec_driver_sql("DROP INDEX IF EXISTS ix_notice_reference_notice_id")
            bind.exec_driver_sql(
                "CREATE INDEX CONCURRENTLY ix_notice_reference_notice_id "
                "ON notice_reference (notice_id)"
            )
            now_us = int(datetime.now(UTC).timestamp() * 1_000_000)
            adopt(bind.exec_driver_sql, now_us)
    else:
        op.create_index("ix_notice_reference_notice_id", "notice_reference", ["notice_id"])
    op.create_table(
        "retention_mark",
        sa.Column("walk", sa.Text, nullable=False),
        sa.Column("company", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("walk", "company", name=op.f("pk_retention_mark")),
    )
    op.create_table(
        "retention_left",
        sa.Column("walk", sa.Text, nullable=False),
        sa.Column("company", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("walk", "company", "key", name=op.f("pk_retention_left")),
    )
    op.create_table(
        "erasure",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("company", "kind", "subject", "state", "reason", "asked_by", "decided_by")
        ),
        sa.Column("asked_at", BIG, nullable=False),
        sa.Column("decided_at", BIG, nullable=False),
        sa.Column("changed", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    op.create_index("ix_erasure_company", "erasure", ["company", "state"])
