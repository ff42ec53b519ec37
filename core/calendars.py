"""The company's calendar: instants in UTC become its days and months.

An instant is an ``int`` of microseconds since 1970-01-01 UTC. A period is a calendar month in the
company's zone as an ``int`` YYYYMM (202602). Zones are IANA names; all functions are pure.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_QUARTER_US = 15 * 60 * 1_000_000
_QUARTERS_REMEMBERED = 1_000  # now, in each company's zone; ten days of one zone in a replay
_MOST_PERIODS = 12 * 200  # no agreement is older than two centuries: a wrong period, not a long one


def local_time(instant: int, zone: str) -> datetime:
    """The wall-clock time of an instant in a zone (aware)."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(ZoneInfo(zone))


def local_date(instant: int, zone: str) -> date:
    """The calendar day of an instant in a zone."""
    return _day_of_quarter(instant // _QUARTER_US, zone) or local_time(instant, zone).date()


@lru_cache(_QUARTERS_REMEMBERED)
def _day_of_quarter(quarter: int, zone: str) -> date | None:
    """The day of a whole quarter of an hour: sales of the same minutes need not convert each.

    None where the day or the zone's offset changes within the quarter.
    """
    first = local_time(quarter * _QUARTER_US, zone)
    last = local_time(quarter * _QUARTER_US + _QUARTER_US - 1, zone)
    same = first.utcoffset() == last.utcoffset() and first.date() == last.date()
    return first.date() if same else None


def local_period(instant: int, zone: str) -> int:
    """The calendar month (YYYYMM) of an instant in a zone."""
    return period_of(local_time(instant, zone))


def period_of(day: date) -> int:
    """The month of a day: 2026-02-28 → 202602."""
    return day.year * 100 + day.month


def first_day(period: int) -> date:
    """The first day of a month; ValueError if YYYYMM is not one."""
    year, month = divmod(period, 100)
    return date(year, month, 1)


def add_months(period: int, months: int) -> int:
    """The month that lies ``months`` after (or before) a month."""
    year, month0 = divmod(_ordinal(period) + months, 12)
    return year * 100 + month0 + 1


def months_between(earlier: int, later: int) -> int:
    """Months from one period to another: 202512 → 202602 is 2; negative if they are swapped."""
    return _ordinal(later) - _ordinal(earlier)


def periods(first: int, last: int) -> list[int]:
    """All months from ``first`` to ``last``, both included; empty if ``last`` is earlier."""
    count = months_between(first, last) + 1
    if count > _MOST_PERIODS:
        raise ValueError(f"{first} to {last} are {count} months; more than {_MOST_PERIODS}")
    return [add_months(first, i) for i in range(count)]


def start_of_period(period: int, zone: str) -> int:
    """The instant at which a month begins in a zone.

    Where the clocks jump over midnight of the first day, it is the instant of the jump: 00:00 does
    not exist there, and the offset before the jump (fold 0) leads exactly to it.
    """
    return _instant(datetime.combine(first_day(period), datetime.min.time(), ZoneInfo(zone)))


def start_of_next_period(instant: int, zone: str) -> int:
    """The instant at which the next month begins, the first that is not in the instant's own."""
    return start_of_period(add_months(local_period(instant, zone), 1), zone)


def start_of_day(day: date, zone: str) -> int:
    """The instant at which a day begins in a zone (limits per day, tariff changes at midnight)."""
    return _instant(datetime.combine(day, datetime.min.time(), ZoneInfo(zone)))


def _instant(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND


def _ordinal(period: int) -> int:
    year, month = divmod(period, 100)
    if not 1 <= month <= 12 or not 1 <= year <= 9998:
        raise ValueError(f"{period} is not a month YYYYMM")
    return year * 12 + month - 1
