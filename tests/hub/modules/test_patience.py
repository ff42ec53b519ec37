"""A call that hangs costs its own limit once, and nobody after it."""

import threading
import time
from contextlib import suppress

import pytest

from hub.modules.patience import Patience


def test_a_call_gives_what_it_returns_or_raises() -> None:
    patience = Patience("the box", 30)
    assert patience.call(lambda: 7) == 7
    with pytest.raises(KeyError, match="gone"):
        patience.call(lambda: {}["gone"])
    assert patience.call(threading.get_ident) != threading.get_ident()


def test_calls_from_many_threads_come_one_after_the_other() -> None:
    patience = Patience("the box", 30)
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        inside.append(1)
        most.append(len(inside))
        inside.pop()

    callers = [threading.Thread(target=patience.call, args=(work,)) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=30)
    assert most == [1] * 20


def test_who_asks_a_library_that_hangs_goes_on_and_the_next_is_refused_at_once() -> None:
    patience = Patience("the box", 0.05)
    hangs = threading.Event()

    def work() -> None:
        hangs.wait(30)

    with pytest.raises(TimeoutError, match=r"the box gave no answer in 0.05 s"):
        patience.call(work)
    with pytest.raises(TimeoutError, match="still busy with an earlier call"):
        patience.call(lambda: 7)
    hangs.set()
    assert when_it_is_back(patience) == 7


def when_it_is_back(patience: Patience) -> int:
    """From the end of a call to the end of its turn it may take a moment."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with suppress(TimeoutError):
            return patience.call(lambda: 7)
    raise AssertionError("it did not come back")
