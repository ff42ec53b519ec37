"""Gives any sans-IO session a Twisted transport and a clock, so that no link is written twice.

:class:`Wire` drives one connection and :func:`listen` serves; :class:`hub.dialer.Dialer` keeps a
client connected. Endpoints are Twisted's strings: ``tcp:host:port``, ``tls:host:port``; that of a
listener may ask for client certificates (``hub.listeners``).
"""
# ruff: noqa: N802 (the names of Twisted's protocol and producer interfaces)

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet import error
from twisted.internet import protocol as twisted_protocol
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort, ITLSTransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from adapters._session import CloseLink
from hub.listeners import server_endpoint

Event = Any  # what a session tells; each protocol has its own types, CloseLink is shared

_STALLED = 30.0  # seconds that a peer may leave our octets unread before the link is aborted
_CLOSING = 5.0  # seconds for the last octets and the peer's FIN before we abort
_CONNECTIONS = 1000  # of one listener: far above any use, far below the usual limit of files


class Timer(Protocol):
    """A call that a clock will make (Twisted's IDelayedCall)."""

    def active(self) -> bool: ...
    def cancel(self) -> None: ...
    def reset(self, secondsFromNow: float, /) -> None: ...  # noqa: N803


class Clock(Protocol):
    """Time as a reactor gives it (Twisted's IReactorTime); ``task.Clock`` in tests."""

    def seconds(self) -> float: ...
    def callLater(self, delay: float, call: Callable[..., Any], /, *args: Any) -> Timer: ...


class Monotonic:
    """A reactor's timers with a clock that nobody sets: the reactor's own is the wall clock."""

    def __init__(self, reactor: Clock) -> None:
        self._reactor = reactor

    def seconds(self) -> float:
        return time.monotonic()

    def callLater(self, delay: float, call: Callable[..., Any], /, *args: Any) -> Timer:
        return self._reactor.callLater(delay, call, *args)


class Session(Protocol):
    """A protocol's session without I/O. ``now`` is monotonic seconds."""

    def connected(self, now: float) -> list[Any]:
        """The transport is up; one session object may serve one connection after another."""

    def receive(self, data: bytes, now: float) -> list[Any]:
        """What the peer's octets mean, in order; never raises because of them."""

    def tick(self, now: float) -> list[Any]:
        """Does what is due."""

    def lost(self, reason: str, now: float) -> list[Any]:
        """The transport is gone: everything in flight fails as unknown."""

    def outgoing(self) -> bytes:
        """The octets to send now; asking empties them."""

    def deadline(self) -> float | None:
        """When :meth:`tick` must be called next; None: not at all."""


OnEvent = Callable[["Wire", Event], None]
"""Called for each event in order. It may call the session: what it sends leaves in this turn."""


class Wire(twisted_protocol.Protocol):
    """One connection: octets to the session, events to ``on_event``, time to ``tick``.

    All that a turn of the reactor produces leaves in one write. While the peer does not read,
    nothing more is written and nothing is read from it (its requests would make answers); after
    ``_STALLED`` seconds the link is aborted.
    """

    log = Logger()

    def __init__(self, session: Session, on_event: OnEvent, clock: Clock) -> None:
        self.session = session
        self.up = False
        self.peer: IAddress | None = None  # the other end, once connected
        self.closed: CloseLink | None = None  # why we closed it; None if the peer did
        self.gone: Callable[[Wire], None] | None = None  # told after the session's last event
        self._on_event = on_event
        self._clock = clock
        self._events: deque[Event] = deque()
        self._delivering = False
        self._blocked = False
        self._closing = False
        self._flush_call: Timer | None = None
        self._tick_call: Timer | None = None
        self._tick_at = 0.0
        self._abort_call: Timer | None = None

    # --- for the owner -------------------------------------------------------------------------

    def now(self) -> float:
        """The clock that the session lives by."""
        return self._clock.seconds()

    def touch(self) -> None:
        """After calling the session outside of an event: its octets leave within this turn."""
        if self.up and self._flush_call is None:
            self._flush_call = self._clock.callLater(0, self._flush_later)

    def handle(self, events: list[Event]) -> None:
        """Takes the events that a call of the session's own methods returned (``leave``, say)."""
        self._deliver(events)
        self._flush()

    def close(self, reason: str, *, abort: bool = False) -> None:
        """Ends the connection, whatever the session thinks."""
        self.handle([CloseLink(reason, abort)])

    # --- from the transport --------------------------------------------------------------------

    def connectionMade(self) -> None:
        transport: Any = self.transport
        self.up = True
        self.peer = transport.getPeer()
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)  # else Nagle and delayed ACK cost 40 ms a message
        transport.registerProducer(self, True)
        self.handle(self.session.connected(self.now()))

    def dataReceived(self, data: bytes) -> None:
        self._deliver(self.session.receive(data, self._clock.seconds()))
        self._flush()

    def connectionLost(self, reason: Failure = twisted_protocol.connectionDone) -> None:
        self.up = False
        for call in (self._flush_call, self._tick_call, self._abort_call):
            if call is not None and call.active():
                call.cancel()
        why = self.closed.reason if self.closed is not None else _plain(reason)
        self._deliver(self.session.lost(why, self.now()))
        if self.gone is not None:
            self.gone(self)

    # --- from the transport's buffer (IPushProducer) --------------------------------------------

    def pauseProducing(self) -> None:
        """The buffer is full: the peer does not read, or TLS has not shaken hands yet.

        Reading goes on under TLS: what it waits for has to be read.
        """
        transport: Any = self.transport
        self._blocked = True
        if not ITLSTransport.providedBy(transport):
            transport.pauseProducing()
        self._abort_in(_STALLED)

    def resumeProducing(self) -> None:
        """The buffer is empty again."""
        self._blocked = False
        if self._closing:
            return
        if self._abort_call is not None:
            self._abort_call.cancel()
            self._abort_call = None
        transport: Any = self.transport
        if self.up:
            if not ITLSTransport.providedBy(transport):
                transport.resumeProducing()
            self.touch()

    def stopProducing(self) -> None:
        """The transport is going; connectionLost says the rest."""

    # --- inside --------------------------------------------------------------------------------

    def _deliver(self, events: list[Event]) -> None:
        """Hands out events one after the other, also those that a handler's own calls make."""
        self._events.extend(events)
        if self._delivering:
            return
        self._delivering = True
        while self._events:
            event = self._events.popleft()
            if isinstance(event, CloseLink) and self.closed is None:
                self.closed = event
            try:
                self._on_event(self, event)
            except Exception:
                # Our own bug with one event must not cost the others, nor the link. The event
                # itself stays out of the log: it may hold a token and a phone.
                kind = type(event).__name__
                self.log.failure("an event of a link was not handled: {kind}", kind=kind)
        self._delivering = False

    def _flush_later(self) -> None:
        self._flush_call = None
        self._flush()

    def _flush(self) -> None:
        """Writes what is outgoing, closes if the session said so, and sets the timer."""
        if not self.up or self._delivering:
            return  # the outer call flushes
        if not self._blocked:
            data = self.session.outgoing()
            if data:
                transport: Any = self.transport
                transport.write(data)
        if self.closed is None:
            self._set_timer()
        elif not self._closing:
            self._close(self.closed)

    def _close(self, why: CloseLink) -> None:
        transport: Any = self.transport
        self._closing = True
        if why.abort:
            transport.abortConnection()
        else:
            transport.unregisterProducer()
            transport.loseConnection()
            self._abort_in(_CLOSING)

    def _abort_in(self, seconds: float) -> None:
        transport: Any = self.transport
        if self._abort_call is None:
            self._abort_call = self._clock.callLater(seconds, transport.abortConnection)

    def _set_timer(self) -> None:
        due = self.session.deadline()
        if due is None:
            return
        call = self._tick_call
        # A timer that is too early finds out when it fires: no churn for each message.
        if call is None:
            self._tick_at = due
            delay = max(0.0, due - self._clock.seconds())
            self._tick_call = self._clock.callLater(delay, self._tick)
        elif due < self._tick_at:
            self._tick_at = due
            call.reset(max(0.0, due - self._clock.seconds()))

    def _tick(self) -> None:
        self._tick_call = None
        now = self.now()
        due = self.session.deadline()
        if due is not None and due <= now:
            self._deliver(self.session.tick(now))
        self._flush()


def _plain(reason: Failure) -> str:
    if isinstance(reason.value, error.ConnectionDone):
        return "the peer closed the connection"
    return reason.getErrorMessage()


class _Listener(twisted_protocol.Factory):
    """Makes a wire for each connection, up to a limit."""

    noisy = False

    def __init__(self, build: Callable[[], Wire], limit: int) -> None:
        self._make = build
        self._limit = limit
        self._wires: set[Wire] = set()

    def buildProtocol(self, addr: IAddress | None) -> Wire | None:  # noqa: ARG002
        if len(self._wires) >= self._limit:
            return None  # Twisted closes the connection
        wire = self._make()
        owner = wire.gone

        def gone(wire: Wire) -> None:
            self._wires.discard(wire)
            if owner is not None:
                owner(wire)

        wire.gone = gone
        self._wires.add(wire)
        return wire


def listen(
    reactor: Any, endpoint: str, build: Callable[[], Wire], limit: int = _CONNECTIONS
) -> "Deferred[IListeningPort]":
    """Serves ``endpoint``; ``build`` makes the wire of each connection, ``limit`` bounds them."""
    server: Any = server_endpoint(reactor, endpoint)
    port: Deferred[IListeningPort] = server.listen(_Listener(build, limit))
    return port
