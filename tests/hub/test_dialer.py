from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from adapters._session import CloseLink
from hub.dialer import Backoff, Dialer
from hub.wire import Wire
from tests.hub.test_wire import Echo


class Endpoint:
    """An endpoint whose attempts the test settles."""

    def __init__(self) -> None:
        self.attempts: list[tuple[Any, Deferred[Any]]] = []
        self.cancelled = 0

    def connect(self, factory: Any) -> Deferred[Any]:
        def cancel(_: Deferred[Any]) -> None:
            self.cancelled += 1

        attempt: Deferred[Any] = Deferred(cancel)
        self.attempts.append((factory, attempt))
        return attempt

    def refuse(self) -> None:
        self.attempts[-1][1].errback(Failure(ConnectionRefusedError()))

    def accept(self) -> Wire:
        factory, attempt = self.attempts[-1]
        wire = factory.buildProtocol(None)
        assert isinstance(wire, Wire)
        wire.makeConnection(StringTransport())
        attempt.callback(wire)
        return wire


def dial(draw: float = 0.0) -> tuple[Dialer, Endpoint, Clock, list[Any]]:
    endpoint, clock, events = Endpoint(), Clock(), []
    dialer = Dialer(
        None, endpoint, Echo(), lambda _, event: events.append(event), lambda: draw, clock=clock
    )
    dialer.start()
    return dialer, endpoint, clock, events


def pauses(endpoint: Endpoint, clock: Clock, times: int) -> list[float]:
    found = []
    for _ in range(times):
        endpoint.refuse()
        before = len(endpoint.attempts)
        (call,) = clock.getDelayedCalls()
        found.append(call.getTime() - clock.seconds())
        clock.advance(found[-1])
        assert len(endpoint.attempts) == before + 1
    return found


def test_pauses_double_up_to_a_minute() -> None:
    _, endpoint, clock, _ = dial()
    assert pauses(endpoint, clock, 8) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_jitter_shortens_the_pause() -> None:
    assert Backoff().pause(2, 0.5) == 4 * 0.85
    assert Backoff().pause(10_000, 0.0) == 60


def test_a_short_link_counts_as_a_failure_and_a_long_one_does_not() -> None:
    dialer, endpoint, clock, events = dial()
    for lived, pause in [(1, 1), (1, 2), (11, 1), (1, 2)]:
        wire = endpoint.accept()
        clock.advance(lived / 2)
        wire.dataReceived(b"alive")
        clock.advance(lived / 2)
        wire.connectionLost(Failure(ConnectionDone()))
        assert dialer.wire is None
        (call,) = clock.getDelayedCalls()
        assert call.getTime() - clock.seconds() == pause
        clock.advance(pause)
    assert events.count("lost: the peer closed the connection") == 4


def test_a_session_may_ask_for_a_longer_pause() -> None:
    _, endpoint, clock, _ = dial()
    wire = endpoint.accept()
    wire.handle([CloseLink("login refused", pause=90.0)])
    wire.connectionLost(Failure(ConnectionDone()))
    clock.advance(89)
    assert len(endpoint.attempts) == 1
    clock.advance(1)
    assert len(endpoint.attempts) == 2


def test_stopping_while_connected() -> None:
    dialer, endpoint, clock, _ = dial()
    wire = endpoint.accept()
    done: list[None] = []
    dialer.stop().addCallback(done.append)
    assert wire.transport.disconnecting  # type: ignore[union-attr]
    assert done == []
    wire.connectionLost(Failure(ConnectionDone()))
    assert done == [None]
    assert clock.getDelayedCalls() == []


def test_stopping_while_waiting_connecting_or_idle() -> None:
    dialer, endpoint, clock, _ = dial()
    endpoint.refuse()
    done: list[None] = []
    dialer.stop().addCallback(done.append)
    assert clock.getDelayedCalls() == []
    dialer.start()
    dialer.stop().addCallback(done.append)
    assert endpoint.cancelled == 1
    dialer.stop().addCallback(done.append)
    assert done == [None] * 3
