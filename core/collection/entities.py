"""What decisions of collection are made on. Minor units; days are local dates as ISO text."""

import msgspec

from core.entities import Entity


class OpenItem(Entity, frozen=True, kw_only=True, gc=False):
    """A receivable as a document; ``core.store.tables.collection`` says what each field holds."""

    company: str
    account_id: int
    agreement_id: int
    kind: str
    code: str
    item_class: str
    label: str
    period: int
    due: str
    amount: int
    open: int
    state: str
    identity: str
    about_id: int
    plan_id: int
    lines: str
    late_done: int
    message_id: str
    txn_id: int
    raised_at: int
    late_from: str = ""


class Payment(Entity, frozen=True, kw_only=True, gc=False):
    """Money that came in, with the rule by which it was given out (JSON)."""

    company: str
    number: str
    currency: str
    amount: int
    way: str
    desk: str
    reference: str
    rule: str
    state: str
    txn_id: int
    clear_txn_id: int
    message_id: str
    received_at: int
    decided_at: int
    bank: str = ""
    identity: str = ""
    agent_id: int = 0
    counter_receipt_id: int = 0
    part: int = 0


class PayPlan(Entity, frozen=True, kw_only=True, gc=False):
    """Instalments that were agreed."""

    company: str
    account_id: int
    state: str
    total: int
    instalments: int
    operator: str
    reason: str
    made_at: int
    closed_at: int


class Deposit(Entity, frozen=True, kw_only=True, gc=False):
    """What we hold as a security."""

    company: str
    account_id: int
    kind: str
    held: int


class PreReceipt(Entity, frozen=True, kw_only=True, gc=False):
    """A receipt written before its payment."""

    company: str
    number: str
    account_id: int
    amount: int
    items: str
    state: str
    payment_id: int
    issued_at: int


class Allocated(msgspec.Struct, frozen=True, gc=False):
    """A row of the table ``allocation``; ``item_id`` and ``debt_id`` 0: the account's own."""

    source: str
    source_id: int
    account_id: int
    item_id: int
    debt_id: int
    ledger: str
    amount: int
    at: int


class Uncleared(msgspec.Struct, frozen=True, gc=False):
    """What of an item is paid by money that may still come back."""

    code: str
    item_class: str
    due: str
    amount: int


class Posted(msgspec.Struct, frozen=True, gc=False):
    """A posting as the books have it."""

    line: int
    ledger: str
    owner: int
    amount: int


class OpeningAct(msgspec.Struct, frozen=True, gc=False):
    """An act about the credit of an account in an older system's books."""

    id: int
    year: int
    state: str
    expires: int


class AccountAgreement(msgspec.Struct, frozen=True, gc=False):
    """An agreement of an account, as collection needs it."""

    id: int
    tariff: str
    mode: str
    state: str
