"""The minute counter, its reserved minute, and its ends."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sts.errors import (
    FieldRangeError,
    TidExhaustedError,
    TidRunAheadError,
    TimeBeforeBaseError,
)
from core.sts.tid import (
    AHEAD_MINUTES_MAX,
    TID_MAX,
    BaseDate,
    base_date,
    is_reserved,
    key_expired,
    last_tid_of,
    next_tid,
    special_tid,
    tid_at,
    time_of,
)

B14 = BaseDate.Y2014


def us(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[misc, arg-type]


@pytest.mark.parametrize("base", list(BaseDate))
def test_the_base_dates_are_new_years_days(base: BaseDate) -> None:
    assert base.start_us == us(base.value, 1, 1)
    assert tid_at(base.start_us, base) == 0
    assert base_date(int(base.code)) is base


@pytest.mark.parametrize(
    ("minute", "tid"), [(0, 6_612_480), (1, 6_612_482), (2, 6_612_482), (3, 6_612_483)]
)
def test_one_minute_past_midnight_is_kept_free(minute: int, tid: int) -> None:
    assert tid_at(us(2026, 7, 29, 0, minute), B14) == tid


def test_a_special_token_has_that_minute_whatever_its_hour() -> None:
    assert special_tid(us(2026, 7, 29, 13, 45), B14) == 6_612_481
    assert special_tid(us(2026, 7, 29, 0, 0), B14) == 6_612_481
    assert is_reserved(6_612_481)


def test_seconds_do_not_count() -> None:
    assert tid_at(us(2026, 7, 29, 0, 3, 59) + 999_999, B14) == 6_612_483


@pytest.mark.parametrize(
    ("base", "last"),
    [
        (BaseDate.Y1993, (2024, 11, 24, 20, 15)),
        (BaseDate.Y2014, (2045, 11, 24, 20, 15)),
        (BaseDate.Y2035, (2066, 11, 24, 20, 15)),
    ],
)
def test_each_base_date_ends(base: BaseDate, last: tuple[int, ...]) -> None:
    assert tid_at(us(*last), base) == TID_MAX
    with pytest.raises(TidExhaustedError, match="key change"):
        tid_at(us(*last) + 60_000_000, base)
    with pytest.raises(TimeBeforeBaseError):
        tid_at(base.start_us - 1, base)


def test_the_next_token_of_a_minute_takes_the_next_minute() -> None:
    wanted = tid_at(us(2026, 7, 28, 23, 59), B14)
    assert next_tid(wanted, None) == wanted
    assert next_tid(wanted, wanted - 1) == wanted
    assert next_tid(wanted, wanted) == wanted + 1
    assert next_tid(wanted, wanted + 1) == wanted + 3, "00:01 is skipped"
    assert next_tid(wanted + 2, None) == wanted + 3, "00:01 is never given"


def test_running_ahead_of_the_clock_has_a_bound() -> None:
    wanted = 6_612_000
    assert next_tid(wanted, wanted + AHEAD_MINUTES_MAX - 1) == wanted + AHEAD_MINUTES_MAX
    with pytest.raises(TidRunAheadError) as refusal:
        next_tid(wanted, wanted + AHEAD_MINUTES_MAX)
    assert str(wanted) in refusal.value.evidence
    with pytest.raises(TidRunAheadError):
        next_tid(wanted, wanted + 1, ahead_max=1)
    with pytest.raises(TidExhaustedError):
        next_tid(TID_MAX, TID_MAX)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 1_000_000))
def test_a_meter_never_gets_a_tid_twice(steps: list[int], start: int) -> None:
    wanted, last, seen = start, None, set()
    for step in steps:
        wanted += step
        last = next_tid(wanted, last)
        assert last not in seen
        assert not is_reserved(last)
        assert wanted <= last <= wanted + len(steps) + 1
        seen.add(last)


@given(st.integers(0, TID_MAX), st.sampled_from(list(BaseDate)))
def test_time_and_tid_are_inverse(tid: int, base: BaseDate) -> None:
    again = tid_at(time_of(tid, base), base)
    assert again == tid + is_reserved(tid)


def test_key_expiry_ends_with_the_last_minute_of_its_number() -> None:
    assert last_tid_of(85) == 86 * 65_536 - 1
    assert not key_expired(last_tid_of(85), 85)
    assert key_expired(last_tid_of(85) + 1, 85)
    assert not key_expired(TID_MAX, 255)
    for ken in (-1, 256):
        with pytest.raises(FieldRangeError):
            last_tid_of(ken)
    with pytest.raises(FieldRangeError):
        base_date(2024)
    with pytest.raises(FieldRangeError):
        time_of(TID_MAX + 1, B14)
