"""Waiting for work until an instant: whoever waits gives up, the work never does."""

from typing import Any, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


class TimeUp(Exception):  # noqa: N818 - an answer to who waits, not a fault
    """The deadline came before the result."""


async def within(reactor: Any, work: "Deferred[T]", deadline: float) -> T:
    """The result of ``work`` if it comes by ``deadline`` (the reactor's seconds).

    Else :class:`TimeUp` is raised and the work goes on alone: a purchase is never cancelled.
    """
    first: Deferred[T] = Deferred()

    def too_late() -> None:
        first.errback(TimeUp())

    timer = reactor.callLater(max(0.0, deadline - reactor.seconds()), too_late)

    def done(result: Any) -> None:
        if not first.called:
            timer.cancel()
            first.callback(result)

    work.addBoth(done)  # a failure passes on as the result; a late one has nobody to tell
    return await first
