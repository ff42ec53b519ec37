"""What a query gives back. Money in minor units, units in tenths of the meter's unit (``commodity``
says which: ``core.commodity``), instants in µs UTC."""

from typing import Any

import msgspec

from core.registration.years import YEAR_US


class LineView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a receipt. ``code`` selects the label in the customer's language."""

    code: str
    amount: int
    quantity_milli: int = 0
    rate_e8: int = 0
    label: str = ""


class MeterView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A meter as one phone sees it; ``holder`` is masked unless it is the caller's own."""

    drn: str
    name: str = ""
    holder: str = ""
    own: bool = False


class AccountView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An account that the phone may spend; ``credit`` is what can be spent now."""

    number: str
    credit: int
    currency: str


class PhoneView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a phone; unregistered: no accounts."""

    msisdn: str
    registered: bool
    language: str = ""
    name: str = ""
    accounts: tuple[AccountView, ...] = ()
    meters: tuple[MeterView, ...] = ()
    wallet: str = ""  # what customers call the wallet that serves this phone; empty: none does
    seen_at: int = 0  # registered or bought last; 0: nobody knows

    def unused(self, now_us: int) -> bool:
        """Whether nobody bought by it for a year: it must be confirmed before it spends."""
        return self.registered and 0 < self.seen_at < now_us - YEAR_US


class SaleView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sale as its buyer may see it; also the ``data`` of a done CreditVend.

    ``key_change``: ``due`` (the meter needs another key; this sale is under the old one), ``first``
    (``kct`` goes into the meter before the token), ``again`` (the same set, repeated).
    """

    receipt: str
    meter: str
    token: str  # 20 digits
    units_tenths: int
    tender: int
    currency: str
    lines: tuple[LineView, ...]
    carried_forward: int
    at: int
    meter_name: str = ""
    account: str = ""
    test: bool = False
    sgc: str = ""
    krn: int = 0
    ti: str = ""
    key_change: str = ""
    kct: tuple[str, ...] = ()
    commodity: str = "electricity"
    free_token: str = ""  # free basic units that came with it, 20 digits
    free_tenths: int = 0


class QuoteView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a purchase would give now; information, not a promise.

    ``earlier`` is a purchase that this one looks like (same meter, amount and payer, minutes ago).
    ``account`` is empty where the phone cannot pay it from one, ``wallet`` (what customers call it)
    where no wallet serves the phone. ``pin``: the account needs the phone's PIN for so much; it is
    ``needed``, or ``unset``; empty: it needs none.
    """

    meter: MeterView
    tender: int
    currency: str
    units_tenths: int
    lines: tuple[LineView, ...]
    carried_forward: int
    account: str
    credit: int
    earlier: SaleView | None = None
    commodity: str = "electricity"
    wallet: str = ""
    pin: str = ""

    @property
    def payable(self) -> bool:
        """Whether somebody can pay it: the account, or the payer's wallet."""
        return bool(self.account or self.wallet)


class BillView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an account owes, as an agent may see it; ``holder`` is masked."""

    account: str
    holder: str
    due: int
    currency: str


class BalanceView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Credit and debt of an account, and what is left of the month's first block (milli-units)."""

    account: str
    credit: int
    currency: str
    debt: int = 0
    block_left_milli: int | None = None
    commodity: str = "electricity"  # of the block


class ActView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An operator's act; the digits of its token are not in it. ``amount`` in minor units."""

    act: int
    kind: str
    meter: str
    state: str
    operator: str
    reason: str
    requested_at: int
    expires: int
    evidence: str = ""
    from_meter: str = ""
    approver: str = ""
    note: str = ""
    units_tenths: int = 0
    amount: int = 0
    account: str = ""
    agent: str = ""
    terminal: str = ""
    decided_at: int = 0
    asked: dict[str, Any] = {}
    tokens: int = 0
