"""An SMSC in memory: our own session's other side over MemoryReactorClock, no socket, no time.

Costs about a millisecond a conversation. It shares our codec, so it cannot find a codec's bug.
"""

from typing import Any

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from adapters._session import CloseLink
from adapters.smpp.events import Answered, BindRequested, Requested, Throttled, Unknown
from adapters.smpp.pdu import (
    BindReceiverResp,
    BindTransceiverResp,
    BindTransmitterResp,
    DeliverSm,
    Pdu,
    SubmitSm,
    SubmitSmResp,
)
from adapters.smpp.session import Settings, SmppSession
from adapters.smpp.states import Side
from hub.links.smpp import SmppLink
from hub.links.smpp_config import SmppLinkConfig
from hub.links.surroundings import Surroundings

_RESPONSES = {1: BindReceiverResp, 2: BindTransmitterResp, 9: BindTransceiverResp}


def quiet_log() -> structlog.stdlib.BoundLogger:
    """A logger that drops everything."""
    log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        None,
        processors=[_drop],
        wrapper_class=structlog.BoundLogger,
    )
    return log


def surroundings(reactor: Any) -> Surroundings:
    """One clock for connections, timers and sessions."""
    return Surroundings(reactor, reactor, lambda: 0.5, quiet_log())


def _drop(_logger: object, _name: str, _event: Any) -> Any:
    raise structlog.DropEvent


class _Transport(StringTransport):
    """StringTransport that closes like a socket."""

    def loseConnection(self) -> None:
        self.disconnecting = True

    def abortConnection(self) -> None:
        self.disconnecting = True


class Peer:
    """The SMSC's end of one connection."""

    def __init__(self, smsc: "MemorySmsc", protocol: Any) -> None:
        self.smsc = smsc
        self.protocol = protocol
        self.transport: Any = _Transport()  # type: ignore[no-untyped-call]
        self.session = SmppSession(Side.SMSC, Settings(window=1_000))
        protocol.makeConnection(self.transport)
        self.session.connected(smsc.now())
        self.alive = True

    def pump(self) -> bool:
        """Carries octets both ways; True if there were any."""
        moved = False
        data = self.transport.value()
        if data:
            self.transport.clear()
            moved = True
            for event in self.session.receive(data, self.smsc.now()):
                self._on(event)
        out = self.session.outgoing()
        if out:
            moved = True
            self.protocol.dataReceived(out)
        if self.transport.disconnecting and self.alive:
            self.drop()
            moved = True
        return moved

    def drop(self) -> None:
        """The connection is gone, without a word."""
        if self.alive:
            self.alive = False
            self.session.lost("gone", self.smsc.now())
            why: Any = Failure(ConnectionResetError("gone"))  # type: ignore[no-untyped-call]
            self.protocol.connectionLost(why)

    def _on(self, event: Any) -> None:
        if isinstance(event, BindRequested):
            self.smsc.binds.append(event.pdu)
            reply = _RESPONSES[event.pdu.command_id]
            self.session.respond(event.handle, reply(system_id="MEM"), self.smsc.bind_status)
        elif isinstance(event, Requested):
            self.smsc.submitted(self, event)
        elif isinstance(event, (Answered, Throttled, Unknown)):
            self.smsc.answers[event.token] = getattr(event, "status", None)
        elif isinstance(event, CloseLink):
            self.transport.disconnecting = True


class MemorySmsc:
    """Accepts every bind; answers submits by ``statuses`` (one each), then with 0.

    ``hold``: submits are kept in ``held`` until :meth:`answer`. ``answers``: token of a delivered
    message -> command_status that came back.
    """

    def __init__(self, config: SmppLinkConfig | None = None) -> None:
        self.reactor: Any = MemoryReactorClock()  # type: ignore[no-untyped-call]
        self.config = config or SmppLinkConfig(endpoint="tcp:127.0.0.1:2775", system_id="hub")
        self.link = SmppLink(self.config, "secret", surroundings(self.reactor))
        self.binds: list[Any] = []
        self.submits: list[SubmitSm] = []
        self.statuses: list[int] = []
        self.bind_status = 0
        self.hold = False
        self.held: list[tuple[Peer, Requested]] = []
        self.answers: dict[object, int | None] = {}
        self.peers: list[Peer] = []
        self._ids = 0
        self._dialled = 0

    def now(self) -> float:
        return float(self.reactor.seconds())

    def start(self) -> "MemorySmsc":
        self.link.start()
        self.run()
        return self

    def run(self, seconds: float = 0.0) -> None:
        """Lets time pass and octets flow until nothing moves."""
        self.reactor.advance(seconds)
        for _ in range(100):
            while self._dialled < len(self.reactor.tcpClients):
                factory = self.reactor.tcpClients[self._dialled][2]
                self._dialled += 1
                self.peers.append(Peer(self, factory.buildProtocol(None)))
            moved = [peer.pump() for peer in self.peers if peer.alive]
            self.reactor.advance(0)
            if not any(moved) and self._dialled == len(self.reactor.tcpClients):
                return
        raise AssertionError("the link never comes to rest")

    def submitted(self, peer: Peer, event: Requested) -> None:
        assert isinstance(event.pdu, SubmitSm)
        self.submits.append(event.pdu)
        if self.hold:
            self.held.append((peer, event))
            return
        self._answer(peer, event, self.statuses.pop(0) if self.statuses else 0)

    def answer(self, status: int = 0) -> None:
        """Answers everything that is held."""
        held, self.held = self.held, []
        for peer, event in held:
            self._answer(peer, event, status)
        self.run()

    def _answer(self, peer: Peer, event: Requested, status: int) -> None:
        self._ids += 1
        reply = None if status else SubmitSmResp(message_id=f"{self._ids:08X}")
        peer.session.respond(event.handle, reply, status)

    def deliver(self, pdu: DeliverSm, token: object, peer: int = -1) -> None:
        """Sends a message to the link."""
        self.peers[peer].session.request(pdu, token, self.now())
        self.run()


def outcome(deferred: "Deferred[Any]") -> Any:
    """What a fired deferred holds: its value or its exception; None if it has not fired."""
    if not deferred.called:
        return None
    found: list[Any] = []
    deferred.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found[0]


def text(body: str, source: str = "256772123456", destination: str = "8888") -> DeliverSm:
    """A message from a phone."""
    return DeliverSm(
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=source,
        destination_addr=destination,
        short_message=body.encode(),
    )


__all__ = ["MemorySmsc", "Pdu", "outcome", "quiet_log", "text"]
