"""Interval values → quantities by period of the time of use, and the highest power of each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from fractions import Fraction

from core.tariffs.bills import Amount
from core.tariffs.errors import BillError
from core.tariffs.segments import season_of
from core.tariffs.shapes import TariffVersion, TouPeriod


def period_of_time(version: TariffVersion, day: date, minute: int) -> str:
    """The period of the time of use of a minute of a day (the company's wall clock).

    BillError if the version's periods leave a gap there.
    """
    season = season_of(version.seasons, day)
    holiday = day in version.holidays
    for period in version.tou:
        fits = not period.seasons or season in period.seasons
        within = any(first <= minute < last for first, last in period.hours)
        if fits and within and _has_day(period, day, holiday):
            return period.name
    raise BillError(f"{day} {minute // 60:02d}:{minute % 60:02d} is in no period of the tariff")


def _has_day(period: TouPeriod, day: date, holiday: bool) -> bool:
    weekday = day.weekday() in period.weekdays
    if period.holidays == "only":
        return holiday
    if period.holidays == "also":
        return holiday or weekday
    return weekday and not (holiday and period.holidays == "never")


def totals(
    version: TariffVersion, first: date, step_minutes: int, values: Iterable[Amount]
) -> dict[str, Amount]:
    """``units`` (by period, ``units.peak``, if the version has periods) and ``max_kw`` likewise.

    ``values``: milli-units of each step from 00:00 of the first day on; a step belongs to the
    period of its first minute. Power is units per hour of the step.
    """
    found: dict[str, Amount] = {}
    at = datetime.combine(first, datetime.min.time())
    step = timedelta(minutes=step_minutes)
    for value in values:
        name = ""
        if version.tou:
            name = "." + period_of_time(version, at.date(), at.hour * 60 + at.minute)
        found[f"units{name}"] = found.get(f"units{name}", 0) + value
        power = Fraction(value) * 60 / step_minutes
        for key in {f"max_kw{name}", "max_kw"}:
            found[key] = max(found.get(key, 0), power)
        at += step
    return {key: int(value) if value == int(value) else value for key, value in found.items()}
