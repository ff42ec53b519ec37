"""Two sessions, one of each side, joined without a network, and a peer that is only bytes."""

import struct
from dataclasses import dataclass, field

from adapters.smpp import codec
from adapters.smpp.events import AnyEvent, BindRequested
from adapters.smpp.framing import Framer
from adapters.smpp.pdu import BindTransceiver, BindTransceiverResp, Pdu
from adapters.smpp.session import SmppSession
from adapters.smpp.settings import Settings
from adapters.smpp.states import Side

LOGIN = BindTransceiver(system_id="hub", password="secret")


def frame(command: int, body: bytes = b"", status: int = 0, sequence: int = 7) -> bytes:
    """A PDU by hand."""
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


@dataclass
class Bench:
    """One session, and what it wrote as packets."""

    session: SmppSession
    now: float = 100.0
    events: list[AnyEvent] = field(default_factory=list)

    def sent(self) -> list[codec.Packet]:
        return [codec.decode(one) for one in Framer().feed(self.session.outgoing())]

    def get(self, pdu: Pdu, sequence: int, status: int = 0) -> list[AnyEvent]:
        """The peer sends a PDU; the events that come of it."""
        return self.raw(codec.encode(pdu, sequence, status))

    def raw(self, data: bytes) -> list[AnyEvent]:
        return self.session.receive(data, self.now)

    def wait(self, seconds: float) -> list[AnyEvent]:
        """Time passes, and the session is called at each of its deadlines."""
        until = self.now + seconds
        events: list[AnyEvent] = []
        while (due := self.session.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            events += self.session.tick(self.now)
        self.now = until
        return events


def esme(settings: Settings | None = None, *, bound: bool = True) -> Bench:
    """An ESME on the bench, logged in unless told otherwise."""
    bench = Bench(SmppSession(Side.ESME, settings, LOGIN))
    bench.session.connected(bench.now)
    if bound:
        (login,) = bench.sent()
        bench.get(BindTransceiverResp(system_id="smsc"), login.sequence)
        assert bench.session.bound
    return bench


def smsc(settings: Settings | None = None, *, bound: bool = True) -> Bench:
    """An SMSC on the bench, with an ESME logged in unless told otherwise."""
    bench = Bench(SmppSession(Side.SMSC, settings))
    bench.session.connected(bench.now)
    if bound:
        (event,) = bench.get(LOGIN, 1)
        assert isinstance(event, BindRequested)
        assert bench.session.respond(event.handle, BindTransceiverResp(system_id="smsc"))
        bench.sent()
    return bench
