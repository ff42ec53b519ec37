"""Cases of bills: what an analyst writes as input, and how a bill reads beside it.

The form is described in docs/tariffs.md; the structs here are that form.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import msgspec

from core.documents import Misfit, read_node
from core.money import currency, half_up
from core.tariffs.bills import Amount, BillInput, BillLine, Overdue, Share
from core.tariffs.compiling import CompiledTariff
from core.tariffs.decimals import decimal_text, milli, month_text
from core.tariffs.doc_base import Quantity, Text
from core.tariffs.doc_calendar import WEEKDAYS, Hours, Weekday
from core.tariffs.readings import consumption
from core.tariffs.tou import totals
from core.yamlnodes import Node
from core.yamlvalues import MINOR, Scaled

Money = Annotated[int, Scaled(MINOR)]
Month = Annotated[
    str,
    msgspec.Meta(pattern=r"^[1-9][0-9]{3}-(0[1-9]|1[0-2])\Z", description="a month like 2026-02"),
]
_MOST_STEPS = 400_000  # a year of minutes is more than any case needs


class ReadingInput(msgspec.Struct, frozen=True, kw_only=True):
    """Two readings of a register; several of one quantity add up (a meter exchange)."""

    quantity: Text
    previous: Decimal
    current: Decimal
    digits: Annotated[int, msgspec.Meta(ge=1, le=12)]
    multiplier: Decimal = Decimal(1)
    most: Decimal | None = None

    def units(self) -> Fraction:
        """Milli-units; BillError for readings that cannot be right."""
        most = None if self.most is None else Fraction(self.most)
        advance = consumption(Fraction(self.previous), Fraction(self.current), self.digits, most)
        return advance * Fraction(self.multiplier) * 1000


class LoadInput(msgspec.Struct, frozen=True, kw_only=True):
    """A constant power in some hours; the first rule that fits a step counts."""

    kw: Decimal
    days: tuple[Weekday, ...] = WEEKDAYS
    hours: tuple[Hours, ...] = ("00:00-24:00",)

    def fits(self, at: datetime) -> bool:
        """Whether a step that begins then is meant."""
        if WEEKDAYS[at.weekday()] not in self.days:
            return False
        clock = f"{at.hour:02d}:{at.minute:02d}"
        return any(each[:5] <= clock < each[6:] for each in self.hours)


class ProfileInput(msgspec.Struct, frozen=True, kw_only=True):
    """Power over the days of the bill: by rules, or the units of every step."""

    step_minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)]
    load: tuple[LoadInput, ...] = ()
    values: tuple[Quantity, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.load) == bool(self.values) or 1440 % self.step_minutes:
            raise ValueError("needs load or values, and steps that divide a day")

    def steps(self, first: date, last: date) -> Iterator[Amount]:
        """Milli-units of each step."""
        if self.values:
            yield from self.values
            return
        at = datetime.combine(first, datetime.min.time())
        count = ((last - first).days + 1) * 1440 // self.step_minutes
        if count > _MOST_STEPS:
            raise ValueError(f"more than {_MOST_STEPS} steps")
        for _ in range(count):
            rule = next((each for each in self.load if each.fits(at)), None)
            yield Fraction(rule.kw) * 1000 * self.step_minutes / 60 if rule else 0
            at += timedelta(minutes=self.step_minutes)


class ShareInput(msgspec.Struct, frozen=True, kw_only=True):
    """Something common, the weights of all who share it, and whose share is billed."""

    weights: dict[str, Decimal]
    mine: Text
    amount: Money | None = None
    quantity: Quantity | None = None

    def __post_init__(self) -> None:
        if (self.amount is None) == (self.quantity is None):
            raise ValueError("needs amount or quantity, not both")
        if self.mine not in self.weights:
            raise Misfit("mine", "must be one of the weights' names", self.weights)
        if min(self.weights.values()) < 0 or not sum(self.weights.values()):
            raise Misfit("weights", "are not negative and not all zero")

    def share(self) -> Share:
        """As it is priced: the weights as integers."""
        weights = [Fraction(weight) for weight in self.weights.values()]
        parts = 10 ** max(0, *(-int(w.as_tuple().exponent) for w in self.weights.values()))
        total = self.amount if self.amount is not None else self.quantity
        whole = tuple(int(weight * parts) for weight in weights)
        return Share(total or 0, whole, list(self.weights).index(self.mine))


class OverdueInput(msgspec.Struct, frozen=True, kw_only=True):
    """An overdue amount, with its days or with the days from which they follow."""

    amount: Money
    days: Annotated[int, msgspec.Meta(ge=0)] | None = None
    days_later_years: Annotated[int, msgspec.Meta(ge=0)] = 0
    due: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        dated = self.due is not None and self.until is not None
        if dated == (self.days is not None):
            raise ValueError("needs days, or due and until")

    def overdue(self) -> Overdue:
        """As it is priced."""
        if self.due is not None and self.until is not None:
            return Overdue.since(self.amount, self.due, self.until)
        return Overdue(self.amount, self.days or 0, self.days_later_years)


class BillDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The input of a bill."""

    first: date = msgspec.field(name="from")
    last: date = msgspec.field(name="to")
    quantities: dict[str, Decimal] = {}
    before: dict[str, Decimal] = {}
    before_year: dict[str, Decimal] = {}
    history: dict[str, dict[Month, Quantity]] = {}
    category: str = ""
    period: Month | None = None
    profile: ProfileInput | None = None
    readings: tuple[ReadingInput, ...] = ()
    shares: dict[str, ShareInput] = {}
    overdue: tuple[OverdueInput, ...] = ()
    overdue_billed: tuple[OverdueInput, ...] = ()
    credit: Decimal | None = None


class BillsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Bills of one service one after another: each sees those before it as its history."""

    bills: tuple[BillDocument, ...]


@dataclass(frozen=True, slots=True)
class BillCase:
    """A read input: the bills, and the credit (minor units) that is on each account."""

    bills: tuple[BillInput, ...]
    credits: tuple[int, ...]
    chain: bool


def is_bill(node: Node) -> bool:
    """Whether an input is that of a bill, not of a sale."""
    keys = {key.value for key, _ in node.value} if node.kind == "mapping" else set()
    return bool(keys & {"from", "bills"})


def read_bills(node: Node, tariff: CompiledTariff, name: str, path: str) -> BillCase:
    """The bills of a case; DocumentError says which fields are wrong, BillError which readings."""
    minor = currency(tariff.tariff.currency).scale
    chain = any(key.value == "bills" for key, _ in node.value)
    if chain:
        documents = read_node(node, BillsDocument, name, path, minor=minor).value.bills
    else:
        documents = (read_node(node, BillDocument, name, path, minor=minor).value,)
    history: dict[str, dict[int, int]] = {}
    found = []
    for document in documents:
        bill = _bill(document, tariff, history)
        found.append(bill)
        for quantity, used in (_with_totals(bill.quantities)).items():
            history.setdefault(quantity, {})[bill.period] = int(used)
    credits_ = tuple(_minor(document.credit, minor) for document in documents)
    return BillCase(tuple(found), credits_, chain)


def _with_totals(quantities: Mapping[str, Amount]) -> dict[str, Amount]:
    """Quantities, and the sums of those by time of use where the whole is not given."""
    sums: dict[str, Amount] = {}
    for name, used in quantities.items():
        whole, _, tou = name.partition(".")
        if tou and whole not in quantities:
            sums[whole] = sums.get(whole, 0) + used
    return sums | dict(quantities)


def _minor(amount: Decimal | None, scale: int) -> int:
    """Money of any precision becomes minor units once, halves away from zero."""
    exact = Fraction(amount or 0) * scale
    return half_up(exact.numerator, exact.denominator)


def _bill(
    given: BillDocument, tariff: CompiledTariff, history: dict[str, dict[int, int]]
) -> BillInput:
    quantities = {name: milli(value) for name, value in given.quantities.items()}
    if given.profile is not None:
        days = [i for i, day in enumerate(tariff.days) if day <= given.first] or [0]
        version = tariff.tariff.versions[days[-1]]
        steps = given.profile.steps(given.first, given.last)
        quantities |= totals(version, given.first, given.profile.step_minutes, steps)
    for reading in given.readings:
        now = quantities.get(reading.quantity, 0) + reading.units()
        quantities[reading.quantity] = int(now) if now == int(now) else now
    known = {name: dict(months) for name, months in history.items()}
    for name, said in given.history.items():
        known.setdefault(name, {}).update({_period(month): n for month, n in said.items()})
    return BillInput(
        first=given.first,
        last=given.last,
        quantities=quantities,
        before={name: milli(value) for name, value in given.before.items()},
        before_year={name: milli(value) for name, value in given.before_year.items()},
        history=known,
        category=given.category,
        opened=_period(given.period) if given.period else 0,
        shares={name: share.share() for name, share in given.shares.items()},
        overdue=tuple(each.overdue() for each in given.overdue),
        overdue_billed=tuple(each.overdue() for each in given.overdue_billed),
    )


def _period(month: str) -> int:
    return int(month[:4]) * 100 + int(month[5:])


def describe_bill(
    given: BillInput, credit: int, lines: tuple[BillLine, ...], exponent: int
) -> dict[str, object]:
    """A bill as plain data in decimals, for people, JSON and comparison."""
    total = sum(line.amount for line in lines)
    used = max(0, min(credit, total))
    return {
        "total": decimal_text(total, exponent),
        "credit": decimal_text(credit, exponent),
        "credit_used": decimal_text(used, exponent),
        "credit_left": decimal_text(credit - used, exponent),
        "due": decimal_text(total - used, exponent),
        "period": month_text(given.period),
        "quantities": {name: _quantity(value) for name, value in given.quantities.items()},
        "lines": [describe_bill_line(line, exponent) for line in lines],
    }


def _quantity(value: Amount) -> str:
    exact = Fraction(value, 1000)
    places = 3 if exact * 1000 == int(exact * 1000) else 9
    return decimal_text(half_up(exact.numerator * 10**places, exact.denominator), places)


def describe_bill_line(line: BillLine, exponent: int) -> dict[str, object]:
    """A line as plain data."""
    return {
        "step": line.step,
        "code": line.code,
        "label": line.label,
        "block": str(line.block),
        "tou": line.tou,
        "quantity": decimal_text(line.quantity_milli, 3),
        "unit": line.unit,
        "rate": f"{Decimal(line.rate_e8).scaleb(-8).normalize():f}",
        "base": decimal_text(line.base, exponent),
        "amount": decimal_text(line.amount, exponent),
        "included": decimal_text(line.included, exponent),
        "tax_class": line.tax_class,
        "payee": line.payee,
        "from": str(line.first or ""),
        "to": str(line.last or ""),
    }
