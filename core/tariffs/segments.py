"""A bill's days cut where the tariff itself changes: a new version, a season, a year.

Also what else depends on the calendar and on closed months: the category of a customer.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from core.calendars import add_months
from core.tariffs.bills import BillInput
from core.tariffs.errors import NoTariffError
from core.tariffs.programs import Program
from core.tariffs.shapes import Category, Season

if TYPE_CHECKING:
    from core.tariffs.compiling import CompiledTariff

ONE_DAY = timedelta(days=1)


class Segment(msgspec.Struct, frozen=True, gc=False):
    """Days in a row that one program bills."""

    first: date
    last: date
    program: Program

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1


def segments_of(tariff: CompiledTariff, given: BillInput) -> list[Segment]:
    """The bill's days, cut at every change of version or season."""
    found: list[Segment] = []
    day = given.first
    while day <= given.last:
        number = bisect_right(tariff.days, day) - 1
        if number < 0:
            raise NoTariffError(f"tariff {tariff.tariff.code} is not in force on {day}")
        version = tariff.tariff.versions[number]
        season = season_of(version.seasons, day)
        category = category_of(version.category, given) if version.category else ""
        last = given.last
        if number + 1 < len(tariff.days):
            last = min(last, tariff.days[number + 1] - ONE_DAY)
        last = _end_of_season(version.seasons, season, day, last)
        found.append(Segment(day, last, tariff.bills.program(number, season, category)))
        day = last + ONE_DAY
    return found


def season_of(seasons: Sequence[Season], day: date) -> str:
    """The season of a day; empty if the tariff has none for it."""
    return next((season.name for season in seasons if season.holds(day)), "")


@lru_cache(4_000)  # the periods of a run are alike
def _end_of_season(seasons: tuple[Season, ...], season: str, day: date, last: date) -> date:
    if not seasons:
        return last
    while day < last and season_of(seasons, day + ONE_DAY) == season:
        day += ONE_DAY
    return day


def category_of(rule: Category | None, given: BillInput) -> str:
    """The category for a bill: as given, or by the average of the closed months before it.

    It is worked out at the opening of the billing period and does not change within it.
    """
    if rule is None:
        return ""
    if given.category:
        return given.category
    now = given.period
    first = add_months(now, -rule.months)
    history = given.history.get(rule.quantity, {})
    used = [units for period, units in history.items() if first <= period < now]
    if len(used) < rule.least_months:
        return rule.default
    average = Fraction(sum(used), len(used))
    limits = [limit for limit, _ in rule.bands if limit is not None]
    cut = bisect_left if rule.limits == "inclusive" else bisect_right
    return rule.bands[cut(limits, average)][1]
