"""Receivables as documents, the money that pays them, and what is agreed about them.

Every row here belongs to an account and is changed only under that account's row lock. Allocations
are final; what a payment did is undone by rows with the opposite sign.
"""

from sqlalchemy import Index, PrimaryKeyConstraint, Table, text

from core.store.tables.base import METADATA, big, identity, small
from core.store.tables.base import text as words

#: One family: bills, fees, old debts, late fees, instalments. What is owed on each is ``open``.
OPEN_ITEM = Table(
    "open_item",
    METADATA,
    identity(),
    words("company"),
    big("account_id"),
    big("agreement_id"),  # 0: the account's own
    words("kind"),  # bill | fee | import | late-fee | instalment | returned
    words("code"),  # its ledger is receivable:<code>
    words("item_class"),  # penalty | fee | energy | tax
    words("label"),
    big("period"),  # YYYYMM, or YYYY of an old debt; 0: none
    words("due"),  # local date, ISO
    big("amount"),
    big("open"),
    words("state"),  # live | cancelled (credited as a whole)
    words("identity"),  # natural key among the live ones of a company; empty: none
    big("about_id"),  # the item that it is about (a late fee's, an instalment's first); 0: none
    big("plan_id"),  # of an instalment
    words("lines"),  # JSON: [[ledger, amount], …], what it credited; what a credit note mirrors
    small("late_done"),  # 1: closed, and its last late fee was reckoned
    words("message_id"),
    big("txn_id"),
    big("raised_at"),
    words("late_from", ""),  # local date: no late fee for days before; empty: from the due day on
    Index("ix_open_item_account_id", "account_id"),
    Index("ix_open_item_about_id", "about_id"),
    Index("ix_open_item_plan_id", "plan_id"),
    Index(
        "ix_open_item_owed",
        "company",
        "account_id",
        sqlite_where=text("state = 'live' AND open > 0"),
        postgresql_where=text("state = 'live' AND open > 0"),
    ),
    Index(
        "uq_open_item_identity",
        "company",
        "identity",
        unique=True,
        sqlite_where=text("identity <> '' AND state = 'live'"),
        postgresql_where=text("identity <> '' AND state = 'live'"),
    ),
)

#: Payments whose natural key is taken: one that came back leaves it to the one that replaces it.
STANDS = "identity <> '' AND state NOT IN ('dishonoured', 'reversed')"

PAYMENT = Table(
    "payment",
    METADATA,
    identity(),
    words("company"),
    words("number"),  # of its receipt
    words("currency"),
    big("amount"),
    words("way"),  # cash | cheque | …
    words("desk"),
    words("reference"),
    words("rule"),  # JSON of the allocation rule that was applied
    words("state"),  # core.collection.payment_states
    big("txn_id"),
    big("clear_txn_id"),  # 0: not cleared by a posting of its own
    words("message_id"),
    big("received_at"),
    big("decided_at"),  # when it cleared, came back or was reversed
    words("bank", ""),  # whose cheque it is
    words("identity", ""),  # natural key among those that did not come back; empty: none
    big("agent_id", 0),  # whose float paid it in; 0: it came to one of our desks
    big("counter_receipt_id", 0),  # taken in a cashier's shift: core.store.tables.counter
    small("part", 0),  # of a payment in several ways: which
    Index("uq_payment_company_number", "company", "number", unique=True),
    Index(
        "uq_payment_identity",
        "company",
        "identity",
        unique=True,
        sqlite_where=text(STANDS),
        postgresql_where=text(STANDS),
    ),
    Index("uq_payment_message_id_part", "message_id", "part", unique=True),
    Index(
        "ix_payment_counter_receipt_id",
        "counter_receipt_id",
        sqlite_where=text("counter_receipt_id <> 0"),
        postgresql_where=text("counter_receipt_id <> 0"),
    ),
    Index(
        "ix_payment_agent_id",
        "agent_id",
        "received_at",
        sqlite_where=text("agent_id <> 0"),
        postgresql_where=text("agent_id <> 0"),
    ),
)

#: Where money went: to an item, to a debt in recovery, or (neither) to the account's own ledger.
ALLOCATION = Table(
    "allocation",
    METADATA,
    words("message_id"),
    small("line"),
    words("company"),
    words("source"),  # payment | credit | deposit | waiver | write-off | credit-note | plan | …
    big("source_id"),
    big("account_id"),
    big("item_id"),
    big("debt_id"),
    words("ledger"),
    big("amount"),
    big("at"),
    PrimaryKeyConstraint("message_id", "line"),
    Index("ix_allocation_item_id", "item_id"),
    Index("ix_allocation_source", "source", "source_id"),
)

PAY_PLAN = Table(
    "pay_plan",
    METADATA,
    identity(),
    words("company"),
    big("account_id"),
    words("state"),  # core.collection.plan_states
    big("total"),
    small("instalments"),
    words("operator"),
    words("reason"),
    big("made_at"),
    big("closed_at"),
    Index("ix_pay_plan_account_id", "account_id"),
)

#: What we hold of a customer's as a security: a liability, never income.
DEPOSIT = Table(
    "deposit",
    METADATA,
    identity(),
    words("company"),
    big("account_id"),
    words("kind"),  # guarantee | equipment
    big("held"),
    Index("uq_deposit_account_id_kind", "account_id", "kind", unique=True),
)

#: A receipt written before the money comes; it posts nothing.
PRE_RECEIPT = Table(
    "pre_receipt",
    METADATA,
    identity(),
    words("company"),
    words("number"),
    big("account_id"),
    big("amount"),
    words("items"),  # JSON: ids that it names
    words("state"),  # issued | paid | void
    big("payment_id"),
    big("issued_at"),
    Index("uq_pre_receipt_company_number", "company", "number", unique=True),
    Index("ix_pre_receipt_account_id", "account_id"),
)
