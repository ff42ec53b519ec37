"""What a stranger may cost the HTTP server: connections, and time for a request to come whole.

uvicorn has no limit of time for a request that is on its way: a client that sends an octet a minute
would hold its place for ever. Here every request comes whole within a limit or not at all.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

#: From the first octet to the last. A callback is a kilobyte: a phone's network needs a second.
REQUEST_S: Final = 15.0
#: Beside the limit, so many more connections are heard out, to be told 503; then they are closed.
SPARE: Final = 100
#: Seconds after which one who was turned away may come again.
RETRY_S: Final = 5

App = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """``connections``: at once, of all. ``per_peer``: of one address: one stranger must not take
    all places. ``request_s``: for a request to come whole."""

    connections: int = 1_000
    per_peer: int = 250
    request_s: float = REQUEST_S


class Guarded(H11Protocol):
    """h11's, with a clock and a count."""

    limits = Limits()
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        same = sum(_host(each) == host for each in self.connections)
        if len(self.connections) > self.limits.connections + SPARE or same > self.limits.per_peer:
            transport.abort()  # nothing was read: the kernel tells the peer
            return
        self._late = self.loop.call_later(self.limits.request_s, self._too_slow)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """A clock runs while a request is only partly here, whoever has begun it."""
        if not self._partly():
            self._stop()
        elif self._late is None:
            self._late = self.loop.call_later(self.limits.request_s, self._too_slow)

    def _partly(self) -> bool:
        if self.conn.their_state is h11.IDLE:
            return bool(self.conn.trailing_data[0])
        return self.conn.their_state is h11.SEND_BODY

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_slow(self) -> None:
        self._late = None
        self.transport.abort()


def guarded(limits: Limits) -> type[H11Protocol]:
    """The protocol of each connection."""
    return type("Limited", (Guarded,), {"limits": limits})


def _host(connection: Any) -> str:
    return connection.client[0] if connection.client else ""


def bounded(app: App, open_now: Callable[[], int], limits: Limits) -> App:
    """The application, while there is room; else 503 with the time to come again."""

    async def served(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if open_now() <= limits.connections:
            await app(scope, receive, send)
            return
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"retry-after", str(RETRY_S).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"Too many connections."})

    return served
