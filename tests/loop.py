"""Runs one asynchronous test on a reactor of its own, over real sockets."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred

_LONGEST = 120.0  # seconds that one scenario may take on a loaded machine


def run(scenario: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """Runs ``scenario(reactor)`` to its end; await Deferreds in it with :func:`fired`."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        reactor = AsyncioSelectorReactor(loop)
        return loop.run_until_complete(asyncio.wait_for(scenario(reactor), _LONGEST))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def fired(deferred: "Deferred[Any] | Awaitable[Any]") -> Awaitable[Any]:
    """A Deferred (or a coroutine that awaits Deferreds) as asyncio can await it."""
    if not isinstance(deferred, Deferred):
        deferred = Deferred.fromCoroutine(deferred)
    return deferred.asFuture(asyncio.get_running_loop())
