"""Changes in a customer's life: asked for, and led from step to step, by operators."""

from typing import Annotated

import msgspec

from core.messages.accounts import MeterLink, PhoneLink
from core.messages.base import Message, message_type

#: Registers of one reading: times of use, demand, reactive energy, and some to spare.
MAX_REGISTERS = 32
#: A household's phones.
MAX_PHONES = 8
_Registers = Annotated[dict[str, int], msgspec.Meta(max_length=MAX_REGISTERS)]


@message_type(
    "wattbus.changes.RequestChange.v1",
    hashed=(
        *("operator", "kind", "account", "agreement", "point", "meter", "to_account", "customer"),
        *("name", "tariff", "mode", "phones"),
    ),
)
class RequestChange(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator`` asks for a change of ``kind`` (``core.changes.kinds``).

    ``account``: whose agreement it is about; of a move-in the account that comes. ``agreement``
    where the account has several. ``point``: the vacant service point of a move-in. ``meter``: the
    new one of an exchange. ``to_account``: who comes in a take-over. ``customer`` and ``name``: a
    new holder, or of an account that is new. ``tariff`` and ``mode`` of the agreement that begins
    (empty: those of the one that ends). ``phones`` that may spend the account from then on.
    """

    operator: str
    kind: str
    account: str
    reason: str
    evidence: str = ""
    agreement: int = 0
    point: str = ""
    meter: MeterLink | None = None
    to_account: str = ""
    customer: str = ""
    name: str = ""
    language: str = "en"
    tariff: str = ""
    mode: str = ""
    phones: Annotated[tuple[PhoneLink, ...], msgspec.Meta(max_length=MAX_PHONES)] = ()


@message_type(
    "wattbus.changes.MoveChange.v1",
    hashed=("operator", "change", "move", "remaining_tenths", "readings", "opening", "usage"),
)
class MoveChange(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator`` moves change number ``change`` on: ``read``, ``settle``, ``switch``,
    ``confirm`` or ``undo`` (``core.changes.states``).

    A reading has ``readings`` of the meter's registers (milli-units), those of a new meter in
    ``opening``; of a prepaid agreement ``remaining_tenths`` of the unit that are left in the meter;
    of a postpaid one ``usage`` since the last bill, by the names of its tariff (milli-units).
    ``reason`` and ``evidence`` are kept.
    """

    operator: str
    change: int
    move: str
    reason: str = ""
    evidence: str = ""
    remaining_tenths: int = -1
    readings: _Registers = msgspec.field(default_factory=dict)
    opening: _Registers = msgspec.field(default_factory=dict)
    usage: _Registers = msgspec.field(default_factory=dict)
