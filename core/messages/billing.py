"""Money that comes in."""

from typing import Annotated

import msgspec

from core.messages.base import Message, message_type

#: What a repeat of a payment must say again; its own number is what a bank knows it by.
_PAID = ("account", "amount", "currency", "way")


@message_type(
    "wattbus.billing.ReceivePayment.v1",
    hashed=(*_PAID, "desk", "reference", "bank"),
    hash_version=2,
    earlier={1: _PAID},
)
class ReceivePayment(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A payment received for an account: it pays what is owed there, the rest becomes credit.

    ``way`` is the tender: cash, card, transfer, mobile, or one of the company's
    that clear later (cheque); ``reference`` its own number, if any, and ``bank`` whose cheque it
    is: the same number of a bank, or of a way at a desk, is one payment whatever key brings it;
    ``desk`` the cash desk or collector that took it. ``rule`` names the allocation rule (empty: the
    company's), ``items`` the open items that the payer wants paid first, ``receipt`` one that was
    written before the payment.
    """

    account: str
    amount: int
    currency: str
    way: str = "cash"
    reference: str = ""
    desk: str = "main"
    rule: str = ""
    items: Annotated[tuple[int, ...], msgspec.Meta(max_length=60)] = ()
    receipt: str = ""
    bank: str = ""
