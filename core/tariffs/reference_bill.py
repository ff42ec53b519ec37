"""A bill again, slowly and in the plainest way: the judge of ``billing``.

Day by day it looks which components are in force, then prices each stretch of equal days with
Fractions. It shares the shapes with the engine and no arithmetic, so that a mistake would have to
be made twice. ``rounded_lines=False`` leaves every line unrounded: the exact solution of the bill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from math import inf
from typing import Any

from core.money import currency
from core.tariffs import reference_charges as slow
from core.tariffs.bills import BillInput
from core.tariffs.reference_charges import ZERO, Parts, Stretch, rounded
from core.tariffs.reference_lines import MADE_OF_LINES, made_of_lines
from core.tariffs.shapes import (
    Allocation,
    Area,
    Component,
    Demand,
    Energy,
    Fixed,
    KvaDifference,
    LateFee,
    Levy,
    Premium,
    Tariff,
    TariffVersion,
    TaxIncluded,
)

#: (code, block, period of the time of use, first day of the run or None) → minor units
Lines = dict[tuple[str, int, str, date | None], Fraction]
Run = tuple[list[date], Component]

_PARTS: Mapping[type, Callable[[Any, Stretch], Parts]] = {
    Energy: slow.metered_parts,
    Premium: slow.metered_parts,
    Levy: slow.levy_parts,
    Fixed: slow.fixed_parts,
    Demand: slow.demand_parts,
    Area: slow.area_parts,
    KvaDifference: slow.kva_parts,
    Allocation: slow.allocated_parts,
}


class _Work:
    def __init__(self, given: BillInput, scale: int, rounded_lines: bool) -> None:
        self.given, self.scale, self.rounded = given, scale, rounded_lines
        count = (given.last - given.first).days + 1
        self.days = [given.first + timedelta(days=i) for i in range(count)]
        self.lines: Lines = {}
        self.by_day: dict[str, list[tuple[list[date], Fraction]]] = {}

    def add(
        self, shape: Component, key: tuple[int, str], run: list[date], exact: Fraction,
        sign: int = 1,
    ) -> None:  # fmt: skip
        """A line: rounded, and spread evenly over its days for what is made of it."""
        amount = sign * (rounded(shape.rounding, exact) if self.rounded else exact)
        place = (shape.code, *key, None if run == self.days else run[0])
        self.lines[place] = self.lines.get(place, ZERO) + amount
        self.by_day.setdefault(shape.code, []).append((run, amount))

    def bill_of(self, shape: Component) -> Stretch:
        """All days of the bill at the prices of one component."""
        return Stretch(self.given, shape, self.days, self.days)


def reference_bill(tariff: Tariff, given: BillInput, rounded_lines: bool = True) -> Lines:
    """All lines that are not zero."""
    work = _Work(given, currency(tariff.currency).scale, rounded_lines)
    later: dict[str, list[Run]] = {}
    names = tuple(category(version, given) for version in tariff.versions)
    for code, runs in _runs(tariff, given.first, given.last, names).items():
        if isinstance(runs[0][1], MADE_OF_LINES):
            later[code] = runs
        else:
            _charge(work, runs)
    while later:
        bases = {code: {c for _, s in runs for c in _of(s)} for code, runs in later.items()}
        code = next(code for code, of in bases.items() if not of & set(later))
        for run, shape in later.pop(code):
            _made_of_lines(work, run, shape)
    return {key: amount for key, amount in work.lines.items() if amount}


def _of(shape: Any) -> tuple[str, ...]:
    of: tuple[str, ...] = shape.of
    return of


@lru_cache(64)  # many bills of the same days, one after the other
def _runs(
    tariff: Tariff, first: date, last: date, categories: tuple[str, ...]
) -> dict[str, list[Run]]:
    """Of each code, the days for which it is the same; ``categories``: one for each version."""
    found: dict[str, list[Run]] = {}
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        number = max(i for i, v in enumerate(tariff.versions) if v.valid_from <= day)
        version = tariff.versions[number]
        season = season_on(version, day)
        for shape in version.components:
            if not applies(shape, season, categories[number]):
                continue
            runs = found.setdefault(shape.code, [])
            if runs and _continues(runs[-1], shape, day):
                runs[-1][0].append(day)
            else:
                runs.append(([day], shape))
    return found


def _continues(run: Run, shape: Component, day: date) -> bool:
    last = run[0][-1]
    yearly = getattr(shape, "period", "") == "calendar_year"
    same = run[1] is shape or run[1] == shape
    next_day = same and day.toordinal() - last.toordinal() == 1
    return next_day and (last.year == day.year or not yearly)


def season_on(version: TariffVersion, day: date) -> str:
    """The first season that holds a day."""
    for each in version.seasons:
        at, first, last = (day.month, day.day), each.first, each.last
        if (first <= at <= last) if first <= last else not last < at < first:
            return each.name
    return ""


def applies(shape: Component, season: str, category_name: str) -> bool:
    """Whether a component is charged in a season to a category."""
    if shape.when is None:
        return True
    if shape.when.seasons and season not in shape.when.seasons:
        return False
    return not shape.when.categories or category_name in shape.when.categories


def category(version: TariffVersion, given: BillInput) -> str:
    """The customer's category by the months before the bill's, or as given."""
    rule = version.category
    if rule is None or given.category:
        return given.category
    month, used = given.period, []
    for _ in range(rule.months):
        month = month - 1 if month % 100 > 1 else month - 100 + 11
        if month in given.history.get(rule.quantity, {}):
            used.append(given.history[rule.quantity][month])
    if len(used) < rule.least_months:
        return rule.default
    average = Fraction(sum(used)) / len(used)
    for limit, name in rule.bands:
        top = inf if limit is None else limit
        if average < top or (average == top and rule.limits == "inclusive"):
            return name
    raise AssertionError("the last band has no limit")


def _charge(work: _Work, runs: list[Run]) -> None:
    run, shape = runs[0]
    if run == work.days:
        _priced(work, shape, run, work.bill_of(shape))
        return
    method = shape.proration.method if shape.proration else "quantity_first"
    if method == "per_day_price":
        _mean_price(work, runs)
        return
    for run, shape in runs:
        if method == "whole":
            rule = shape.proration
            at = work.days[0] if rule is not None and rule.at == "first_day" else work.days[-1]
            if at in run:
                _priced(work, shape, work.days, work.bill_of(shape))
        elif method == "two_bills":
            weight = Fraction(len(run), len(work.days))
            _priced(work, shape, run, work.bill_of(shape), weight)
        else:
            cuts = [each for each, _ in runs]
            _priced(work, shape, run, Stretch(work.given, shape, run, work.days, cuts))


def _priced(
    work: _Work, shape: Component, run: list[date], stretch: Stretch, weight: Fraction | int = 1
) -> None:
    if isinstance(shape, LateFee):
        for overdue in work.given.overdue:
            work.add(shape, (0, ""), run, slow.fee_of(shape, overdue, work.scale))
        for billed in work.given.overdue_billed:
            work.add(shape, (0, ""), run, slow.fee_of(shape, billed, work.scale), -1)
        return
    if isinstance(shape, Allocation) and shape.what == "amount":
        share = work.given.shares[shape.share]
        work.add(shape, (0, ""), run, Fraction(slow.share_of(share, share.total)))
        return
    parts = _PARTS[type(shape)](shape, stretch)
    amounts = [(key, price * units * work.scale * weight) for key, price, units in parts]
    if isinstance(shape, Energy | Premium) and shape.one_line:
        amounts = [((0, ""), sum((amount for _, amount in amounts), ZERO))]
    for key, amount in amounts:
        work.add(shape, key, run, amount)


def _mean_price(work: _Work, runs: list[Run]) -> None:
    """The mean of the prices of each block, weighted by days, times the block's units."""
    prices: dict[tuple[int, str], Fraction] = {}
    counts: dict[tuple[int, str], Fraction] = {}
    for run, shape in runs:
        for key, price, units in _PARTS[type(shape)](shape, work.bill_of(shape)):
            share = Fraction(len(run), len(work.days))
            prices[key] = prices.get(key, ZERO) + price * share
            counts[key] = units
    shape = runs[-1][1]
    decimals = shape.proration.price_decimals if shape.proration else None
    if decimals is not None:
        for key, price in prices.items():
            prices[key] = rounded("half_up", price * 10**decimals) / 10**decimals
    amounts = {key: price * counts[key] * work.scale for key, price in prices.items()}
    if isinstance(shape, Energy | Premium) and shape.one_line:
        amounts = {(0, ""): sum(amounts.values(), ZERO)}
    for key, amount in amounts.items():
        work.add(shape, key, work.days, amount)


def _made_of_lines(work: _Work, run: list[date], shape: Any) -> None:
    base = ZERO
    for code in shape.of:
        for days, amount in work.by_day.get(code, ()):
            common = len(days) if days == run else len(set(days) & set(run))
            base += amount * Fraction(common, len(days))
    if isinstance(shape, TaxIncluded):
        return  # it moves money between payees and adds no line that counts
    stretch = Stretch(work.given, shape, run, work.days)
    exact = made_of_lines(shape, stretch, base, work.scale, work.rounded)
    work.add(shape, (0, ""), run, exact)
