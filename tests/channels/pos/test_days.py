"""The business day of a message, and clocks that are wrong."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.iso8583.currencies import NUMERIC, letters
from channels.pos import days
from core.money import CURRENCIES

ZONE = ZoneInfo("Africa/Kampala")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


DAYS = {
    "noon": ("2026-11-21 12:00", "1121", "2026-11-21"),
    "no date": ("2026-11-21 00:30", "", "2026-11-21"),
    "sent before midnight": ("2026-11-21 00:00:03", "1120", "2026-11-20"),
    "two hours after it": ("2026-11-21 02:00", "1120", "2026-11-20"),
    "later": ("2026-11-21 02:01", "1120", "2026-11-21"),
    "a clock that is fast": ("2026-11-20 23:59", "1121", "2026-11-21"),
    "a clock of another day": ("2026-11-21 12:00", "1122", "2026-11-21"),
    "another month": ("2026-11-21 00:30", "0101", "2026-11-21"),
    "the turn of the year": ("2027-01-01 00:10", "1231", "2026-12-31"),
    "no date at all": ("2026-11-21 00:30", "9999", "2026-11-21"),
    "1993": ("2026-11-21 00:30", "261120", "2026-11-20"),
    "2003": ("2026-11-21 00:30", "20261120", "2026-11-20"),
    "in a DE7": ("2026-11-21 00:30", "1120235959", "2026-11-20"),
}


@pytest.mark.parametrize("label", DAYS)
def test_the_business_day(label: str) -> None:
    now, said, wanted = DAYS[label]
    assert days.business_day(at(now), days.Said(said)) == date.fromisoformat(wanted)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)),
    st.integers(0, 7_000),
)
def test_an_original_and_its_repeat_soon_after_are_of_one_day(sent: datetime, later: int) -> None:
    """Whatever midnight is between them, as long as the terminal says the same date."""
    now = sent.replace(tzinfo=ZONE)
    said = days.Said(sent.strftime("%m%d"))
    again = now + timedelta(seconds=later)
    assert days.business_day(now, said) == days.business_day(again, said)


@pytest.mark.parametrize(
    ("said", "off"),
    [
        (days.Said("1121", "120000"), 0),
        (days.Said("1121", "110000"), 3_600),
        (days.Said("1122", "000000"), -43_200),
        (days.Said("", "120100"), -60),
        (days.Said.of("", "", "261121120000"), 0),
        (days.Said.of("", "", "20261121115900"), 60),
    ],
)
def test_how_far_a_clock_is_off(said: days.Said, off: int) -> None:
    found = days.off_by(at("2026-11-21 12:00"), said)
    assert found is not None
    assert found.total_seconds() == off


@pytest.mark.parametrize("time", ["", "1200", "256060", "12000x"])
def test_what_is_no_time_says_nothing(time: str) -> None:
    assert days.off_by(at("2026-11-21 12:00"), days.Said("1121", time)) is None


def test_every_currency_has_its_number() -> None:
    assert set(NUMERIC) == set(CURRENCIES)
    assert len(set(NUMERIC.values())) == len(NUMERIC)
    assert (letters("800"), letters("UGX"), letters("999")) == ("UGX", "UGX", None)
