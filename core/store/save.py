"""A batch's book as rows to write: each changed row once, each table in one set."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from core.agents.entities import Agent, AgentFloat, TopUp
from core.book import Book
from core.changes.entities import (
    BilledDays,
    Holding,
    Installed,
    PhoneSlice,
    SavedMeter,
    Service,
)
from core.changes.entities import Change as LifeChange
from core.collection.entities import Deposit, OpenItem, Payment, PayPlan, PreReceipt
from core.counter.entities import CashDesk, CounterReceipt, DepositSlip, Series
from core.counter.entities import Shift as TillShift
from core.entities import (
    Account,
    AgreementPause,
    AgreementState,
    Debt,
    Entitlement,
    Entity,
    KeyChange,
    Meter,
    NoticeRow,
    OrderedSale,
    Phone,
    TokenAct,
    TokenOrder,
    Waiting,
)
from core.registration.entities import PhoneGuard, PhoneRequest, SavedAs
from core.store.load_key_changes import COLUMNS, row_of
from core.store.tables import METADATA
from core.store.tx import Change, Insert, Row, Update
from core.terminals.entities import Cashier, Shift, Terminal
from core.terminals.item_entities import TerminalBatch, TerminalCase, TerminalItem
from core.wallets.book_entities import StatementRow, WalletCase, WalletRefund, WalletStatement
from core.wallets.entities import WalletPayment
from core.wallets.held_states import HeldMoney, PhoneAsks


@dataclass(frozen=True, slots=True)
class Saved:
    """Which columns of which table an entity may change; the first is the key."""

    kind: type[Entity]
    table: str
    columns: tuple[str, ...]
    row: Callable[[Any], Row]
    changed: Callable[[Any, Any], bool] = lambda _now, _before: True  # before: None when new


def _recoded(now: Meter, before: Meter | None) -> bool:
    """Whether a key change came, or moved on: most meters that a batch changes keep their key."""
    return _IDENTITY(now) != _IDENTITY(before) if before is not None else now.key_change_id > 0


def _spoken(now: Phone, before: Phone | None) -> bool:
    """Phones are not locked: what did not change here may have changed elsewhere."""
    return before is None or now.language != before.language


def _seen(now: Phone, before: Phone | None) -> bool:
    return before is not None and now.seen_at != before.seen_at


def _paused(now: AgreementState, before: AgreementState | None) -> bool:
    return now.pauses != (before.pauses if before is not None else 0)


def _item_moved(now: TerminalItem, before: TerminalItem | None) -> bool:
    """A new one is written as it is, unless it was taken back in its own batch."""
    return before is not None or now.reversed_at > 0


def _key_change(change: KeyChange) -> Row:
    row = row_of(change)
    return tuple(row[name] for name in COLUMNS)


_AGENT = Agent.__struct_fields__
_FLOAT = AgentFloat.__struct_fields__
_TOPUP = ("id", "state", "movement_id", "decision_id", "decided_at")
_DESK = ("id", "till", "safe", "shift_id", "z_number", "slip_number")
_SHIFT = (
    "id", "state", "cash", "paid_in", "paid_out", "dropped", "voided", "counted", "variance",
    "heir", "z_number", "report", "counted_at", "closed_at",
)  # fmt: skip
_SLIP = ("id", "state", "bank", "reference", "credited", "clear_txn_id", "cleared_at")
_TERMINAL = Terminal.__struct_fields__
_TERMINAL_BATCH = TerminalBatch.__struct_fields__
_ITEM_CHANGED = ("id", "state", "late", "reason", "reversal_message_id", "reversed_at")
_CASE_CLOSED = ("id", "state", "closed_at", "closed_by", "reason", "txn_id")
_CASHIER = Cashier.__struct_fields__
#: What a payment by wallet was asked for never changes.
_WALLET = (
    "id", "state", "purpose", "target", "receipt", "paid", "paid_currency", "fee", "payer",
    "payer_form", "names", "proof", "outcome", "code", "reason", "detail", "account_id",
    "agreement_id", "agent_id", "sale_id", "payment_id", "held_id", "about_id", "provider_at",
    "sent_at", "paid_at", "applied_at", "settled_at", "ended_at", "paid_message_id",
)  # fmt: skip
_REFUND = (
    "id", "state", "reversal_receipt", "proof", "code", "detail", "txn_id", "ended_at",
)  # fmt: skip
_WALLET_CASE = ("id", "state", "closed_at", "closed_by", "reason", "act_id")
_STATEMENT = ("id", "pages", "last_page", "checked")
_LINE = (
    "id", "page", "line", "original", "reference", "typed", "payer", "amount", "fee", "at",
    "outcome", "payment_id", "ours", "detail", "compared_at",
)  # fmt: skip
_HELD = (
    "id", "amount", "rest", "ledger", "reason", "names", "target", "account_id", "item_id", "state",
    "owner", "next", "deadline", "next_at", "lapses", "how", "decision_id", "ended_at",
)  # fmt: skip
_ASKS = ("id", "since", "count")
_GUARD = PhoneGuard.__struct_fields__
_ASKED = ("id", "state", "wrong", "ended_at")
_IDENTITY_COLUMNS = ("id", "sgc", "krn", "ti", "ken", "kt", "dkga", "key_change_id")
_IDENTITY: Callable[[Meter], Row] = attrgetter(*_IDENTITY_COLUMNS)

_CHANGED = (
    "id", "state", "open", "to_account_id", "approver", "read_on", "readings", "remaining_tenths",
    "valued", "before", "did", "settle_id", "read_at", "settled_at", "switched_at", "ended_at",
)  # fmt: skip

UPDATES = (
    Saved(
        Meter,
        "meter",
        ("id", "state", "block_reason", "last_tid", "base_year"),
        lambda m: (m.id, m.state, m.block_reason, m.last_tid, m.base_year),
    ),
    Saved(Meter, "meter", _IDENTITY_COLUMNS, _IDENTITY, _recoded),
    Saved(KeyChange, "key_change", COLUMNS, _key_change),
    Saved(
        AgreementState,
        "agreement_state",
        ("agreement_id", "period", "units_milli", "fixed_through"),
        lambda a: (a.id, a.period, a.units_milli, a.fixed_through),
    ),
    Saved(
        AgreementState,
        "agreement_state",
        ("agreement_id", "pauses"),
        lambda a: (a.id, a.pauses),
        _paused,
    ),
    Saved(AgreementPause, "agreement_pause", ("id", "to_us"), lambda p: (p.id, p.to_us)),
    Saved(
        Account,
        "account",
        ("id", "state", "credit", "reserved"),
        lambda a: (a.id, a.state, a.credit, a.reserved),
    ),
    Saved(
        OpenItem,
        "open_item",
        ("id", "open", "due", "state", "late_done"),
        lambda i: (i.id, i.open, i.due, i.state, i.late_done),
    ),
    Saved(
        Payment,
        "payment",
        ("id", "state", "clear_txn_id", "decided_at"),
        lambda p: (p.id, p.state, p.clear_txn_id, p.decided_at),
    ),
    Saved(
        PayPlan, "pay_plan", ("id", "state", "closed_at"), lambda p: (p.id, p.state, p.closed_at)
    ),
    Saved(Deposit, "deposit", ("id", "held"), lambda d: (d.id, d.held)),
    Saved(
        PreReceipt,
        "pre_receipt",
        ("id", "state", "payment_id"),
        lambda r: (r.id, r.state, r.payment_id),
    ),
    Saved(
        Entitlement,
        "entitlement",
        ("id", "claimed_through", "ended_at", "ended_by", "end_reason"),
        lambda e: (e.id, e.claimed_through, e.ended_at, e.ended_by, e.end_reason),
    ),
    Saved(
        LifeChange,
        "account_change",
        _CHANGED,
        attrgetter(*_CHANGED),
    ),
    Saved(
        Service,
        "agreement",
        ("id", "tariff", "mode", "state", "to_us"),
        lambda s: (s.id, s.tariff, s.mode, s.state, s.to_us),
    ),
    Saved(Installed, "meter_install", ("id", "to_us"), lambda i: (i.id, i.to_us)),
    Saved(BilledDays, "billed_days", ("id", "last"), lambda b: (b.id, b.last)),
    Saved(Holding, "account", ("id", "customer_id"), lambda h: (h.id, h.customer_id)),
    Saved(Debt, "debt", ("id", "outstanding"), lambda d: (d.id, d.outstanding)),
    Saved(Waiting, "confirmation", ("id", "state"), lambda w: (w.id, w.state)),
    Saved(Phone, "phone", ("id", "language"), lambda p: (p.id, p.language), _spoken),
    Saved(Phone, "phone", ("id", "seen_at"), lambda p: (p.id, p.seen_at), _seen),
    Saved(PhoneGuard, "phone_guard", _GUARD, attrgetter(*_GUARD)),
    Saved(PhoneRequest, "phone_request", _ASKED, attrgetter(*_ASKED)),
    Saved(
        TokenAct,
        "token_act",
        ("id", "state", "approver", "note", "amount", "decision_id", "decided_at"),
        lambda a: (a.id, a.state, a.approver, a.note, a.amount, a.decision_id, a.decided_at),
    ),
    Saved(
        TokenOrder,
        "token_order",
        ("id", "state", "code", "detail", "ended_at"),
        lambda o: (o.id, o.state, o.code, o.detail, o.ended_at),
    ),
    Saved(
        OrderedSale,
        "sale",
        ("id", "state", "receipt", "issued_at"),
        lambda s: (s.id, s.state, s.receipt, s.issued_at),
    ),
    Saved(
        NoticeRow,
        "notice",
        ("id", "state", "detail", "updated_at"),
        lambda n: (n.id, n.state, n.detail, n.updated_at),
    ),
    Saved(CashDesk, "cash_desk", _DESK, attrgetter(*_DESK)),
    Saved(TillShift, "till_shift", _SHIFT, attrgetter(*_SHIFT)),
    Saved(Series, "receipt_series", ("id", "next"), lambda s: (s.id, s.next)),
    Saved(
        CounterReceipt,
        "counter_receipt",
        ("id", "state", "void_act_id", "balance_txn_id"),
        lambda r: (r.id, r.state, r.void_act_id, r.balance_txn_id),
    ),
    Saved(DepositSlip, "deposit_slip", _SLIP, attrgetter(*_SLIP)),
    Saved(Agent, "agent", _AGENT, attrgetter(*_AGENT)),
    Saved(Terminal, "terminal", _TERMINAL, attrgetter(*_TERMINAL)),
    Saved(TerminalItem, "terminal_item", _ITEM_CHANGED, attrgetter(*_ITEM_CHANGED), _item_moved),
    Saved(TerminalBatch, "terminal_batch", _TERMINAL_BATCH, attrgetter(*_TERMINAL_BATCH)),
    Saved(TerminalCase, "terminal_case", _CASE_CLOSED, attrgetter(*_CASE_CLOSED)),
    Saved(Cashier, "cashier", _CASHIER, attrgetter(*_CASHIER)),
    Saved(
        Shift,
        "terminal_shift",
        ("id", "closed_at", "ended_by"),
        attrgetter("id", "closed_at", "ended_by"),
    ),
    Saved(WalletPayment, "wallet_payment", _WALLET, attrgetter(*_WALLET)),
    Saved(WalletRefund, "wallet_refund", _REFUND, attrgetter(*_REFUND)),
    Saved(WalletCase, "wallet_case", _WALLET_CASE, attrgetter(*_WALLET_CASE)),
    Saved(WalletStatement, "wallet_statement", _STATEMENT, attrgetter(*_STATEMENT)),
    Saved(StatementRow, "wallet_statement_line", _LINE, attrgetter(*_LINE)),
    Saved(HeldMoney, "held_money", _HELD, attrgetter(*_HELD)),
    Saved(PhoneAsks, "wallet_asks", _ASKS, attrgetter(*_ASKS)),
    Saved(AgentFloat, "agent_float", ("agent_id", *_FLOAT[1:]), attrgetter(*_FLOAT)),
    Saved(TopUp, "agent_topup", _TOPUP, attrgetter(*_TOPUP)),
)

#: Slices of time without a number of their own: (entity, table, columns). One that was loaded can
#: only end.
SLICES: tuple[tuple[type[Entity], str, tuple[str, ...], Callable[[Any], Row]], ...] = (
    (
        PhoneSlice,
        "phone_account",
        ("phone_id", "account_id", "from_us", "to_us"),
        attrgetter("id", "account_id", "from_us", "to_us"),
    ),
    (
        SavedMeter,
        "phone_meter",
        ("phone_id", "meter_id", "from_us", "to_us"),
        attrgetter("id", "meter_id", "from_us", "to_us"),
    ),
    (
        SavedAs,
        "phone_meter",
        ("phone_id", "meter_id", "from_us", "to_us"),
        attrgetter("id", "meter_id", "from_us", "to_us"),
    ),
)

#: Parents before children, so that a reader of a half-written set is never surprised.
INSERT_ORDER = tuple(METADATA.tables)


def changes_of(book: Book) -> list[Change]:
    """What a batch did to its book, as rows.

    An entity that is new has its row in ``book.rows``; it is then updated like the others, so that
    what the rest of the batch did to it (a payment to an account enrolled a moment ago) is kept.
    """
    changes: list[Change] = []
    for table in INSERT_ORDER:
        rows = book.rows.get(table)
        if rows:
            columns = tuple(rows[0])
            assert all(row.keys() == rows[0].keys() for row in rows), f"{table}: rows differ"
            values = [tuple(row[name] for name in columns) for row in rows]
            changes.append(Insert(table, columns, values))
    all_changed = book.all_changed()
    for saved in UPDATES:
        found = all_changed.get(saved.kind, ())
        changed = [saved.row(now) for now, before in found if saved.changed(now, before)]
        if changed:
            changes.append(Update(saved.table, saved.columns, changed))
    for kind, table, columns, row in SLICES:
        ended = [row(now) for now, _ in all_changed.get(kind, ()) if row(now)[-1] is not None]
        if ended:
            key = ", ".join(columns[:3])
            tail = f"ON CONFLICT ({key}) DO UPDATE SET to_us = excluded.to_us"
            changes.append(Insert(table, columns, ended, tail))
    return changes
