"""A customer's own phone: its PIN, requests to have a meter, and when it was last in use."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, BIG, nullable=False)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _guard() -> None:
    op.create_table(
        "phone_guard",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        _text("company"),
        _text("msisdn"),
        _text("pin_proof"),
        _big("pin_at"),
        _small("wrong"),
        _big("locked_until"),
        _text("pass_word"),
        _big("pass_until"),
        _text("reset_code"),
        _small("reset_wrong"),
        _big("reset_until"),
        _big("codes_day"),
        _small("codes_sent"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_guard")),
    )
    op.create_index(
        "uq_phone_guard_company_msisdn", "phone_guard", ["company", "msisdn"], unique=True
    )


def upgrade() -> None:
    _guard()
    op.create_table(
        "phone_request",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        _text("company"),
        _text("msisdn"),
        _text("kind"),
        _text("meter"),
        _big("account_id"),
        _text("name"),
        _small("spends"),
        _text("language"),
        _text("state"),
        _text("code"),
        _small("wrong"),
        _text("sent_to"),
        _big("asked_at"),
        _big("expires"),
        _big("ended_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_request")),
    )
    for column in ("msisdn", "meter", "state"):
        op.create_index(f"ix_phone_request_company_{column}", "phone_request", ["company", column])
    # when it was registered or bought last; 0 (never): the year begins with its first purchase
    op.add_column("phone", sa.Column("seen_at", BIG, nullable=False, server_default="0"))
    op.execute(
        "UPDATE phone SET seen_at = COALESCE((SELECT max(a.from_us) FROM phone_account a "
        "WHERE a.phone_id = phone.id), 0)"
    )
    op.execute(
        "UPDATE phone SET seen_at = (SELECT max(s.priced_at) FROM sale s "
        "WHERE s.phone = phone.msisdn AND s.company = phone.company) "
        "WHERE EXISTS (SELECT 1 FROM sale s WHERE s.phone = phone.msisdn "
        "AND s.company = phone.company AND s.priced_at > phone.seen_at)"
    )
