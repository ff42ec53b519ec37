"""One AMQP connection on an asyncio loop: opened again by itself, watched, never trusted.

pika's ``AsyncioConnection`` (its Twisted adapter is on its way out and blames returns on the wrong
publish). Publishing and consuming have connections of their own: a blocked publisher would also
stop its acknowledgements. All methods run on the loop unless said otherwise.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import structlog
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPHeartbeatTimeout

from hub.bus.access import Access, AccessError, refusal

#: Waits before the next try to connect: doubled up to the most, with jitter.
AGAIN_S, AGAIN_MOST_S = 0.5, 15.0
#: What a person must mend (a queue of another kind, a wrong password) is tried this often.
REFUSED_S = 30.0

log = structlog.get_logger("hub.bus.amqp")


class AmqpLink:
    """A connection with one channel. ``opened(channel)`` is called whenever there is a new one.

    Whoever is content with the channel says so by :meth:`settled`; until then the waits between
    two tries grow. ``refused`` is the sentence of what a person must mend, ``blocked`` the
    broker's reason not to take anything (its memory or disk alarm); empty: none.
    """

    def __init__(
        self,
        url: str | Access,
        loop: asyncio.AbstractEventLoop,
        name: str,
        opened: Callable[[Any], None],
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._access = Access(url) if isinstance(url, str) else url
        self._loop, self._name = loop, name
        self._opened, self._lost = opened, lost
        self._connection: AsyncioConnection | None = None
        self._again = AGAIN_S
        self._closing = False
        self.channel: Any = None
        self.refused = self.blocked = ""

    def start(self) -> None:
        """Connect (from any thread)."""
        self._loop.call_soon_threadsafe(self._connect)

    def stop(self) -> None:
        """Close and stay closed (from any thread)."""
        self._loop.call_soon_threadsafe(self._close)

    def settled(self) -> None:
        """The channel is as it must be: what kept us from it is over."""
        self._again = AGAIN_S
        if self.refused:
            log.info("amqp.mended", link=self._name)
        self.refused = ""

    def abort(self, why: str) -> None:
        """Drop a link that does not answer; it is opened again."""
        log.error("amqp.abort", link=self._name, why=why)
        had, self.channel = self.channel is not None, None
        if had:
            self._lost()
        connection = self._connection
        if connection is not None and not connection.is_closed:
            # pika's own way out of a dead link (its heartbeats take it). To abort the transport
            # behind its back ends in an assertion there: nobody hears of the loss, nothing reopens.
            connection._terminate_stream(AMQPHeartbeatTimeout(why))

    def _connect(self) -> None:
        if self._closing:
            return
        try:
            parameters = self._access.parameters(self._name)
        except AccessError as error:  # files may come later
            self._refuse(str(error))
            self._loop.call_later(REFUSED_S, self._connect)
            return
        self._connection = AsyncioConnection(
            parameters,
            on_open_callback=self._open_channel,
            on_open_error_callback=self._failed,
            on_close_callback=self._failed,
            custom_ioloop=self._loop,
        )

    def _open_channel(self, connection: Any) -> None:
        _no_delay(connection)
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        connection.channel(on_open_callback=self._ready)

    def _ready(self, channel: Any) -> None:
        self.channel = channel
        channel.add_on_close_callback(self._channel_closed)
        log.info("amqp.up", link=self._name)
        self._opened(channel)

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self.blocked = str(frame.method.reason) or "blocked"
        log.error("amqp.blocked", link=self._name, reason=self.blocked)

    def _on_unblocked(self, _connection: Any, _frame: Any) -> None:
        self.blocked = ""
        log.info("amqp.unblocked", link=self._name)

    def _channel_closed(self, channel: Any, reason: Any) -> None:
        if channel is self.channel and not self._closing and self._connection is not None:
            self._refuse(refusal(reason, self._access.said()))
            log.error("amqp.channel-closed", link=self._name, reason=str(reason))
            if self._connection.is_open:
                self._connection.close()

    def _refuse(self, sentence: str) -> None:
        if sentence and sentence != self.refused:
            log.error("amqp.refused", link=self._name, why=sentence)
        self.refused = sentence or self.refused

    def _failed(self, _connection: Any, reason: Any) -> None:
        had = self.channel is not None
        self.channel, self.blocked = None, ""
        if had:
            self._lost()
        if self._closing:
            return
        self._refuse(refusal(reason, self._access.said()))
        # what a person must mend does not mend itself within seconds
        wait = (REFUSED_S if self.refused else self._again) * random.uniform(0.8, 1.2)
        self._again = min(self._again * 2, AGAIN_MOST_S)
        log.warning("amqp.lost", link=self._name, reason=str(reason), again_in_s=round(wait, 2))
        self._loop.call_later(wait, self._connect)

    def _close(self) -> None:
        self._closing = True
        if self._connection is not None and self._connection.is_open:
            self._connection.close()


def _no_delay(connection: Any) -> None:
    """TCP_NODELAY: with Nagle a confirm waits for the 40 ms of a delayed acknowledgement."""
    import socket

    transport = getattr(connection, "_transport", None)
    raw = transport._sock if transport is not None and hasattr(transport, "_sock") else None
    if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
