"""A security module in memory: the simulator's box behind our own link, no socket, no time.

It shares our codec, so it cannot find a codec's bug. ``hold`` keeps issuing calls unanswered.
"""

from typing import Any

import msgspec
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from adapters._session import CloseLink
from adapters.prismtoken.calls import Call, SignIn
from hub.links.prismtoken import PrismLink
from hub.links.prismtoken_config import PrismLinkConfig
from simulators.prism.box import Box
from simulators.prism.link import Asked, LinkSession
from tests.hub.links.memory_smsc import surroundings

#: Unix seconds of the module's clock at second 0: 2026-11-21 09:00 UTC.
WALL_S = 1_795_251_600
PASSWORD = "open sesame"
SECTION = {"endpoint": "tcp:127.0.0.1:9443", "username": "wattbus"}


class _Transport(StringTransport):
    """StringTransport that closes like a socket."""

    def loseConnection(self) -> None:
        self.disconnecting = True

    def abortConnection(self) -> None:
        self.disconnecting = True


class Peer:
    """The module's end of one connection."""

    def __init__(self, module: "MemoryPrism", protocol: Any) -> None:
        self.module = module
        self.protocol = protocol
        self.transport: Any = _Transport()  # type: ignore[no-untyped-call]
        self.session = LinkSession()
        self.alive = True
        protocol.makeConnection(self.transport)

    def pump(self) -> bool:
        """Carries octets both ways; True if there were any."""
        data = self.transport.value()
        if data:
            self.transport.clear()
            for event in self.session.receive(data, 0.0):
                assert not isinstance(event, CloseLink), event
                self.module.asked(self, event)
        out = self.session.outgoing()
        if out and self.alive:
            self.protocol.dataReceived(out)
        if self.transport.disconnecting and self.alive:
            self.drop()
            return True
        return bool(data or out)

    def drop(self) -> None:
        """The connection is gone, without a word."""
        if self.alive:
            self.alive = False
            why: Any = Failure(ConnectionResetError("gone"))  # type: ignore[no-untyped-call]
            self.protocol.connectionLost(why)


class MemoryPrism:
    """A module and our link to it. ``calls``: all that came but sign-ins."""

    def __init__(self, password: str = PASSWORD, **options: Any) -> None:
        self.reactor: Any = MemoryReactorClock()  # type: ignore[no-untyped-call]
        self.config = msgspec.convert({**SECTION, "connections": 1, **options}, PrismLinkConfig)
        self.link = PrismLink(self.config, password, surroundings(self.reactor))
        self.box = Box(lambda: WALL_S + self.reactor.seconds(), PASSWORD)
        self.calls: list[Call] = []
        self.sign_ins = 0
        self.hold = False
        self.refuses = False  # connections
        self.held: list[tuple[Peer, Asked]] = []
        self.peers: list[Peer] = []
        self._dialled = 0

    def start(self) -> "MemoryPrism":
        self.link.start()
        self.run()
        return self

    def run(self, seconds: float = 0.0) -> None:
        """Lets time pass and octets flow until nothing moves."""
        self.reactor.advance(seconds)
        for _ in range(1_000):
            while self._dialled < len(self.reactor.tcpClients):
                self._dial(self.reactor.tcpClients[self._dialled][2])
            moved = [peer.pump() for peer in self.peers if peer.alive]
            self.reactor.advance(0)
            if not any(moved) and self._dialled == len(self.reactor.tcpClients):
                return
        raise AssertionError("the link never comes to rest")

    def _dial(self, factory: Any) -> None:
        self._dialled += 1
        if self.refuses:
            why: Any = Failure(ConnectionRefusedError())  # type: ignore[no-untyped-call]
            factory.clientConnectionFailed(None, why)
        else:
            self.peers.append(Peer(self, factory.buildProtocol(None)))

    def asked(self, peer: Peer, asked: Asked) -> None:
        if isinstance(asked.call, SignIn):
            self.sign_ins += 1
        else:
            self.calls.append(asked.call)
        if self.hold and asked.call.makes:
            self.held.append((peer, asked))
        else:
            peer.session.respond(asked, self.box.do(asked.call))

    def answer(self) -> None:
        """Does and answers everything that is held."""
        held, self.held = self.held, []
        for peer, asked in held:
            peer.session.respond(asked, self.box.do(asked.call))
        self.run()

    def drop(self) -> None:
        """All connections are gone."""
        for peer in self.peers:
            peer.drop()
        self.run()

    def issued(self) -> list[Call]:
        """The issuing calls that came."""
        return [call for call in self.calls if call.makes]
