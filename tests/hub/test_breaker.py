"""The circuit breaker: when a counterpart is left alone, and when it is tried again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.breaker import Breaker, BreakerState


def opened(now: float = 100.0) -> Breaker:
    breaker = Breaker(failures=3, pause_s=15.0)
    for _ in range(3):
        breaker.failed(now)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_only() -> None:
    breaker = Breaker(failures=3)
    for _ in range(10):
        breaker.failed(0.0)
        breaker.failed(0.0)
        assert breaker.lets(0.0)
        breaker.well()
    assert (breaker.state, breaker.opens_at()) == (BreakerState.CLOSED, None)


def test_open_it_lets_nothing_through_until_its_pause_is_over() -> None:
    breaker = opened()
    assert (breaker.state, breaker.opens_at()) == (BreakerState.OPEN, 115.0)
    assert not breaker.lets(114.9)
    assert breaker.lets(115.0)


def test_one_tries_and_the_others_wait_for_it() -> None:
    breaker = opened()
    assert breaker.lets(115.0)
    assert [breaker.lets(115.0), breaker.lets(1_000.0)] == [False, False]
    assert breaker.state is BreakerState.TRYING
    breaker.well()
    assert [breaker.lets(115.0), breaker.lets(115.0)] == [True, True]


def test_one_that_tries_and_fails_opens_it_again_at_once() -> None:
    breaker = opened()
    breaker.lets(115.0)
    breaker.failed(120.0)
    assert breaker.opens_at() == 135.0
    assert not breaker.lets(134.0)


def test_failures_while_it_is_open_lengthen_the_pause() -> None:
    breaker = opened()
    breaker.failed(110.0)  # a call that was out already
    assert breaker.opens_at() == 125.0


def test_one_that_was_let_through_and_never_left_makes_room_for_the_next() -> None:
    breaker = opened()
    assert breaker.lets(115.0)
    breaker.unused()
    assert breaker.lets(115.0)
    breaker.well()
    breaker.unused()
    assert breaker.state is BreakerState.CLOSED


def test_after_it_was_well_it_counts_anew() -> None:
    breaker = opened()
    breaker.lets(115.0)
    breaker.well()
    breaker.failed(116.0)
    breaker.failed(116.0)
    assert breaker.lets(116.0)


MOVES = st.lists(st.sampled_from(["well", "failed", "unused", "lets", "wait"]), max_size=60)


@settings(max_examples=100, deadline=None)
@given(MOVES)
def test_whatever_happens_it_lets_somebody_through_after_its_pause(moves: list[str]) -> None:
    breaker, now, out = Breaker(failures=2, pause_s=10.0), 0.0, 0
    for move in moves:
        if move == "wait":
            now += 4.0
        elif move == "lets":
            out += breaker.lets(now)
        elif out:  # only what was let through has an end
            out -= 1
            getattr(breaker, move)(*([now] if move == "failed" else []))
    while out:
        out -= 1
        breaker.unused()
    assert breaker.lets(now + 10.0)
