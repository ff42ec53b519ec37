"""What a sale changed in what the tariff remembers: kept with it, so that it can be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sale", sa.Column("effect", sa.Text(), nullable=False, server_default=""))
