"""Selling prepaid credit."""

import msgspec

from core.messages.base import Message, message_type


class Recipient(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who gets the token, and how: ``way`` is ``sms`` for now; ``address`` an E.164 number."""

    way: str
    address: str
    language: str = "en"
    channel: str = ""  # instance that should carry it; empty: routing decides


@message_type("wattbus.vending.CreditVend.v1", hashed=("meter", "tender", "currency", "phone"))
class CreditVend(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Buy credit for ``meter`` with ``tender`` minor units of ``currency``.

    The payer is the account that ``phone`` is registered for; ``account`` names one when the phone
    has several. ``holder_confirmed`` says that the buyer has seen the masked name of another
    holder and agreed; ``another`` that he wants a second purchase although it looks like a repeat.
    ``quoted_tenths`` is what a quote had shown: if the sale would give other units, he is asked
    again. ``pin_pass`` is what the check of the phone's PIN gave (``CheckPin``). ``reply`` is where
    a token, or a refusal when ``answer_by_notice``, is sent.
    """

    meter: str
    tender: int
    currency: str
    phone: str
    account: str = ""
    holder_confirmed: bool = False
    another: bool = False
    quoted_tenths: int | None = None
    pin_pass: str = ""
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = False


@message_type("wattbus.vending.ConfirmVend.v1", hashed=("phone", "code"))
class ConfirmVend(Message, frozen=True, kw_only=True, omit_defaults=True):
    """``YES nnnn``: the buyer confirms the waiting purchase for another holder's meter."""

    phone: str
    code: str
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = True


@message_type("wattbus.vending.AskLastTokens.v1", hashed=("phone",))
class AskLastTokens(Message, frozen=True, kw_only=True, omit_defaults=True):
    """``LAST``: the last three tokens bought by or for this phone, marked COPY."""

    phone: str
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = True
