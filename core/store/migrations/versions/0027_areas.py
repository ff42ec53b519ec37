"""Areas: of service points, and of agents that sell and collect there alone."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service_point", sa.Column("area", sa.Text, nullable=False, server_default=""))
    op.add_column("agent", sa.Column("areas", sa.Text, nullable=False, server_default="[]"))
