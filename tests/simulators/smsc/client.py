"""An ESME for the simulator's tests: our link on a real socket, with its events kept."""

import asyncio
from typing import Any

from adapters.smpp.esme import EsmeLink
from adapters.smpp.events import Answered, Bound, Requested, Unknown
from adapters.smpp.pdu import Bind, BindTransceiver, DeliverSm, Message, SubmitSm
from adapters.smpp.settings import Settings
from hub.dialer import Backoff, Dialer
from hub.wire import Wire
from tests.loop import fired

LOGIN = BindTransceiver(system_id="hub", password="secret")


class Client:
    """Answers what the SMSC asks at once; ``refuse`` holds statuses for the next answers."""

    def __init__(self, reactor: Any, port: int, login: Bind = LOGIN, window: int = 10) -> None:
        self.link = EsmeLink(login, Settings(window=window, enquire_interval=5.0))
        backoff = Backoff(first=0.01, longest=0.05)
        self.dialer = Dialer(
            reactor, f"tcp:127.0.0.1:{port}", self.link, self._event, lambda: 0.0, backoff
        )
        self.events: list[Any] = []
        self.refuse: list[int] = []
        self._changed = asyncio.Event()
        self.dialer.start()

    def _event(self, wire: Wire, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, Requested):
            self.link.respond(event.handle, None, self.refuse.pop(0) if self.refuse else 0)
        self._changed.set()

    def of(self, kind: type) -> list[Any]:
        """The events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type, count: int = 1) -> list[Any]:
        """Waits for so many events of a kind."""
        while len(self.of(kind)) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.of(kind)

    async def bound(self) -> None:
        await self.until(Bound)

    def submit(self, text: str, phone: str = "254700000001", **fields: Any) -> None:
        pdu = SubmitSm(
            source_addr="12345",
            dest_addr_ton=1,
            destination_addr=phone,
            short_message=text.encode("latin-1"),
            **fields,
        )
        self.send(pdu, text)

    def send(self, pdu: Any, token: object = None) -> None:
        wire = self.dialer.wire
        assert wire is not None
        self.link.submit(pdu, token, wire.now())
        self.dialer.touch()

    def delivered(self) -> list[Message]:
        """What phones sent, and receipts, in order."""
        return [event.pdu for event in self.of(Requested) if isinstance(event.pdu, DeliverSm)]

    async def stop(self) -> None:
        await fired(self.dialer.stop())


__all__ = ["Answered", "Client", "Unknown"]
