"""The last TID that is taken over at a cut-over: never lower, never in the future."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sts.errors import TidRunAheadError, TimeBeforeBaseError
from core.sts.tid import MINUTE_US, BaseDate, next_tid, tid_at
from core.vending.last_tids import Clock, KnownMeter, taken_over, wrong_with

NOW_US = 1_795_240_800_000_000
CLOCK = Clock(NOW_US, 60)


def meter(last_tid: int = -1, base: int = 2014) -> KnownMeter:
    return KnownMeter(1, "04123456784", base, last_tid)


@given(minutes=st.integers(0, 5_000_000), known=st.integers(-1, 7_000_000))
def test_the_next_token_comes_after_both(minutes: int, known: int) -> None:
    at_us = NOW_US - minutes * MINUTE_US
    last = taken_over(meter(known), at_us, CLOCK)
    assert last >= known
    assert last >= (at_us - BaseDate.Y2014.start_us) // MINUTE_US
    wanted = tid_at(NOW_US, BaseDate.Y2014)
    if last <= wanted:
        assert next_tid(wanted, last) > last


def test_what_lies_ahead_of_the_clock_has_a_bound() -> None:
    hour = NOW_US + 60 * MINUTE_US
    assert taken_over(meter(), hour, CLOCK) == (hour - BaseDate.Y2014.start_us) // MINUTE_US
    with pytest.raises(TidRunAheadError):
        taken_over(meter(), hour + 1, CLOCK)
    assert "by more than the 60 minutes" in wrong_with(meter(), hour + 1, CLOCK)


def test_what_lies_before_the_base_date_is_wrong() -> None:
    before = BaseDate.Y2014.start_us - 1
    with pytest.raises(TimeBeforeBaseError):
        taken_over(meter(), before, CLOCK)
    assert wrong_with(meter(base=1993), before, CLOCK) == ""
    assert "had run out by then" in wrong_with(meter(base=1993), NOW_US, CLOCK)
