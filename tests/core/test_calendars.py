"""The company's days and months, where the clocks differ from UTC or jump."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.calendars import (
    add_months,
    first_day,
    local_date,
    local_period,
    local_time,
    months_between,
    period_of,
    periods,
    start_of_day,
    start_of_next_period,
    start_of_period,
)

KAMPALA = "Africa/Kampala"  # UTC+3, no summer time
ZONES = ["Africa/Kampala", "Europe/Berlin", "America/Santiago", "Asia/Kathmandu", "UTC"]
ZONES += ["America/Asuncion", "Africa/Cairo", "Asia/Beirut", "Pacific/Auckland"]
SECOND = 1_000_000


def instant(year: int, month: int, day: int, *clock: int, zone: str = "UTC") -> int:
    moment = datetime(year, month, day, *clock, tzinfo=ZoneInfo(zone))
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * SECOND


def test_kampala_is_in_the_new_month_while_utc_is_on_the_old_day() -> None:
    at = instant(2026, 1, 31, 21, 0)
    assert local_period(at, "UTC") == 202601
    assert local_period(at, KAMPALA) == 202602
    assert local_date(at, KAMPALA) == date(2026, 2, 1)


def test_the_last_second_of_the_31st_is_the_old_month() -> None:
    at = instant(2026, 1, 31, 23, 59, 59, zone=KAMPALA)
    assert local_period(at, KAMPALA) == 202601
    assert local_period(at + SECOND - 1, KAMPALA) == 202601
    assert local_period(at + SECOND, KAMPALA) == 202602
    assert start_of_next_period(at, KAMPALA) == at + SECOND


def test_before_1970_and_microseconds() -> None:
    assert local_time(-1, "UTC").isoformat() == "1969-12-31T23:59:59.999999+00:00"


def test_months() -> None:
    assert period_of(date(2026, 2, 28)) == 202602
    assert first_day(202602) == date(2026, 2, 1)
    assert add_months(202601, -1) == 202512
    assert add_months(202512, 1) == 202601
    assert months_between(202512, 202602) == 2
    assert months_between(202602, 202512) == -2
    assert periods(202511, 202601) == [202511, 202512, 202601]
    assert periods(202602, 202601) == []


@pytest.mark.parametrize("period", [202600, 202613, 12, 0, -202601])
def test_what_is_no_month_is_refused(period: int) -> None:
    with pytest.raises(ValueError):
        add_months(period, 1)


def test_two_centuries_of_months_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="more than"):
        periods(180001, 202601)


def test_a_month_that_begins_when_the_clocks_jump() -> None:
    """Asunción, 1 October 2000: 00:00 became 01:00, so the month began at 01:00 (04:00 UTC)."""
    start = start_of_period(200010, "America/Asuncion")
    assert start == instant(2000, 10, 1, 4, 0)
    assert local_time(start, "America/Asuncion").hour == 1
    assert local_period(start - 1, "America/Asuncion") == 200009


def test_a_day_that_begins_when_the_clocks_jump() -> None:
    """Santiago, 11 September 2022: midnight does not exist, the day begins at 01:00."""
    start = start_of_day(date(2022, 9, 11), "America/Santiago")
    assert local_time(start, "America/Santiago").hour == 1
    assert local_date(start - 1, "America/Santiago") == date(2022, 9, 10)


def test_summer_time_changes_the_length_of_a_month() -> None:
    march = start_of_period(202604, "Europe/Berlin") - start_of_period(202603, "Europe/Berlin")
    october = start_of_period(202611, "Europe/Berlin") - start_of_period(202610, "Europe/Berlin")
    hour = 3600 * SECOND
    assert march == 31 * 24 * hour - hour
    assert october == 31 * 24 * hour + hour


@settings(deadline=None)
@given(st.integers(1975, 2060), st.integers(1, 12), st.sampled_from(ZONES))
def test_a_month_begins_exactly_where_it_says(year: int, month: int, zone: str) -> None:
    period = year * 100 + month
    start = start_of_period(period, zone)
    assert local_period(start, zone) == period
    assert local_period(start - 1, zone) == add_months(period, -1)
    assert start_of_next_period(start, zone) == start_of_period(add_months(period, 1), zone)


@settings(deadline=None)
@given(st.integers(190001, 299912).filter(lambda p: 1 <= p % 100 <= 12), st.integers(-999, 999))
def test_months_add_and_subtract(period: int, months: int) -> None:
    assert months_between(period, add_months(period, months)) == months


# Where a day came twice, ended at 00:01, or was left out; offsets of odd seconds before 1972.
ODD_ZONES = [*ZONES, "America/St_Johns", "Pacific/Apia", "Africa/Monrovia", "Asia/Gaza"]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ODD_ZONES), st.integers(-3_000_000_000, 3_000_000_000), st.integers(0, 959))
def test_a_remembered_quarter_has_the_day_of_each_of_its_instants(
    zone: str, second: int, later: int
) -> None:
    for at in (second * SECOND, (second + later) * SECOND + 999_999):
        assert local_date(at, zone) == local_time(at, zone).date()


def test_a_day_that_ended_at_one_past_midnight_is_not_remembered_whole() -> None:
    midnight = instant(2006, 10, 29, 2, 30)  # St. John's was then at UTC-2:30
    days = [
        local_date(midnight + s * SECOND, "America/St_Johns").day for s in (-1, 0, 59, 60, 3660)
    ]
    assert days == [28, 29, 29, 28, 29]
