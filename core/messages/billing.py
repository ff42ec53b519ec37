"""Money that comes in."""

from typing import Annotated

import msgspec

from core.messages.base import Message, message_type


@message_type("wattbus.billing.ReceivePayment.v1", hashed=("account", "amount", "currency", "way"))
class ReceivePayment(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A payment received for an account: it pays what is owed there, the rest becomes credit.

    ``way`` is the tender: cash, card, transfer, mobile, or one of the company's
    that clear later (cheque); ``reference`` its own number, if any;
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
