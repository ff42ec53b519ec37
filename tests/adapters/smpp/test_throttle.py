from collections import deque

import pytest

from adapters.smpp.throttle import Throttle


def run(throttle: Throttle, allowed: int, offered: int, seconds: float) -> tuple[int, int]:
    """A link of 50 in flight and 20 ms to an SMSC that takes ``allowed`` in each second."""
    now, accepted, refused = 0.0, 0, 0
    second, taken = 0, 0
    pending: deque[tuple[float, float]] = deque()
    while now < seconds:
        if int(now) != second:
            second, taken = int(now), 0
        while pending and pending[0][0] <= now:
            _, sent_at = pending.popleft()
            if taken < allowed:
                taken += 1
                accepted += 1
                throttle.accepted(now)
            else:
                refused += 1
                throttle.throttled(sent_at, now)
        while len(pending) < min(50, offered) and throttle.ready_at(now) <= now:
            throttle.sent()
            pending.append((now + 0.02, now))
        now += 0.001
    return accepted, refused


def test_a_link_that_is_not_throttled_is_not_held_up() -> None:
    throttle = Throttle()
    for number in range(1000):
        now = number / 1000
        assert throttle.ready_at(now) == now
        throttle.sent()
        throttle.accepted(now)
    assert throttle.rate is None


@pytest.mark.parametrize("allowed", [5, 10, 50, 500])
def test_a_real_limit_is_met_with_few_messages_in_vain(allowed: int) -> None:
    accepted, refused = run(Throttle(), allowed, 50, 60.0)
    assert accepted >= 0.9 * allowed * 60
    assert refused <= 0.1 * accepted + 100  # the first window and the search for the rate


@pytest.mark.parametrize("every", [100, 20, 10])
def test_throttles_that_do_not_follow_the_rate_cost_little(every: int) -> None:
    throttle = Throttle()
    now, late = 0.0, 0.0
    for number in range(20_000):  # wants 1,000 a second
        now += 0.001
        ready = throttle.ready_at(now)
        late += ready - now
        now = ready
        throttle.sent()
        if number % every == every - 1:
            throttle.throttled(now, now)
        else:
            throttle.accepted(now)
    assert late == 0.0


def refuse(throttle: Throttle, now: float) -> None:
    """As many throttles, sent and answered at once, as it takes to be meant."""
    before = throttle.rate
    while throttle.rate == before:
        throttle.throttled(now, now)


def test_a_throttle_is_a_pause_at_the_measured_rate() -> None:
    throttle = Throttle()
    for number in range(201):
        throttle.accepted(number / 20)
    refuse(throttle, 10.0)
    assert throttle.rate == pytest.approx(20.0, rel=0.1)
    assert throttle.ready_at(10.0) == pytest.approx(10.05, abs=0.01)


def test_messages_sent_before_the_cut_do_not_cut_again() -> None:
    throttle = Throttle()
    refuse(throttle, 1.0)
    rate = throttle.rate
    assert rate is not None
    for _ in range(49):
        throttle.throttled(0.9, 1.1)
    assert throttle.rate == rate
    refuse(throttle, 1.6)
    assert throttle.rate == pytest.approx(0.7 * rate)


def test_the_longest_pause_is_five_seconds() -> None:
    throttle = Throttle()
    for number in range(100):
        throttle.throttled(float(number), float(number))
    assert throttle.ready_at(99.0) == pytest.approx(104.0, abs=0.1)


def test_half_a_minute_without_a_throttle_lifts_the_limit() -> None:
    throttle = Throttle()
    refuse(throttle, 0.0)
    assert throttle.ready_at(1.0) >= 1.0
    assert throttle.rate is not None
    assert throttle.ready_at(31.0) == 31.0
    assert throttle.rate is None
