"""The hub as one channel sees it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from twisted.internet.defer import Deferred, fail
from twisted.internet.threads import deferToThread

from core.company import Terms
from core.messages import Answer
from core.store.upgrade import Store
from hub.answers import Answers
from hub.channel import Accepted, Arrival, HttpHandler, Overloaded
from hub.intake import Intake
from hub.journal import Entry, Noted
from hub.notebook import Notebook, note_of
from hub.outbound import OutboundStage
from hub.pins import read_key
from hub.routing import Routing, RoutingError

if TYPE_CHECKING:  # the command line speaks to ports without a server of its own
    from hub.http import HttpService
    from hub.pausing import Pause
    from hub.quotas import Quota

#: A key is remembered at most this long, whatever a channel asks for: retention is 13 months.
MAX_VALID_S = 400 * 86_400.0


@dataclass(slots=True)
class HubPorts:
    """Implements ``hub.channel.Ports`` for one channel instance."""

    name: str
    company: Terms
    reactor: Any
    log: Any
    intake: Intake
    answers: Answers
    outbound: OutboundStage
    notebook: Notebook
    routing: Routing
    readers: Store
    http: "HttpService"
    links: dict[str, Any]
    clock_us: Callable[[], int]
    base: Path = Path()  # the configuration's folder
    pin_key_file: str = ""  # of the company; empty: it has no cashiers
    paused: "Pause | None" = None  # nothing is taken in, nothing handed out
    quota: "Quota | None" = None  # what its partner may ask for
    arrived_us: int = 0  # when something last arrived; 0: nothing since the start
    mounted: list[str] = field(default_factory=list)

    def accept(self, arrival: Arrival) -> "Deferred[Accepted]":
        """Journal it. Fires after the commit; fails with Overloaded or KeyReused."""
        if self.paused is not None:
            return fail(Overloaded(f"{self.name} is paused {self.paused.words()}"))
        if self.quota is not None and (why := self.quota.refuses(arrival.message)):
            return fail(Overloaded(f"{self.name}: {why}"))
        try:
            routes = self.routing.routes(self.company.code, arrival.message)
        except RoutingError as error:
            return fail(error)
        self.arrived_us = self.clock_us()
        entry = Entry(self.company.code, self.name, arrival, routes, self.company.test)
        return self.intake.accept(entry)

    def record(self, key: str, raw: str, party: str = "") -> None:
        """Journal something that asks for nothing."""
        self.arrived_us = self.clock_us()
        self.intake.record(Noted(self.company.code, self.name, key, party, raw))

    def keep(self, key: str, value: str) -> "Deferred[None]":
        """Note something for the time after a crash. Fires after the commit."""
        return self.notebook.keep(self.name, key, value)

    def kept(self, key: str) -> "Deferred[str | None]":
        """The note that this channel left under a key."""
        return deferToThread(self._kept, key)

    def _kept(self, key: str) -> str | None:
        with self.readers.reader() as reader:
            return note_of(reader, self.name, key)

    def answer(self, message_id: str, within_s: float) -> "Deferred[Answer | None]":
        """The answer when it is there; None when the time is over."""
        return self.answers.wait(message_id, within_s, self.reactor)

    def query(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        """Run a query of ``core.queries`` on a reader, in a thread."""
        return deferToThread(self._query, function, *args)

    def _query(self, function: Callable[..., Any], *args: Any) -> Any:
        with self.readers.reader() as reader:
            return function(reader, self.company, *args)

    def file(self, name: str) -> Path:
        """A file that the configuration names."""
        return self.base / name

    def pin_key(self) -> bytes | None:
        """The company's key of PINs. PinKeyError."""
        return read_key(self.file(self.pin_key_file)) if self.pin_key_file else None

    def link(self, name: str) -> Any:
        """A shared link; the configuration names it."""
        if name not in self.links:
            known = ", ".join(self.links) or "none"
            raise LookupError(f"channel {self.name}: no link {name} (known: {known})")
        return self.links[name]

    def now_us(self) -> int:
        """Wall clock, microseconds UTC."""
        return self.clock_us()

    def wake(self) -> None:
        """Capacity has grown."""
        self.outbound.wake(self.name)

    def mount(self, path: str, handler: HttpHandler) -> None:
        """Serve a path of the hub's HTTP server."""
        self.http.mount(path, handler)
        self.mounted.append(path)

    def unmount(self) -> None:
        """The channel is closed: its paths are served no more."""
        for path in self.mounted:
            self.http.unmount(path)
        self.mounted.clear()


def logger(name: str) -> Any:
    """A logger bound to a channel's name."""
    return structlog.get_logger("channel").bind(channel=name)
