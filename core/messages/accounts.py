"""Parties and places: enrolling a customer, and what a customer asks of an account."""

import msgspec

from core.messages.base import Message, message_type
from core.messages.vending import Recipient


class MeterLink(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prepaid meter at the agreement's service point.

    ``drn`` 11 or 13 digits; ``ea`` 7 or 11; ``dkga`` ``02`` or ``04``; ``base_year`` 1993, 2014 or
    2035; ``max_credit_tenths`` the largest credit that the model takes in one token (tenths).
    ``commodity``: ``electricity`` (kWh), ``water``, ``gas`` (m³) or ``time`` (minutes); a meter of
    ``heat`` takes no tokens. ``electricity-money`` … ``time-money``: the meter holds the tariff and
    counts money; ``max_credit_tenths`` is then ten for each smallest coin, and must be said.
    """

    drn: str
    sgc: str
    model: str = "generic"
    ea: int = 11
    dkga: str = "04"
    krn: int = 1
    ti: str = "01"
    ken: int = 255
    base_year: int = 2014
    tct: str = "02"
    max_credit_tenths: int = 99_999
    blocked: str = ""  # reason class; empty: active
    commodity: str = "electricity"


class PhoneLink(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A registered phone: it may spend the account, and calls the meter by ``meter_name``."""

    msisdn: str
    meter_name: str = ""
    language: str = ""


@message_type(
    "wattbus.accounts.Enrol.v1", hashed=("account", "name", "tariff", "meter", "phones", "since")
)
class Enrol(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Take on a customer: customer, account, service point, agreement, meter, phones.

    A customer number that exists gets one more account; ``since`` is the local date (ISO) on which
    the agreement starts. ``area`` is where the service point is, in a word that agents' contracts
    use; like ``address`` it is kept with a service point that is new.
    """

    customer: str
    name: str
    account: str
    currency: str
    service_point: str
    tariff: str
    since: str
    address: str = ""
    area: str = ""
    language: str = "en"
    mode: str = "prepaid"
    meter: MeterLink | None = None
    phones: tuple[PhoneLink, ...] = ()


@message_type("wattbus.accounts.AskBalance.v1", hashed=("phone",))
class AskBalance(Message, frozen=True, kw_only=True, omit_defaults=True):
    """``BALANCE``: credit of the account, and what is left of the month's first block."""

    phone: str
    reply: tuple[Recipient, ...] = ()
    answer_by_notice: bool = True


@message_type("wattbus.accounts.SetLanguage.v1", hashed=("phone", "language"))
class SetLanguage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A registered phone is spoken to in ``language`` (``sw``) from now on, on every way."""

    phone: str
    language: str
