"""What a charge sees of the bill while it is computed: its quantities and its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache

import msgspec

from core.calendars import add_months, first_day, period_of, periods
from core.tariffs.bills import Amount, BillInput
from core.tariffs.errors import BillError, MissingQuantityError
from core.tariffs.shapes import MILLI, Proration

ONE = "one"
_REMEMBERED = 2_000  # billing periods; those of a run are alike


class Span(msgspec.Struct, frozen=True, gc=False):
    """The days from ``first`` to ``last``. ``months``: how many whole calendar months they are,
    0 if they are not."""

    first: date
    last: date
    days: int
    months: int


@lru_cache(_REMEMBERED)
def span_of(first: date, last: date) -> Span:
    """BillError if ``last`` is before ``first``."""
    days = (last - first).days + 1
    if days < 1:
        raise BillError(f"a bill from {first} to {last} has no day")
    whole = first.day == 1 and (last + timedelta(days=1)).day == 1
    months = len(periods(period_of(first), period_of(last))) if whole else 0
    return Span(first, last, days, months)


@lru_cache(_REMEMBERED)
def calendar_share(first: date, last: date, month_days: int | None) -> Fraction:
    """Months in a run of days: each day is 1 / (days of its month), or 1 / ``month_days``."""
    if month_days:
        return Fraction((last - first).days + 1, month_days)
    share = Fraction(0)
    for period in periods(period_of(first), period_of(last)):
        begin, end = first_day(period), first_day(add_months(period, 1))
        inside = min(last, end - timedelta(days=1)).toordinal() - max(first, begin).toordinal() + 1
        share += Fraction(inside, (end - begin).days)
    return share


@lru_cache(_REMEMBERED)
def year_share(first: date, last: date) -> Fraction:
    """Years in a run of days, each day 1 / (days of its year)."""
    share = Fraction(0)
    for year in range(first.year, last.year + 1):
        begin, end = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
        length = date(year, 12, 31).toordinal() - date(year, 1, 1).toordinal() + 1
        share += Fraction((end - begin).days + 1, length)
    return share


class Frame:
    """The view of one charge. ``cut``: what part of a quantity belongs to this run of days, and
    what part to the runs before it (None: all of it is here). ``share``: of the billing period.
    ``fresh``: the year began within the bill, so that nothing was used in it before."""

    __slots__ = ("cut", "days", "first", "fresh", "given", "last", "months", "share")

    def __init__(self, given: BillInput, span: Span, months: Amount | None) -> None:
        self.given = given
        self.first, self.last = span.first, span.last
        self.days: int = span.days
        self.months = months
        self.share: Amount = 1
        self.cut: Callable[[Amount], tuple[Amount, Amount]] | None = None
        self.fresh = False

    def whole(self, name: str) -> Amount:
        """A quantity of the whole bill, milli-units; of a time of use, the sum of its periods."""
        if name == ONE:
            return MILLI
        quantities = self.given.quantities
        if name in quantities:
            return quantities[name]
        return summed(quantities, name)

    def quantity(self, name: str) -> tuple[Amount, Amount]:
        """(what earlier runs of the bill had, what this run has) of a quantity."""
        value = self.whole(name)
        if value < 0:
            raise BillError(f"{name} is less than nothing")
        return (0, value) if self.cut is None else self.cut(value)

    def periods_of(self, per: str) -> Amount:
        """How many of the charge's time units lie in this run."""
        if per == "day":
            return self.days
        if per == "billing_period":
            return self.share
        if per == "year":
            return year_share(self.first, self.last)
        return self.need_months()

    def need_months(self) -> Amount:
        """Months in this run; BillError where they are not whole and nothing says how to count."""
        if self.months is None:
            raise BillError(
                f"{self.first} to {self.last} are not whole months:"
                " the charge must say how a part counts (proration)"
            )
        return self.months


def summed(quantities: Mapping[str, Amount], name: str) -> Amount:
    """The sum of ``name.…``; MissingQuantityError if there is none."""
    prefix = name + "."
    found = [value for key, value in quantities.items() if key.startswith(prefix)]
    if not found:
        raise MissingQuantityError(f"{name} is not given")
    return sum(found)


def months_under(rule: Proration | None, span: Span) -> Amount | None:
    """How many months a run of days is for a charge with this rule; None if it has none."""
    if span.months:
        return span.months
    if rule is None:
        return None
    if rule.method == "whole":
        return 1
    return calendar_share(span.first, span.last, rule.month_days)
