"""How long each table is kept: the one table of it, complete by test.

Three tiers go by the clock; each company says how long (``hub.sections.RetentionSection``):

``bodies``    what was said word for word: the raw arrival and the message's body
``rows``      what the machine remembers of messages: that, when and how it was decided
``evidence``  papers about money and tokens that nothing is summed up from

All else is kept for ever, for a reason that stands beside it. The ledger above all: a balance is
the sum of its postings (``core.store.invariants``), and the database refuses to delete them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.registration.states import OPEN as OPEN_REQUESTS
from core.store.tables.orders import OPEN as OPEN_ORDERS
from core.store.tables.wallets import OPEN as OPEN_COLLECTIONS


class Tier(StrEnum):
    """What goes by the clock together."""

    BODIES = "bodies"
    ROWS = "rows"
    EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Forever:
    """Kept, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class With:
    """Goes with the row of ``parent`` whose ``theirs`` is its ``own``."""

    parent: str
    own: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Walk:
    """Rows that go when ``at`` (µs UTC) is long enough ago, walked by ``key`` in its order.

    ``key`` grows with time: a UUIDv7, or an id from a block. ``story``: whose correlation decides
    whether it is finished, as SQL over the row ``t``; ``open`` is SQL that is true of a row that is
    not finished itself. ``blank``: columns that are emptied, where the row stays.
    """

    table: str
    tier: Tier
    key: str
    at: str
    story: str = "''"
    open: str = "1 = 0"
    blank: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How it is called in marks, reports and archives."""
        return f"{self.tier.value}.{self.table}"


_MONEY: Final = Forever("balances are the sums of these rows: without them no book adds up")
_PAPER: Final = Forever("a document about money that the ledger's rows are proved by")
_PARTY: Final = Forever("who and where our customers are: current, and erased by name")
_TRADE: Final = Forever("agents, terminals and desks, and what they answer for")
_PROOF: Final = Forever("a chain of seals: a gap in it is what a forger would make")
_STATE: Final = Forever("the machine's own state: it is replaced, and does not grow")
_TOKEN: Final = Forever("a token is never made twice: what was made is known for ever, and final")
_BILLS: Final = Forever("what was billed, and of what it was worked out")

#: Every table of the metadata, by what becomes of it.
TABLES: Final[dict[str, Forever | With | Walk]] = {
    # what arrived, and what became of it
    "journal": Walk(
        "journal", Tier.ROWS, "id", "recorded",
        story="COALESCE((SELECT m.correlationid FROM message m WHERE m.id = t.message_id), '')",
    ),
    "message": Walk("message", Tier.ROWS, "id", "recorded", story="t.correlationid"),
    "delivery": With("message", "message_id", "id"),
    "request": With("message", "message_id", "id"),
    "notice": With("message", "message_id", "id"),
    "notice_reference": With("notice", "notice_id", "id"),
    "confirmation": Walk("confirmation", Tier.ROWS, "id", "expires"),
    "phone_request": Walk(
        "phone_request", Tier.ROWS, "id", "asked_at",
        open=f"t.state IN ({', '.join(repr(state.value) for state in OPEN_REQUESTS)})",
    ),
    # what was asked of security modules
    "token_order": Walk("token_order", Tier.EVIDENCE, "id", "ordered_at", open=f"t.{OPEN_ORDERS}"),
    "order_debt": With("token_order", "order_id", "id"),
    "order_item": With("token_order", "order_id", "id"),
    # money
    **dict.fromkeys(
        ("ledger_txn", "posting", "debt", "account", "open_item", "allocation", "payment",
         "deposit", "pay_plan", "agent_float", "agent_movement", "agent_commission"), _MONEY,
    ),
    **dict.fromkeys(
        ("sale", "advance", "free_claim", "pre_receipt", "credit_note", "counter_receipt",
         "deposit_slip", "till_count", "till_move", "till_shift", "wallet_payment", "held_money",
         "wallet_refund", "wallet_case", "wallet_statement", "wallet_statement_line",
         "wallet_settlement", "token_act", "agent_topup", "erasure"), _PAPER,
    ),
    **dict.fromkeys(
        ("bill", "bill_line", "bill_order", "bill_run", "bill_usage", "billing_period",
         "run_partition", "usage_change", "agreement_fact", "agreement_category", "common_use",
         "billed_days"), _BILLS,
    ),
    # tokens, and the proof of them
    **dict.fromkeys(("token", "token_void", "key_change"), _TOKEN),
    **dict.fromkeys(("module_log", "module_count", "token_proof", "audit"), _PROOF),
    # who, where and with whom
    **dict.fromkeys(
        ("customer", "service_point", "agreement", "agreement_state", "agreement_pause", "meter",
         "meter_install", "phone", "phone_account", "phone_meter", "phone_guard", "entitlement",
         "account_change"), _PARTY,
    ),
    **dict.fromkeys(
        ("agent", "cashier", "terminal", "terminal_shift", "terminal_batch", "terminal_item",
         "terminal_upload", "terminal_case", "terminal_receipts", "cash_desk", "receipt_series"),
        _TRADE,
    ),
    # the machine
    **dict.fromkeys(
        ("tally", "partition_lease", "worker_node", "node", "seat", "setting", "id_block",
         "channel_note", "operator_turn", "wallet_turn", "wallet_asks", "retention_mark",
         "retention_left"), _STATE,
    ),
}  # fmt: skip

#: Tables whose rows stay longer than what is in them. A body's place is an empty one.
BODIES: Final = (
    Walk(
        "journal", Tier.BODIES, "id", "recorded",
        story="COALESCE((SELECT m.correlationid FROM message m WHERE m.id = t.message_id), '')",
        blank=("raw",),
    ),
    Walk("message", Tier.BODIES, "id", "recorded", story="t.correlationid", blank=("envelope",)),
)  # fmt: skip

#: In this order: a journal row finds its story by its message, so it goes first.
WALKS: Final = (*BODIES, *(rule for rule in TABLES.values() if isinstance(rule, Walk)))

#: Stories that are not over, by their correlation: none of their rows goes. Each has an index of
#: what is open, or is of a table that people fill.
OPEN_STORIES: Final = (
    "SELECT m.correlationid FROM delivery d JOIN message m ON m.id = d.message_id "
    "WHERE d.state = 0",
    "SELECT m.correlationid FROM delivery d JOIN message m ON m.id = d.message_id "
    "WHERE d.state IN (1, 2, 3)",
    *(
        f"SELECT m.correlationid FROM message m WHERE m.id IN ({ids})"
        for ids in (
            f"SELECT reference FROM token_order WHERE {OPEN_ORDERS}",
            f"SELECT message_id FROM wallet_payment WHERE {OPEN_COLLECTIONS}",
            "SELECT w.message_id FROM held_money h JOIN wallet_payment w ON w.id = h.payment_id "
            "WHERE h.ended_at = 0",
            "SELECT message_id FROM held_money WHERE ended_at = 0",
            "SELECT w.message_id FROM wallet_refund r JOIN wallet_payment w ON w.id = r.payment_id "
            "WHERE r.state IN ('asked', 'unknown')",
            "SELECT message_id FROM wallet_refund WHERE state IN ('asked', 'unknown')",
            "SELECT message_id FROM wallet_case WHERE state = 'open'",
            "SELECT w.message_id FROM wallet_case c JOIN wallet_payment w ON w.id = c.payment_id "
            "WHERE c.state = 'open'",
            "SELECT message_id FROM terminal_case WHERE state = 'open'",
            "SELECT i.message_id FROM terminal_case c JOIN terminal_item i ON i.id = c.item_id "
            "WHERE c.state = 'open'",
            "SELECT message_id FROM token_act WHERE state IN ('requested', 'approved', 'ordered', "
            "'issued')",
            "SELECT message_id FROM agent_topup WHERE state = 'requested'",
            "SELECT message_id FROM account_change WHERE open = 1",
        )
    ),
)

#: Messages that are not finished themselves, of those that are named.
UNFINISHED_MESSAGES: Final = (
    "SELECT message_id FROM delivery WHERE message_id IN :ids AND state <> 4",
    "SELECT message_id FROM sale WHERE message_id IN :ids "
    "AND state IN ('quoted', 'accepted', 'issuing', 'unknown')",
    "SELECT message_id FROM payment WHERE message_id IN :ids AND state = 'uncleared'",
)
#: What their keys still answer: a repeat must find its request, if not its words.
VALID_KEYS: Final = (
    "SELECT message_id FROM request WHERE message_id IN :ids AND valid_until > :until"
)
