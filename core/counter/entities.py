"""What decisions at a desk are made on. Minor units; instants in microseconds UTC."""

import msgspec

from core.entities import Entity

#: The ledgers of a desk's cash, whose balances are in its row.
TILL, SAFE = "till:", "safe:"


class CashDesk(Entity, frozen=True, kw_only=True, gc=False):
    """A desk, its till and its safe; ``core.store.tables.counter`` says what each field holds."""

    company: str
    code: str
    name: str
    currency: str
    till: int
    safe: int
    shift_id: int
    z_number: int
    slip_number: int
    added_at: int


class Shift(Entity, frozen=True, kw_only=True, gc=False):
    """A cashier's time at a desk."""

    company: str
    desk_id: int
    cashier: str
    state: str
    source: str
    previous_id: int
    opening: int
    cash: int = 0
    paid_in: int = 0
    paid_out: int = 0
    dropped: int = 0
    voided: int = 0
    counted: int = 0
    variance: int = 0
    heir: str = ""
    z_number: int = 0
    report: str = ""
    opened_at: int = 0
    counted_at: int = 0
    closed_at: int = 0

    @property
    def expected(self) -> int:
        """The cash that must be in the till."""
        return self.opening + self.cash + self.paid_in - self.paid_out - self.dropped - self.voided


class Series(Entity, frozen=True, kw_only=True, gc=False):
    """A range of numbers; ``next`` is the first that was not used."""

    company: str
    purpose: str
    desk_id: int
    prefix: str
    first: int
    last: int
    next: int
    act_id: int
    added_at: int

    @property
    def number(self) -> str:
        """The next number as it is printed: as many digits as the last one has."""
        return f"{self.prefix}{self.next:0{len(str(self.last))}d}"


class CounterReceipt(Entity, frozen=True, kw_only=True, gc=False):
    """What a customer was given for his money, or (``spoiled``) a number that nobody was given."""

    company: str
    number: str
    series_id: int
    seq: int
    shift_id: int
    kind: str
    amount: int
    balance: int
    balance_txn_id: int
    tendered: int
    state: str
    message_id: str
    void_act_id: int
    made_at: int


class DepositSlip(Entity, frozen=True, kw_only=True, gc=False):
    """Cash on its way to the bank."""

    company: str
    desk_id: int
    number: int
    amount: int
    state: str
    bag: str
    act_id: int
    txn_id: int
    bank: str
    reference: str
    credited: int
    clear_txn_id: int
    made_at: int
    cleared_at: int


class Taking(msgspec.Struct, frozen=True, gc=False):
    """What a shift has taken in one way: how often and how much, and what of it was voided."""

    count: int = 0
    amount: int = 0
    voids: int = 0
    voided: int = 0
