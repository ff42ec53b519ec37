"""What decisions about a terminal's items are made on. Minor units; instants in microseconds UTC.

``core.store.tables.terminals`` says what each field holds.
"""

import msgspec

from core.entities import Entity


class TerminalItem(Entity, frozen=True, kw_only=True, gc=False):
    """A sale or payment as its terminal calls it; in the book under its ``slip``."""

    company: str
    terminal_id: int
    agent_id: int
    shift_id: int
    day: int
    stan: int
    slip: str
    batch: int
    batch_id: int
    kind: str
    state: str
    offline: int
    made_day: int
    late: int
    amount: int
    currency: str
    cashier: str
    rrn: str
    receipt: str
    about: int
    document: str
    account_id: int
    reason: str
    message_id: str
    reversal_message_id: str
    at: int
    reversed_at: int


class TerminalBatch(Entity, frozen=True, kw_only=True, gc=False):
    """A batch of a terminal: what it sold and collected between two settlements."""

    company: str
    terminal_id: int
    agent_id: int
    number: int
    turn: int
    live: int
    slot: str
    opened: int
    state: str
    currency: str
    our_debits: int
    our_debit_amount: int
    our_reversals: int
    our_reversal_amount: int
    their_debits: int
    their_debit_amount: int
    their_reversals: int
    their_reversal_amount: int
    balanced: int
    uploads: int
    differences: int
    pending: str
    settled: int
    opened_at: int
    closed_at: int


class TerminalCase(Entity, frozen=True, kw_only=True, gc=False):
    """What a person must look at."""

    company: str
    terminal_id: int
    agent_id: int
    item_id: int
    batch_id: int
    kind: str
    state: str
    amount: int
    currency: str
    account: str
    document: str
    detail: str
    message_id: str
    opened_at: int
    closed_at: int
    closed_by: str
    reason: str
    txn_id: int


def slip_name(terminal_id: int, day: int, stan: int) -> str:
    """What an item is found by: the three that a terminal knows it by, in one word."""
    return f"{terminal_id}/{day}/{stan}"


def slot_name(terminal_id: int, number: int) -> str:
    """What the newest turn of a batch's number is found by."""
    return f"{terminal_id}/{number}"


def offline_name(item: TerminalItem) -> tuple[int, str]:
    """Under which bills that were collected without the line are looked for: sent twice?"""
    return item.terminal_id, item.receipt


class Uploaded(msgspec.Struct, frozen=True, gc=False):
    """An item as the terminal has it."""

    day: int
    stan: int
    amount: int
    kind: str
    reversed: int
