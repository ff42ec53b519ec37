"""What decisions about the proof of money by wallet are made on.

``core.store.tables.wallet_books`` says what each field holds. Minor units; instants in µs UTC.
"""

from core.entities import Entity


class WalletRefund(Entity, frozen=True, kw_only=True, gc=False):
    """Money that goes back to its payer; in a book by its id."""

    company: str
    wallet: str
    payment_id: int
    cause: str
    state: str
    reference: str
    receipt: str
    reversal_receipt: str
    currency: str
    amount: int
    act_id: int
    why: str
    proof: str
    code: str
    detail: str
    txn_id: int
    asked_at: int
    ended_at: int
    message_id: str


class WalletCase(Entity, frozen=True, kw_only=True, gc=False):
    """What people must look at; in a book by its id."""

    company: str
    wallet: str
    kind: str
    state: str
    payment_id: int
    receipt: str
    currency: str
    amount: int
    detail: str
    evidence: str
    message_id: str
    opened_at: int
    closed_at: int
    closed_by: str
    reason: str
    act_id: int


class WalletStatement(Entity, frozen=True, kw_only=True, gc=False):
    """A provider's account of a day; in a book by (wallet, day)."""

    company: str
    wallet: str
    day: int
    currency: str
    pages: str
    last_page: int
    source: str
    checked: str
    taken_at: int


class StatementRow(Entity, frozen=True, kw_only=True, gc=False):
    """A line of one, compared with ours; in a book by its id."""

    company: str
    statement_id: int
    page: int
    line: int
    receipt: str
    original: str
    reference: str
    typed: str
    payer: str
    amount: int
    fee: int
    at: int
    outcome: str
    payment_id: int
    ours: int
    detail: str
    compared_at: int


class Settlement(Entity, frozen=True, kw_only=True, gc=False):
    """A payout to our bank; in a book by (wallet, the bank's reference) and by its id."""

    company: str
    wallet: str
    reference: str
    desk: str
    currency: str
    amount: int
    fee: int
    until: int
    until_us: int
    expected: int
    payments: int
    txn_id: int
    at: int
    message_id: str
