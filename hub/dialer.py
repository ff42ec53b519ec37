"""Keeps a client's link connected: back-off, jitter, and the pause that a session asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet import protocol as twisted_protocol
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString
from twisted.logger import Logger
from twisted.python.failure import Failure

from hub.wire import Clock, Monotonic, OnEvent, Session, Timer, Wire


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pauses of a client between connections, in seconds."""

    first: float = 1.0
    factor: float = 2.0
    longest: float = 60.0  # an operator's outage ends unannounced: look once a minute
    jitter: float = 0.3  # share of the pause that is drawn, so that many links do not come at once
    settled: float = 10.0  # a link that lived this long starts again from ``first``

    def pause(self, failures: int, draw: float) -> float:
        """The pause after so many failures in a row; ``draw`` is a random number in [0, 1)."""
        plain = min(self.longest, self.first * self.factor ** min(failures, 32))
        return plain * (1.0 - self.jitter * draw)


class Dialer:
    """Keeps one session connected to an endpoint until it is stopped.

    ``reactor`` connects, ``clock`` tells the time (monotonic; by default the reactor's timers on
    the machine's monotonic clock). ``draw`` gives random numbers in [0, 1). ``on_event``
    gets the session's events, also those of a loss. Its CloseLink may ask for a longer pause.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        endpoint: str | Any,
        session: Session,
        on_event: OnEvent,
        draw: Callable[[], float],
        backoff: Backoff | None = None,
        clock: Clock | None = None,
    ) -> None:
        parsed = isinstance(endpoint, str)
        self._endpoint: Any = (
            clientFromString(reactor, endpoint)  # type: ignore[no-untyped-call]
            if parsed
            else endpoint
        )
        self._clock: Clock = clock or Monotonic(reactor)
        self._draw = draw
        self._on_event = on_event
        self._backoff = backoff or Backoff()
        self._failures = 0
        self._running = False
        self._since = 0.0
        self._attempt: Any = None
        self._retry: Timer | None = None
        self._stopped: list[Deferred[None]] = []
        self.session = session
        self.wire: Wire | None = None  # the present connection

    def start(self) -> None:
        """Connects, and again after each loss."""
        if not self._running:
            self._running = True
            self._connect()

    def touch(self) -> None:
        """After calling the session: its octets leave within this turn."""
        if self.wire is not None:
            self.wire.touch()

    def stop(self) -> "Deferred[None]":
        """No more connections; fires when the present one is closed.

        A polite goodbye is the session's matter: hand the events of its ``leave`` to the wire and
        stop after its CloseLink. What is still open is closed here.
        """
        self._running = False
        done: Deferred[None] = Deferred()
        self._stopped.append(done)
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._attempt is not None:
            self._attempt.cancel()
        elif self.wire is None:
            self._all_stopped()
        elif self.wire.closed is None:
            self.wire.close("stopped")
        return done

    def _connect(self) -> None:
        self._retry = None
        factory = twisted_protocol.Factory.forProtocol(self._build)
        factory.noisy = False
        self._attempt = self._endpoint.connect(factory)
        self._attempt.addCallbacks(self._connected, self._failed)

    def _build(self) -> Wire:
        wire = Wire(self.session, self._on_event, self._clock)
        wire.gone = self._gone
        self.wire = wire
        self._since = self._clock.seconds()
        return wire

    def _connected(self, wire: Wire) -> None:
        self._attempt = None
        if not self._running and wire.closed is None:
            wire.close("stopped")

    def _failed(self, failure: Failure) -> None:
        self._attempt = None
        if self._running:
            self.log.warn("cannot connect: {reason}", reason=failure.getErrorMessage())
            self._again(0.0)
        else:
            self._all_stopped()

    def _gone(self, wire: Wire) -> None:
        self.wire = None
        if not self._running:
            self._all_stopped()
            return
        if self._clock.seconds() - self._since >= self._backoff.settled:
            self._failures = 0
        self._again(wire.closed.pause if wire.closed is not None else 0.0)

    def _again(self, at_least: float) -> None:
        pause = max(at_least, self._backoff.pause(self._failures, self._draw()))
        self._failures += 1
        self._retry = self._clock.callLater(pause, self._connect)

    def _all_stopped(self) -> None:
        waiting, self._stopped = self._stopped, []
        for done in waiting:
            done.callback(None)
