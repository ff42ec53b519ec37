"""The reactor: Twisted on asyncio's loop, so that pika and the HTTP server live in the same loop.

The loop given to the reactor is also asyncio's current one: a coroutine scheduled on another loop
would hang silently. Must be called before anything imports ``twisted.internet.reactor``.
"""

import asyncio
import sys
from typing import Any


class WrongReactorError(RuntimeError):
    """Another reactor was installed before ours."""


def install() -> Any:
    """Install (or find) the asyncio reactor and return it."""
    if "twisted.internet.reactor" in sys.modules:
        return _checked(sys.modules["twisted.internet.reactor"])
    from twisted.internet import asyncioreactor

    loop = _new_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    return _checked(sys.modules["twisted.internet.reactor"])


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _checked(reactor: Any) -> Any:
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor

    if not isinstance(reactor, AsyncioSelectorReactor):
        raise WrongReactorError(
            f"Wattbus needs the asyncio reactor, and {type(reactor).__name__} is installed; "
            "start it with `wattbus run`, or with `twist --reactor=asyncio wattbus`."
        )
    return reactor
