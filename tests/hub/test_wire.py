from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from adapters._session import CloseLink
from hub.wire import Wire


class Echo:
    """A session that answers each line in capitals; "bye" ends it; silence for 10 s too."""

    def __init__(self) -> None:
        self.out = b""
        self.heard: float | None = None
        self.calls: list[str] = []

    def connected(self, now: float) -> list[Any]:
        self.heard = now
        self.out += b"hello;"
        return ["up"]

    def receive(self, data: bytes, now: float) -> list[Any]:
        self.heard = now
        events: list[Any] = list(data.decode().split())
        for word in events:
            self.out += word.upper().encode() + b";"
        return events + ([CloseLink("bye")] if "bye" in events else [])

    def tick(self, now: float) -> list[Any]:
        self.calls.append(f"tick {now:.0f}")
        return [CloseLink("silence", abort=True)]

    def lost(self, reason: str, now: float) -> list[Any]:
        self.heard = None
        return [f"lost: {reason}"]

    def outgoing(self) -> bytes:
        out, self.out = self.out, b""
        return out

    def deadline(self) -> float | None:
        return None if self.heard is None else self.heard + 10


class Socket(StringTransport):
    """A transport that counts writes and can be full."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.nodelay = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def setTcpNoDelay(self, enabled: bool) -> None:
        self.nodelay = enabled


def connect(
    on_event: Callable[[Wire, Any], None] | None = None,
) -> tuple[Wire, Socket, Clock, list[Any]]:
    events: list[Any] = []
    clock = Clock()
    wire = Wire(Echo(), on_event or (lambda _, event: events.append(event)), clock)
    socket = Socket()
    wire.makeConnection(socket)
    return wire, socket, clock, events


def test_octets_in_events_out_one_write_a_turn() -> None:
    wire, socket, _, events = connect()
    assert socket.nodelay
    wire.dataReceived(b"one two three")
    assert events == ["up", "one", "two", "three"]
    assert socket.writes == [b"hello;", b"ONE;TWO;THREE;"]


def test_calls_from_outside_leave_in_one_write_at_the_end_of_the_turn() -> None:
    wire, socket, clock, _ = connect()
    session: Any = wire.session
    for word in (b"a;", b"b;"):
        session.out += word
        wire.touch()
    assert socket.writes == [b"hello;"]
    clock.advance(0)
    assert socket.writes == [b"hello;", b"a;b;"]


def test_a_close_flushes_and_an_abort_does_not_wait() -> None:
    wire, socket, clock, events = connect()
    wire.dataReceived(b"bye")
    assert socket.writes[-1] == b"BYE;"
    assert socket.disconnecting
    assert wire.closed == CloseLink("bye")
    clock.advance(5)
    assert socket.disconnected or socket.aborting  # type: ignore[attr-defined]
    assert "bye" in events


def test_silence_is_found_by_the_timer() -> None:
    wire, socket, clock, events = connect()
    session: Any = wire.session
    clock.advance(9)
    wire.dataReceived(b"still here")
    clock.advance(9)
    assert session.calls == []
    clock.advance(1)
    assert session.calls == ["tick 19"]
    assert events[-1] == CloseLink("silence", abort=True)
    assert socket.disconnected or socket.aborting  # type: ignore[attr-defined]


def test_the_end_of_the_transport_is_told_once_with_its_reason() -> None:
    wire, _, clock, events = connect()
    gone: list[Wire] = []
    wire.gone = gone.append
    wire.connectionLost(Failure(ConnectionLost("cable cut")))
    assert events[-1].startswith("lost: ")
    assert "cable cut" in events[-1]
    assert gone == [wire]
    assert clock.getDelayedCalls() == []
    wire.touch()
    assert clock.getDelayedCalls() == []


def test_a_peer_that_does_not_read_is_neither_written_to_nor_read_and_then_aborted() -> None:
    wire, socket, clock, _ = connect()
    wire.pauseProducing()
    assert socket.producerState == "paused"
    wire.dataReceived(b"one")
    clock.advance(1)
    assert socket.writes == [b"hello;"]
    wire.resumeProducing()
    clock.advance(0)
    assert socket.producerState == "producing"
    assert socket.writes[-1] == b"ONE;"
    wire.pauseProducing()
    for _ in range(4):
        wire.session.receive(b"x", clock.seconds())  # the session itself sees life
        clock.advance(8)
    assert socket.disconnected or socket.aborting  # type: ignore[attr-defined]


def test_a_bug_in_one_handler_costs_one_event() -> None:
    seen: list[str] = []
    logged: list[Any] = []

    def on_event(_: Wire, event: Any) -> None:
        if event == "two":
            raise RuntimeError("our bug")
        seen.append(event)

    globalLogPublisher.addObserver(logged.append)
    try:
        wire, socket, _, _ = connect(on_event)
        wire.dataReceived(b"one two three")
    finally:
        globalLogPublisher.removeObserver(logged.append)
    assert seen == ["up", "one", "three"]
    assert socket.writes[-1] == b"ONE;TWO;THREE;"
    assert any("log_failure" in event for event in logged)


def test_events_that_a_handler_causes_come_after_those_before_them() -> None:
    seen: list[Any] = []

    def on_event(wire: Wire, event: Any) -> None:
        seen.append(event)
        if event == "one":
            wire.handle(["caused"])

    wire, socket, _, _ = connect(on_event)
    wire.dataReceived(b"one two")
    assert seen == ["up", "one", "two", "caused"]
    assert socket.writes == [b"hello;", b"ONE;TWO;"]


def test_closing_by_the_owner() -> None:
    wire, socket, _, events = connect()
    wire.close("enough")
    assert socket.disconnecting
    assert events[-1] == CloseLink("enough")
