"""The first schema, with the books sealed: posted rows can be neither changed nor deleted."""

import sqlalchemy as sa
from alembic import op

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: What is written once: the ledger, the tokens, the module's own log.
FINAL = ("ledger_txn", "posting", "token", "module_log")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("customer_id", BIG, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("credit", BIG, server_default="0", nullable=False),
        sa.Column("reserved", BIG, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index("uq_account_company_number", ["company", "number"], unique=True)

    op.create_table(
        "agreement",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("service_point_id", BIG, nullable=False),
        sa.Column("tariff", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="prepaid", nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.Column("from_us", BIG, nullable=False),
        sa.Column("to_us", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
    )
    with op.batch_alter_table("agreement", schema=None) as batch_op:
        batch_op.create_index("ix_agreement_account_id", ["account_id"], unique=False)
        batch_op.create_index("ix_agreement_service_point_id", ["service_point_id"], unique=False)

    op.create_table(
        "agreement_state",
        sa.Column("agreement_id", BIG, autoincrement=False, nullable=False),
        sa.Column("period", BIG, server_default="0", nullable=False),
        sa.Column("units_milli", BIG, server_default="0", nullable=False),
        sa.Column("fixed_through", BIG, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("agreement_id", name=op.f("pk_agreement_state")),
    )
    op.create_table(
        "confirmation",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("expires", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmation")),
    )
    with op.batch_alter_table("confirmation", schema=None) as batch_op:
        batch_op.create_index("ix_confirmation_phone", ["phone", "code"], unique=False)

    op.create_table(
        "customer",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
    )
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.create_index("uq_customer_company_number", ["company", "number"], unique=True)

    op.create_table(
        "debt",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("agreement_id", BIG, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.Column("cap_per_sale", BIG, nullable=False),
        sa.Column("outstanding", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debt")),
    )
    with op.batch_alter_table("debt", schema=None) as batch_op:
        batch_op.create_index("ix_debt_agreement_id", ["agreement_id"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("seq", BIG, sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("lane", sa.Integer(), server_default="0", nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("partitionkey", sa.Text(), nullable=False),
        sa.Column("state", sa.Integer(), server_default="0", nullable=False),
        sa.Column("published", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("started", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due", BIG, server_default="0", nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("error_class", sa.Text(), server_default="", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("updated", BIG, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_delivery")),
        sqlite_autoincrement=True,
        postgresql_with={"fillfactor": 70},
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_delivery_held",
            ["partitionkey", "handler"],
            unique=False,
            sqlite_where=sa.text("state in (1, 2, 3)"),
            postgresql_where=sa.text("state in (1, 2, 3)"),
        )
        batch_op.create_index(
            "ix_delivery_open",
            ["target", sa.text("(seq + 0)"), "partition"],
            unique=False,
            sqlite_where=sa.text("state = 0"),
            postgresql_where=sa.text("state = 0"),
        )
        batch_op.create_index(
            "uq_delivery_message_id_handler", ["message_id", "handler"], unique=True
        )

    op.create_table(
        "id_block",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_id_block")),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("raw_is_hex", sa.Integer(), server_default="0", nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("recorded", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index("ix_journal_party", ["party", "recorded"], unique=False)

    op.create_table(
        "ledger_txn",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("reverses", BIG, nullable=True),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_txn")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("partitionkey", sa.Text(), nullable=False),
        sa.Column("party", sa.Text(), server_default="", nullable=False),
        sa.Column("correlationid", sa.Text(), nullable=False),
        sa.Column("causationid", sa.Text(), server_default="", nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.Column("recorded", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index("ix_message_partitionkey", ["partitionkey", "recorded"], unique=False)
        batch_op.create_index("ix_message_party", ["party", "recorded"], unique=False)

    op.create_table(
        "meter",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("drn", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), server_default="generic", nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("block_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("max_credit_tenths", BIG, nullable=False),
        sa.Column("tct", sa.Text(), nullable=False),
        sa.Column("ea", sa.Integer(), nullable=False),
        sa.Column("dkga", sa.Text(), nullable=False),
        sa.Column("sgc", sa.Text(), nullable=False),
        sa.Column("krn", sa.Integer(), nullable=False),
        sa.Column("ti", sa.Text(), nullable=False),
        sa.Column("ken", sa.Integer(), nullable=False),
        sa.Column("kt", sa.Integer(), server_default="2", nullable=False),
        sa.Column("base_year", sa.Integer(), nullable=False),
        sa.Column("last_tid", BIG, server_default="-1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter")),
    )
    with op.batch_alter_table("meter", schema=None) as batch_op:
        batch_op.create_index("uq_meter_company_drn", ["company", "drn"], unique=True)

    op.create_table(
        "meter_install",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("meter_id", BIG, nullable=False),
        sa.Column("service_point_id", BIG, nullable=False),
        sa.Column("from_us", BIG, nullable=False),
        sa.Column("to_us", BIG, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_install")),
    )
    with op.batch_alter_table("meter_install", schema=None) as batch_op:
        batch_op.create_index(
            "uq_meter_install_open",
            ["meter_id"],
            unique=True,
            sqlite_where=sa.text("to_us is null"),
            postgresql_where=sa.text("to_us is null"),
        )

    op.create_table(
        "module_log",
        sa.Column("module", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("batch", BIG, nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("total", BIG, nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.Column("digests", sa.Text(), nullable=False),
        sa.Column("at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("module", "writer", "batch", name=op.f("pk_module_log")),
    )
    op.create_table(
        "notice",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("sale_id", BIG, server_default="0", nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("queued_at", BIG, nullable=False),
        sa.Column("updated_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index("ix_notice_message_id", ["message_id"], unique=False)
        batch_op.create_index("ix_notice_sale_id", ["sale_id"], unique=False)

    op.create_table(
        "notice_reference",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("notice_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint(
            "channel", "reference", "notice_id", name=op.f("pk_notice_reference")
        ),
    )
    op.create_table(
        "partition_lease",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("epoch", BIG, server_default="0", nullable=False),
        sa.Column("until", BIG, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("partition", name=op.f("pk_partition_lease")),
    )
    op.create_table(
        "phone",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone")),
    )
    with op.batch_alter_table("phone", schema=None) as batch_op:
        batch_op.create_index("uq_phone_company_msisdn", ["company", "msisdn"], unique=True)

    op.create_table(
        "phone_account",
        sa.Column("phone_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("from_us", BIG, nullable=False),
        sa.Column("to_us", BIG, nullable=True),
        sa.PrimaryKeyConstraint("phone_id", "account_id", "from_us", name=op.f("pk_phone_account")),
    )
    with op.batch_alter_table("phone_account", schema=None) as batch_op:
        batch_op.create_index("ix_phone_account_account_id", ["account_id"], unique=False)

    op.create_table(
        "phone_meter",
        sa.Column("phone_id", BIG, nullable=False),
        sa.Column("meter_id", BIG, nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("from_us", BIG, nullable=False),
        sa.Column("to_us", BIG, nullable=True),
        sa.PrimaryKeyConstraint("phone_id", "meter_id", "from_us", name=op.f("pk_phone_meter")),
    )
    op.create_table(
        "posting",
        sa.Column("txn_id", BIG, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("owner", BIG, nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.PrimaryKeyConstraint("txn_id", "line", name=op.f("pk_posting")),
    )
    with op.batch_alter_table("posting", schema=None) as batch_op:
        batch_op.create_index(
            "ix_posting_owner",
            ["owner", "ledger"],
            unique=False,
            sqlite_where=sa.text("owner <> 0"),
            postgresql_where=sa.text("owner <> 0"),
        )

    op.create_table(
        "request",
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("payload_hash", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered", BIG, nullable=True),
        sa.Column("valid_until", BIG, nullable=False),
        sa.PrimaryKeyConstraint("company", "channel", "key", name=op.f("pk_request")),
        postgresql_with={"fillfactor": 70},
    )
    with op.batch_alter_table("request", schema=None) as batch_op:
        batch_op.create_index("ix_request_message_id", ["message_id"], unique=False)

    op.create_table(
        "sale",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("payer_account_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("agreement_id", BIG, nullable=False),
        sa.Column("meter_id", BIG, nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("tender", BIG, nullable=False),
        sa.Column("units_tenths", BIG, nullable=False),
        sa.Column("carried_forward", BIG, nullable=False),
        sa.Column("period", BIG, nullable=False),
        sa.Column("tariff", sa.Text(), nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("priced_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sale")),
    )
    with op.batch_alter_table("sale", schema=None) as batch_op:
        batch_op.create_index("ix_sale_meter_id", ["meter_id", "priced_at"], unique=False)
        batch_op.create_index("ix_sale_phone", ["phone", "priced_at"], unique=False)
        batch_op.create_index("uq_sale_company_receipt", ["company", "receipt"], unique=True)
        batch_op.create_index("uq_sale_message_id", ["message_id"], unique=True)

    op.create_table(
        "service_point",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_point")),
    )
    with op.batch_alter_table("service_point", schema=None) as batch_op:
        batch_op.create_index("uq_service_point_company_number", ["company", "number"], unique=True)

    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )
    op.create_table(
        "worker_node",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker_node")),
    )
    op.create_table(
        "tally",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("handler", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("n", BIG, nullable=False),
        sa.PrimaryKeyConstraint("channel", "handler", "outcome", "writer", name=op.f("pk_tally")),
    )
    op.create_table(
        "token",
        sa.Column("id", BIG, autoincrement=False, nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.Column("digits", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("cause_id", BIG, nullable=False),
        sa.Column("meter_id", BIG, nullable=False),
        sa.Column("class", sa.Integer(), nullable=False),
        sa.Column("subclass", sa.Integer(), nullable=False),
        sa.Column("tid", BIG, nullable=False),
        sa.Column("rnd", sa.Integer(), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.Column("sgc", sa.Text(), nullable=False),
        sa.Column("krn", sa.Integer(), nullable=False),
        sa.Column("ti", sa.Text(), nullable=False),
        sa.Column("made_at", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
    )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.create_index("ix_token_cause_id", ["cause_id"], unique=False)
        batch_op.create_index("ix_token_digits", ["digits"], unique=False)
    for table in FINAL:
        _seal(table)


def _seal(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} rows are final'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION rows_are_final() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% rows are final', TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_final BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION rows_are_final()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION rows_are_final()"
    )
