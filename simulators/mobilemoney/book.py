"""What really happened at a provider: whose purse, which money moved, what he paid out.

This is the truth that a journey compares everybody else's books with. Money is in minor units, time
in seconds since 1970 (UTC).
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

#: More open requests than a provider's sandbox would keep; the oldest ended ones go first.
MAX_COLLECTIONS: Final = 100_000
COLUMNS: Final = (
    "receipt", "time", "amount", "fee", "currency", "reference", "typed", "payer", "original",
)  # fmt: skip


class Ending(StrEnum):
    """How a request to a payer can end."""

    PAID = "paid"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    WRONG_PIN = "wrong-pin"
    INSUFFICIENT = "insufficient"
    BUSY = "busy"
    UNREACHABLE = "unreachable"


@dataclass(slots=True)
class Holder:
    """A payer and his purse. ``msisdn`` without ``+``."""

    msisdn: str
    pin: str
    balance: int
    name: str = "TEST"
    reachable: bool = True


@dataclass(slots=True)
class Collection:
    """A merchant's request for money: ``key`` is the provider's name of it, ``reference`` ours.

    ``payer`` is empty until a shown code is scanned. ``callback`` empty: nobody is told.
    """

    key: str
    reference: str
    payer: str
    amount: int
    shown: str
    callback: str
    asked_at: float
    ending: Ending | None = None
    ended_at: float = 0.0
    receipt: str = ""
    questions: int = 0


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moved to the merchant, or (``amount`` below zero, ``original``) back from him."""

    receipt: str
    at: float
    amount: int
    payer: str
    reference: str = ""
    typed: str = ""
    fee: int = 0
    original: str = ""


@dataclass(frozen=True, slots=True)
class Payout:
    """What the provider paid out to the merchant's bank, having kept ``fee``."""

    reference: str
    at: float
    until: date
    amount: int
    fee: int


class NotReversedError(Exception):
    """A reversal that cannot be: ``unknown`` receipt, or ``done`` already."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(slots=True)
class Book:
    """One merchant's account with a provider. ``hours``: the provider's zone, east of UTC."""

    currency: str
    hours: int = 3
    fee_per_mille: int = 0
    opening: int = 100_000_000
    pin: str = "1234"
    holders: dict[str, Holder] = field(default_factory=dict)
    collections: dict[str, Collection] = field(default_factory=dict)
    movements: dict[str, Movement] = field(default_factory=dict)
    payouts: list[Payout] = field(default_factory=list)
    reversed_by: dict[str, str] = field(default_factory=dict)
    _settled: set[str] = field(default_factory=set)

    def holder(self, msisdn: str) -> Holder:
        """A payer; one who was not there is opened with the usual balance and PIN."""
        plain = msisdn.removeprefix("+")
        if plain not in self.holders:
            self.holders[plain] = Holder(plain, self.pin, self.opening)
        return self.holders[plain]

    def keep(self, collection: Collection) -> None:
        """Remember a request; the oldest goes when there are too many."""
        self.collections[collection.key] = collection
        if len(self.collections) > MAX_COLLECTIONS:
            del self.collections[next(iter(self.collections))]

    # --- money ---------------------------------------------------------------------------------

    def pay(self, movement: Movement) -> Movement | None:
        """Take the money from its payer; None when he has not so much."""
        holder = self.holder(movement.payer)
        if movement.amount <= 0 or holder.balance < movement.amount:
            return None
        holder.balance -= movement.amount
        fee = movement.amount * self.fee_per_mille // 1000
        return self._moved(_with_fee(movement, fee))

    def reverse(self, receipt: str, by: str, at: float) -> Movement:
        """Give a payment back whole, once. Raises NotReversedError."""
        found = self.movements.get(receipt)
        if found is None or found.original:
            raise NotReversedError("unknown")
        if receipt in self.reversed_by:
            raise NotReversedError("done")
        self.reversed_by[receipt] = by
        self.holder(found.payer).balance += found.amount
        return self._moved(
            Movement(by, at, -found.amount, found.payer, found.reference, found.typed, -found.fee,
                     receipt)
        )  # fmt: skip

    def _moved(self, movement: Movement) -> Movement:
        if movement.receipt in self.movements:
            raise ValueError(f"receipt {movement.receipt} was given before")
        self.movements[movement.receipt] = movement
        return movement

    # --- what the provider says afterwards -----------------------------------------------------

    def day_of(self, at: float) -> date:
        """The provider's day of an instant."""
        return datetime.fromtimestamp(at, timezone(timedelta(hours=self.hours))).date()

    def of_day(self, day: date) -> list[Movement]:
        """What moved on a day, oldest first."""
        return [each for each in self.movements.values() if self.day_of(each.at) == day]

    def total(self, movements: Iterable[Movement] | None = None) -> int:
        """The sum of what moved: of everything, or of some."""
        chosen = self.movements.values() if movements is None else movements
        return sum(each.amount for each in chosen)

    def settle(self, until: date, at: float) -> Payout | None:
        """Pay out what moved up to a day and was not paid out yet; None when that is nothing."""
        due = [
            each
            for each in self.movements.values()
            if each.receipt not in self._settled and self.day_of(each.at) <= until
        ]
        amount, fee = self.total(due), sum(each.fee for each in due)
        if amount - fee <= 0:
            return None
        self._settled.update(each.receipt for each in due)
        reference = f"ST{until:%Y%m%d}{len(self.payouts) + 1:03d}"
        self.payouts.append(Payout(reference, at, until, amount - fee, fee))
        return self.payouts[-1]

    def statement(self, day: date) -> str:
        """The account of a day as CSV (``COLUMNS``; time in UTC, amounts in minor units)."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in self.of_day(day):
            at = datetime.fromtimestamp(each.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            writer.writerow(
                (each.receipt, at, each.amount, each.fee, self.currency, each.reference,
                 each.typed, each.payer, each.original)
            )  # fmt: skip
        return out.getvalue()


def _with_fee(movement: Movement, fee: int) -> Movement:
    return Movement(
        movement.receipt, movement.at, movement.amount, movement.payer, movement.reference,
        movement.typed, fee,
    )  # fmt: skip
