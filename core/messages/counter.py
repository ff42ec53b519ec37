"""What cashiers say at their desks: money taken, tokens sold, and all that happens to the cash."""

from typing import Annotated

import msgspec

from core.messages.base import Message, message_type
from core.messages.collection import PaymentShare
from core.messages.vending import Recipient

#: Ways of one payment: nobody pays with more at once.
MAX_TENDERS = 5
#: Accounts of one payment at a desk: their locks are held together.
MAX_ACCOUNTS = 10
MAX_PIECES = 30


class CounterTender(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a payment came in one way. ``amount`` is what stays (minor units).

    ``way`` is cash, card, transfer, mobile, one of the company's that clear later (cheque), or
    ``balance``: the credit of the account itself. ``tendered``: the cash that the customer gave
    (0: exactly); what is above ``amount`` is his change. Any way but cash and balance needs its
    ``reference``, a cheque its ``bank``.
    """

    way: str
    amount: int
    tendered: int = 0
    reference: str = ""
    bank: str = ""


Tenders = Annotated[tuple[CounterTender, ...], msgspec.Meta(min_length=1, max_length=MAX_TENDERS)]


@message_type(
    "wattbus.counter.TakeAtCounter.v1",
    hashed=("operator", "desk", "shares", "amount", "currency", "tenders"),
)
class TakeAtCounter(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A cashier takes ``amount`` for accounts: ``shares`` sum to it, and so do ``tenders``.

    Answers with ``receipt``, the ``payments`` (one for each way), ``change``, and each account's
    ``credits``.
    """

    operator: str
    desk: str
    shares: Annotated[tuple[PaymentShare, ...], msgspec.Meta(min_length=1, max_length=MAX_ACCOUNTS)]
    amount: int
    currency: str
    tenders: Tenders
    rule: str = ""


@message_type(
    "wattbus.counter.SellAtCounter.v1",
    hashed=("operator", "desk", "meter", "tender", "currency", "tenders", "phone"),
)
class SellAtCounter(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A cashier sells credit for ``meter`` for ``tender``, which ``tenders`` sum to.

    The money becomes credit of the meter's account and buys the token at once; ways that clear
    later buy none. ``phone``: the buyer's, if he wants the token there (``reply``) and in ``LAST``.
    ``another`` and ``quoted_tenths`` as of a CreditVend. Answers as that does, with ``receipt``
    (``sale_receipt`` is the sale's own), ``payments`` and ``change``.
    """

    operator: str
    desk: str
    meter: str
    tender: int
    currency: str
    tenders: Tenders
    phone: str = ""
    another: bool = False
    quoted_tenths: int | None = None
    reply: tuple[Recipient, ...] = ()


class Pieces(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """So many coins or notes of one value (minor units)."""

    value: int
    count: int


@message_type(
    "wattbus.counter.RequestCounterAct.v1",
    hashed=(
        *("operator", "kind", "desk", "amount", "pieces", "source", "heir", "receipt", "slip"),
        *("bank", "reference", "prefix", "first", "last", "purpose", "name"),
    ),
)
class RequestCounterAct(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator`` asks for an act of ``kind`` (``core.counter.act_kinds``) at a desk.

    ``reason`` is why, in words; ``evidence`` names what proves it. Which of the others an act
    needs, its kind says: ``amount`` in minor units, or ``pieces`` that were counted; ``source`` of
    an opening float (``office`` or ``safe``); ``heir``, the next cashier; ``receipt``, a number;
    ``slip``, a deposit slip's number, with ``bank`` (our account there), the bank's ``reference``
    and the amount that it credited; ``bank`` of a deposit is the bag or envelope; ``prefix``,
    ``first``, ``last`` and ``purpose`` (``receipt`` or ``credit-note``) of numbers; ``name`` of a
    desk.
    """

    operator: str
    kind: str
    desk: str
    reason: str = ""
    evidence: str = ""
    amount: int = 0
    pieces: Annotated[tuple[Pieces, ...], msgspec.Meta(max_length=MAX_PIECES)] = ()
    source: str = "office"
    heir: str = ""
    receipt: str = ""
    slip: int = 0
    bank: str = ""
    reference: str = ""
    prefix: str = ""
    first: int = 0
    last: int = 0
    purpose: str = "receipt"
    name: str = ""
