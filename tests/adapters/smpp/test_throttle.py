from collections import deque

import pytest

from adapters.smpp.throttle import Throttle


def run(throttle: Throttle, allowed: float, offered: int, seconds: float) -> tuple[int, int]:
    """A link of 50 in flight and 20 ms to an SMSC that takes ``allowed`` a second (a bucket)."""
    now, tokens, accepted, refused = 0.0, 1.0, 0, 0
    pending: deque[tuple[float, float]] = deque()
    while now < seconds:
        tokens = min(max(1.0, allowed / 10), tokens + allowed * 0.001)
        while pending and pending[0][0] <= now:
            _, sent_at = pending.popleft()
            if tokens >= 1.0:
                tokens -= 1.0
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


@pytest.mark.parametrize("allowed", [5.0, 10.0, 50.0, 500.0])
def test_a_real_limit_is_met_with_few_messages_in_vain(allowed: float) -> None:
    accepted, refused = run(Throttle(), allowed, 50, 60.0)
    assert accepted >= 0.8 * allowed * 60
    assert refused <= 0.1 * accepted + 60  # the first window and the search for the rate


def test_one_throttle_in_a_hundred_costs_almost_nothing() -> None:
    throttle = Throttle()
    now, late = 0.0, 0.0
    for number in range(20_000):  # wants 1,000 a second
        now += 0.001
        ready = throttle.ready_at(now)
        late += ready - now
        now = ready
        throttle.sent()
        if number % 100 == 99:
            throttle.throttled(now, now)
        else:
            throttle.accepted(now)
    assert late <= 0.1 * now


def test_a_throttle_is_a_pause_at_the_measured_rate() -> None:
    throttle = Throttle()
    for number in range(101):
        throttle.accepted(number / 10)
    throttle.throttled(10.0, 10.0)
    assert throttle.rate == pytest.approx(7.0, rel=0.2)
    assert 10.1 < throttle.ready_at(10.0) < 10.2


def test_messages_sent_before_the_cut_do_not_cut_again() -> None:
    throttle = Throttle()
    throttle.throttled(0.5, 1.0)
    rate = throttle.rate
    for _ in range(49):
        throttle.throttled(0.9, 1.1)
    assert throttle.rate == rate
    throttle.throttled(1.2, 1.3)
    assert throttle.rate is not None
    assert rate is not None
    assert throttle.rate < rate


def test_the_longest_pause_is_five_seconds() -> None:
    throttle = Throttle()
    for number in range(100):
        throttle.throttled(float(number), float(number))
    assert throttle.ready_at(99.0) == pytest.approx(104.0, abs=0.1)


def test_half_a_minute_without_a_throttle_lifts_the_limit() -> None:
    throttle = Throttle()
    throttle.throttled(0.0, 0.0)
    assert throttle.ready_at(1.0) >= 1.0
    assert throttle.rate is not None
    assert throttle.ready_at(31.0) == 31.0
    assert throttle.rate is None
