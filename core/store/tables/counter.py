"""Desks with their cash, cashiers' shifts, receipts by series, and cash on its way to the bank."""

from sqlalchemy import Index, Table, text

from core.counter.states import LIVE_SQL
from core.store.tables.base import METADATA, big, identity
from core.store.tables.base import text as words

#: Locked by everything that moves its cash. Balances are always the sums of their postings.
CASH_DESK = Table(
    "cash_desk",
    METADATA,
    identity(),
    words("company"),
    words("code"),  # its ledgers are till:<code> and safe:<code>
    words("name"),
    words("currency"),
    big("till", 0),
    big("safe", 0),
    big("shift_id", 0),  # the live one; 0: none
    big("z_number", 0),  # of the last Z report
    big("slip_number", 0),  # of the last deposit slip
    big("added_at"),
    Index("uq_cash_desk_company_code", "company", "code", unique=True),
)

#: Changed only under the lock of its desk, which names the one live shift there; the turn of its
#: cashier (``operator_turn``) is held when it begins, so that he has one.
TILL_SHIFT = Table(
    "till_shift",
    METADATA,
    identity(),
    words("company"),
    big("desk_id"),
    words("cashier"),
    words("state"),  # core.counter.states
    words("source"),  # office | safe | handover: where its float came from
    big("previous_id"),  # the shift that was handed over; 0: none
    big("opening"),
    big("cash", 0),  # what its receipts took in cash, change given back
    big("paid_in", 0),
    big("paid_out", 0),
    big("dropped", 0),
    big("voided", 0),  # cash given back
    big("counted", 0),
    big("variance", 0),  # counted less expected, once it has ended
    words("heir", ""),
    big("z_number", 0),  # 0: not ended
    words("report", ""),  # JSON of the Z report
    big("opened_at"),
    big("counted_at", 0),
    big("closed_at", 0),
    Index("ix_till_shift_desk_id", "desk_id"),
    Index(
        "ix_till_shift_cashier",
        "company",
        "cashier",
        sqlite_where=text(LIVE_SQL),
        postgresql_where=text(LIVE_SQL),
    ),
)

#: Who counted what. Final.
TILL_COUNT = Table(
    "till_count",
    METADATA,
    identity(),
    words("company"),
    big("shift_id"),
    words("operator"),
    words("why"),  # open | count | recount | handover | takeover
    words("pieces"),  # JSON: [[value, count], …]
    big("amount"),
    big("at"),
    Index("ix_till_count_shift_id", "shift_id"),
)

#: Cash that moved at a desk without a receipt. Final.
TILL_MOVE = Table(
    "till_move",
    METADATA,
    identity(),
    words("company"),
    big("desk_id"),
    big("shift_id"),  # 0: out of the safe
    words("kind"),  # float | paid-in | paid-out | drop | over-short | emptied | hand-in
    big("amount"),  # what the till gained (below 0: lost); of a hand-in, what the safe did
    big("act_id"),
    big("txn_id"),
    big("at"),
    Index("ix_till_move_shift_id", "shift_id"),
)

RECEIPT_SERIES = Table(
    "receipt_series",
    METADATA,
    identity(),
    words("company"),
    words("purpose"),  # receipt | credit-note
    big("desk_id"),  # 0: the company's
    words("prefix"),
    big("first"),
    big("last"),
    big("next"),
    big("act_id"),
    big("added_at"),
    Index("uq_receipt_series_prefix_first", "company", "prefix", "first", unique=True),
    Index("ix_receipt_series_desk_id", "desk_id"),
)

COUNTER_RECEIPT = Table(
    "counter_receipt",
    METADATA,
    identity(),
    words("company"),
    words("number"),
    big("series_id"),
    big("seq"),
    big("shift_id"),
    words("kind"),  # payment | sale | spoiled
    big("amount"),
    big("balance"),  # what of it the account's own credit paid
    big("balance_txn_id"),
    big("tendered"),  # cash that the customer gave; 0: none
    words("state"),  # used | void
    words("message_id"),
    big("void_act_id"),
    big("made_at"),
    Index("uq_counter_receipt_company_number", "company", "number", unique=True),
    Index("uq_counter_receipt_series_seq", "series_id", "seq", unique=True),
    Index("ix_counter_receipt_shift_id", "shift_id"),
)

_CLEARED = "reference <> ''"

DEPOSIT_SLIP = Table(
    "deposit_slip",
    METADATA,
    identity(),
    words("company"),
    big("desk_id"),
    big("number"),  # of the desk, without gaps
    big("amount"),
    words("state"),  # made | cleared
    words("bag"),
    big("act_id"),
    big("txn_id"),
    words("bank"),  # our account there
    words("reference"),  # the bank's; counts once
    big("credited"),
    big("clear_txn_id"),
    big("made_at"),
    big("cleared_at"),
    Index("uq_deposit_slip_desk_id_number", "desk_id", "number", unique=True),
    Index(
        "uq_deposit_slip_reference",
        "company",
        "bank",
        "reference",
        unique=True,
        sqlite_where=text(_CLEARED),
        postgresql_where=text(_CLEARED),
    ),
)

#: The number of a document that corrects another. Final.
CREDIT_NOTE = Table(
    "credit_note",
    METADATA,
    identity(),
    words("company"),
    words("number"),
    big("series_id"),
    big("seq"),
    big("act_id"),
    big("item_id"),  # the bill or fee that it corrects; 0: a payment
    big("payment_id"),  # the payment that it corrects; 0: an item
    big("amount"),
    big("at"),
    Index("uq_credit_note_company_number", "company", "number", unique=True),
    Index("uq_credit_note_series_seq", "series_id", "seq", unique=True),
)
