"""The business day that a message belongs to, and whether a terminal's clock is right.

The day is part of what tells a repeat from something new, for the numbers of a terminal come again.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Around midnight a message may come on another day than it was sent, and so may its repeat: so
#: near to it the terminal's own date counts, as long as a line may be down in a shop.
NEAR: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says of its own time: the digits of DE12 and DE13."""

    date: str = ""
    time: str = ""

    @staticmethod
    def of(date_: str, time_: str, both: str) -> "Said":
        """``both``: YYMMDDhhmmss, or YYYYMMDDhhmmss of 2003."""
        if len(both) in (12, 14):
            return Said(both[:-6], both[-6:])
        return Said(date_, time_)


def local(now_us: int, zone: ZoneInfo) -> datetime:
    """Now, in the company's zone."""
    return (_EPOCH + timedelta(microseconds=now_us)).astimezone(zone)


def said_date(digits: str, now: datetime) -> date | None:
    """The date of MMDD (the one nearest to now), YYMMDD or YYYYMMDD; longer: its beginning."""
    return _said_date(digits, now.date())


@lru_cache(256)  # of a day's messages almost all say the same date
def _said_date(digits: str, today: date) -> date | None:
    if not digits.isdigit():
        return None
    if len(digits) in (4, 10):
        return _nearest(int(digits[:2]), int(digits[2:4]), today)
    century = "" if len(digits) in (8, 14) else str(today.year)[:2]
    text = century + digits[: 8 - len(century)]
    return _date(int(text[:4]), int(text[4:6]), int(text[6:8])) if len(text) == 8 else None


def _nearest(month: int, day: int, today: date) -> date | None:
    years = (today.year - 1, today.year, today.year + 1)
    found = [each for year in years if (each := _date(year, month, day))]
    return min(found, key=lambda each: abs((each - today).days), default=None)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def business_day(now: datetime, said: Said) -> date:
    """The company's calendar day of arrival; within two hours of a midnight, the terminal's own
    day if it is the one beyond that midnight."""
    given = said_date(said.date, now)
    today = now.date()
    if given is None or abs((given - today).days) != 1:
        return today
    midnight = datetime.combine(max(given, today), time(), now.tzinfo)
    return given if abs(now - midnight) <= NEAR else today


def number(day: date) -> int:
    """YYYYMMDD."""
    return day.year * 10_000 + day.month * 100 + day.day


def behind(now: datetime, said: Said) -> timedelta | None:
    """As :func:`off_by`; of a date without a time, the days that it is off."""
    off = off_by(now, said)
    day = said_date(said.date, now)
    if off is not None or day is None:
        return off
    return business_day(now, said) - day


def off_by(now: datetime, said: Said) -> timedelta | None:
    """How far a terminal's clock is from ours, over 0 when it is behind; None: it says nothing,
    or what it says is no time."""
    if len(said.time) != 6 or not said.time.isdigit():
        return None
    day = said_date(said.date, now) or now.date()
    try:
        at = time(int(said.time[:2]), int(said.time[2:4]), int(said.time[4:6]))
    except ValueError:
        return None
    return now - datetime.combine(day, at, now.tzinfo)
