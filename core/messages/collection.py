"""What collection is told: payments for many accounts, acts of operators with money, old debts."""

from typing import Annotated

import msgspec

from core.messages.base import Message, message_type

#: Accounts of one payment: their locks are held together.
MAX_SHARES = 50
#: Old debts of one command; a larger file is asked for in pieces.
MAX_DEBTS = 50


class PaymentShare(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a payment is for an account; ``items``: what it shall pay first."""

    account: str
    amount: int
    items: tuple[int, ...] = ()


_JOINT = ("shares", "amount", "currency", "way")


@message_type(
    "wattbus.collection.ReceiveJointPayment.v1",
    hashed=(*_JOINT, "desk", "reference", "bank"),
    hash_version=2,
    earlier={1: _JOINT},
)
class ReceiveJointPayment(Message, frozen=True, kw_only=True, omit_defaults=True):
    """One payment for many accounts; the shares sum to ``amount`` (minor units)."""

    shares: Annotated[tuple[PaymentShare, ...], msgspec.Meta(min_length=1, max_length=MAX_SHARES)]
    amount: int
    currency: str
    way: str = "cash"
    reference: str = ""
    desk: str = "main"
    rule: str = ""
    bank: str = ""


_ACT = (
    *("operator", "kind", "account", "amount", "items", "payment", "fee", "deposit", "way"),
    *("desk", "on", "instalments", "plan", "receipt", "method", "value"),
)


@message_type(
    "wattbus.collection.RequestMoneyAct.v1",
    hashed=(*_ACT, "year"),
    hash_version=2,
    earlier={1: _ACT},
)
class RequestMoneyAct(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Operator ``operator`` asks for an act of ``kind`` (``core.collection.act_kinds``).

    ``reason`` is why, in words; ``evidence`` names what proves it. Which of the others an act
    needs, its kind says: ``amount`` in minor units; ``items``, the numbers of open items;
    ``payment``, the number of its receipt; ``fee``, a code of the catalogue; ``deposit``, its kind;
    ``way`` and ``desk`` that pay out; ``on``, a local day (ISO): the first instalment's, the last
    one of late fees; ``instalments``, how many; ``plan``, its number; ``receipt``, one before
    payment; ``rule``, of allocation; ``method``, ``value``, ``priority``, ``cap_per_sale`` of a
    debt that purchases shall pay, and the ``agreement`` where the account has several; ``year`` of
    a credit in an older system's books.
    """

    operator: str
    kind: str
    account: str
    reason: str
    evidence: str = ""
    amount: int = 0
    items: Annotated[tuple[int, ...], msgspec.Meta(max_length=60)] = ()
    payment: str = ""
    fee: str = ""
    deposit: str = ""
    way: str = "cash"
    desk: str = "main"
    on: str = ""
    instalments: int = 0
    plan: int = 0
    receipt: str = ""
    rule: str = ""
    method: str = "all"
    value: int = 0
    priority: int = 10
    cap_per_sale: int = 0
    agreement: int = 0
    year: int = 0


class OldDebt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an account owed at the end of a year, by an older system: above 0."""

    account: str
    year: int
    amount: int
    item_class: str = "energy"


_IMPORT = ("operator", "source", "currency", "debts")


@message_type(
    "wattbus.collection.ImportDebts.v1",
    hashed=(*_IMPORT, "taken_over_on"),
    hash_version=2,
    earlier={1: _IMPORT},
)
class ImportDebts(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a file of old debts; ``source`` names the file. All of it is taken, or nothing.

    ``taken_over_on``: the local day (ISO) from which late fees are ours; empty: that of the import.
    """

    operator: str
    source: str
    currency: str
    debts: Annotated[tuple[OldDebt, ...], msgspec.Meta(min_length=1, max_length=MAX_DEBTS)]
    taken_over_on: str = ""
