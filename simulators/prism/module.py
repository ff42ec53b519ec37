"""A friendly security module on the network. Misbehaviours are in :mod:`.kinds`.

Everything that a misbehaviour may want to change is one small method: ``begin``, ``perform``,
``make``, ``answer``. The module makes one token after the other at its speed, whoever asks; each
connection has its calls answered in their order, as Thrift servers do.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adapters.prismtoken.calls import Ping
from hub.wire import Clock, Event, Monotonic, Wire, listen
from simulators.prism.box import Box
from simulators.prism.link import Asked, LinkSession


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator decides. ``password`` None takes any login."""

    password: str | None = None
    licence: int = 1_000_000  # issuing calls until the next licence
    speed: float = 40.0  # issuing calls a second; hardware makes some tens
    every: int = 10  # the issuing call at which LostAnswerModule and its like strike
    delay: float = 15.0  # seconds by which LateModule and SlowModule are late
    down: float = 60.0  # seconds that DownModule refuses connections


@dataclass(eq=False, slots=True)
class Link:
    """One client's connection: what it asked and was not answered yet."""

    wire: Wire
    session: LinkSession
    waiting: deque[Asked] = field(default_factory=deque)
    strikes: bool = False  # whether its present call is each n-th issuing one (``every``)


class PrismModule:
    """Takes any login, makes what is asked for, remembers it by message id."""

    name = "friendly"

    def __init__(
        self, reactor: Any, options: Options | None = None, clock: Clock | None = None,
        wall: Callable[[], float] = lambda: 1_767_225_600.0,
    ) -> None:  # fmt: skip
        self.options = options or Options()
        self.box = Box(wall, self.options.password, self.options.licence)
        self.links: list[Link] = []
        self.clock = clock or Monotonic(reactor)
        self.issuing = 0  # issuing calls that were begun
        self._free_at = 0.0
        self._reactor = reactor
        self._endpoint = ""
        self._port: Any = None
        self._up_again: Any = None

    # --- for tests and people ------------------------------------------------------------------

    async def start(self, port: int = 0, interface: str = "127.0.0.1", endpoint: str = "") -> int:
        """Listens for clients, over TLS where ``endpoint`` says ``ssl:…``; returns the port."""
        self._port = await listen(
            self._reactor, endpoint or f"tcp:{port}:interface={interface}", self._connection
        )
        number = int(self._port.getHost().port)
        # The same port again, should the module go down and come back.
        first, _, rest = (endpoint or f"tcp:0:interface={interface}").partition(":")
        self._endpoint = f"{first}:{number}:{rest.partition(':')[2]}"
        return number

    async def stop(self) -> None:
        """Drops everybody and listens no more."""
        if self._up_again is not None and self._up_again.active():
            self._up_again.cancel()
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()
        self._drop_all("the simulator stops")

    def go_down(self, seconds: float) -> None:
        """Drops everybody and refuses connections for so long."""
        port, self._port = self._port, None
        if port is None:
            return
        port.stopListening()
        self._drop_all("the module goes down")
        self._up_again = self.clock.callLater(seconds, self._come_back)

    def status(self) -> dict[str, Any]:
        """What it made, and who is connected."""
        box = self.box
        return {
            "kind": self.name,
            "links": len(self.links),
            "up": self._port is not None,
            "issuing": self.issuing,
            "made": box.counters.made,
            "tests": box.counters.tests,
            "refused": box.counters.refused,
            "licence": box.licence,
        }

    # --- what kinds of modules do differently --------------------------------------------------

    def begin(self, link: Link, asked: Asked) -> None:
        """A call is next on its connection: issuing ones wait for the hardware."""
        link.strikes = False
        if asked.call.makes:
            self.issuing += 1
            link.strikes = self.issuing % self.options.every == 0
            now = self.clock.seconds()
            self._free_at = max(now, self._free_at) + 1 / self.options.speed
            self.after(self._free_at - now, self.perform, link, asked)
        elif isinstance(asked.call, Ping) and 0 < asked.call.sleep_ms <= 60_000:
            self.after(asked.call.sleep_ms / 1000, self.perform, link, asked)
        else:
            self.perform(link, asked)

    def perform(self, link: Link, asked: Asked) -> None:
        """Does it and answers."""
        self.answer(link, asked, self.make(link, asked))

    def make(self, link: Link, asked: Asked) -> Any:  # noqa: ARG002
        """What the call returns, or its ApiError."""
        return self.box.do(asked.call)

    def answer(self, link: Link, asked: Asked, result: Any) -> None:
        """Replies, and goes on with the connection's next call."""
        link.session.respond(asked, result)
        self.next(link)

    # --- for kinds -----------------------------------------------------------------------------

    def after(self, seconds: float, call: Callable[..., None], *args: Any) -> None:
        """Calls later."""
        self.clock.callLater(max(0.0, seconds), call, *args)

    def next(self, link: Link) -> None:
        """The present call of a connection is over: its octets leave, the next one begins."""
        link.wire.touch()
        if link.waiting:
            link.waiting.popleft()
        if link.waiting:
            self.begin(link, link.waiting[0])

    # --- the wire ------------------------------------------------------------------------------

    def _connection(self) -> Wire:
        session = LinkSession()
        wire = Wire(session, lambda _, event: self._event(link, event), self.clock)
        link = Link(wire, session)
        wire.gone = lambda _: self._gone(link)
        self.links.append(link)
        return wire

    def _gone(self, link: Link) -> None:
        self.links.remove(link)
        # What has begun is finished all the same; what waits behind it was never begun.
        while len(link.waiting) > 1:
            link.waiting.pop()

    def _event(self, link: Link, event: Event) -> None:
        if isinstance(event, Asked):
            link.waiting.append(event)
            if len(link.waiting) == 1:
                self.begin(link, event)

    def _drop_all(self, why: str) -> None:
        for link in list(self.links):
            link.wire.close(why, abort=True)

    def _come_back(self) -> None:
        def listening(port: Any) -> None:
            self._port = port

        listen(self._reactor, self._endpoint, self._connection).addCallback(listening)
