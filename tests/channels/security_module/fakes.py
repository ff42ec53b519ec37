"""The channel of a security module between a module played by hand and a hub in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from adapters.prismtoken.api import Alert, NodeStatus, Token
from adapters.prismtoken.calls import Authorised, FetchTokenResult, GetStatus
from adapters.prismtoken.codes import TABLE, UNANSWERED
from adapters.prismtoken.events import Lost, Refused, Returned
from channels.security_module import CHANNEL
from channels.security_module.config import ModuleConfig
from channels.security_module.service import SecurityModuleChannel
from channels.security_module.translate import order_of
from core.messages import OrderTokens, ReportModule, ReportTokens
from core.queries.modules import Work, order_asked, work_of
from hub.channel import Outbound
from hub.links.prismtoken import CallNotSent
from tests.adapters.prismtoken.orders import METER, token
from tests.channels.harness import START_US, FakePorts


@dataclass
class NotingPorts(FakePorts):
    """Ports with a notebook. ``unwritten``: what the next notes fail with; ``pages``: while it is a
    list, notes wait in it until :meth:`write`; ``unread``: what the next look-ups fail with;
    ``placed``: the orders on file by (number, reference)."""

    name: str = "box"
    notebook: dict[str, str] = field(default_factory=dict)
    unwritten: list[Exception] = field(default_factory=list)
    unread: list[Exception] = field(default_factory=list)
    placed: dict[tuple[Any, ...], OrderTokens] = field(default_factory=dict)
    work: Work = field(default_factory=lambda: Work(0, 0))
    pages: "list[tuple[str, str, Deferred[None]]] | None" = None
    looking: "list[Deferred[str | None]] | None" = None
    log: Any = field(default_factory=lambda: Said())

    def keep(self, key: str, value: str) -> "Deferred[None]":
        if self.unwritten:
            return fail(self.unwritten.pop(0))
        if self.pages is not None:
            done: Deferred[None] = Deferred()
            self.pages.append((key, value, done))
            return done
        self.notebook[key] = value
        return succeed(None)

    def write(self) -> None:
        """The commit of what waits."""
        pages, self.pages = self.pages or [], None
        for key, value, done in pages:
            self.notebook[key] = value
            done.callback(None)

    def query(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        if function is order_asked:
            if self.unread:
                return fail(self.unread.pop(0))
            placed = self.placed.get(args)
            return succeed(msgspec.json.encode(placed).decode() if placed else None)
        assert (function, args) == (work_of, (self.name,))
        return fail(self.unread.pop(0)) if self.unread else succeed(self.work)

    def kept(self, key: str) -> "Deferred[str | None]":
        if self.unread:
            return fail(self.unread.pop(0))
        if self.looking is not None:
            self.looking.append(Deferred())
            return self.looking[-1]
        return succeed(self.notebook.get(key))


class Said:
    """A log that remembers (level, event)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **_: self.lines.append((level, event))


class HandLink:
    """A link whose calls end when the test says so. ``out``: those that have not."""

    def __init__(self, connections: int = 2) -> None:
        self.connections = connections
        self.calls: list[Authorised] = []
        self.statuses: list[Deferred[Any]] = []  # of GetStatus, which takes no connection here
        self.out: list[tuple[Authorised, Deferred[Any]]] = []
        self.breaks = False  # between the look at ``free`` and the call
        self._listeners: list[Callable[[], None]] = []

    def free(self) -> int:
        return max(0, self.connections - len(self.out))

    def on_free(self, callback: Callable[[], None]) -> None:
        self._listeners.append(callback)

    def status(self) -> dict[str, Any]:
        return {"state": "up" if self.connections else "down"}

    def call(self, call: Authorised) -> "Deferred[Any]":
        if isinstance(call, GetStatus) and not self.breaks:
            self.statuses.append(Deferred())
            return self.statuses[-1]
        if self.breaks or not self.free():
            return fail(CallNotSent("no connection"))
        done: Deferred[Any] = Deferred()
        self.calls.append(call)
        self.out.append((call, done))
        return done

    def tell(self) -> None:
        for listener in self._listeners:
            listener()

    def issued(self) -> list[str]:
        """Message ids of the issuing calls, in their order."""
        return [call.message_id for call in self.calls if call.makes]

    def asked(self) -> list[str]:
        """Message ids that were asked about."""
        return [call.req_message_id for call in self.calls if isinstance(call, FetchTokenResult)]

    def pop(self) -> tuple[Authorised, "Deferred[Any]"]:
        """The oldest call that is out."""
        return self.out.pop(0)


class Stage:
    """``channel`` between ``link`` and ``ports``; :meth:`restart` makes another one on the same
    notebook and journal."""

    def __init__(self, connections: int = 2, **options: Any) -> None:
        self.clock = Clock()
        self.options = {"link": "prism", **options}
        self.ports = NotingPorts(self.clock)
        self.begin(connections)

    def begin(self, connections: int = 2) -> None:
        self.link = HandLink(connections)
        self.ports.links = {"prism": self.link}
        made = CHANNEL.build(self.ports, msgspec.convert(self.options, ModuleConfig))
        assert isinstance(made, SecurityModuleChannel)
        self.channel = made
        self.channel.start()

    def restart(self, after_s: float = 0.0, connections: int = 2) -> None:
        """The process was killed; another one starts."""
        self.clock = Clock()
        self.clock.advance((self.ports.now_us() - START_US) / 1e6 + after_s)
        self.ports.reactor = self.clock
        self.begin(connections)

    def send(self, message: OrderTokens, since_us: int = 0) -> "Deferred[Any]":
        """The hub hands over an order that a decision has placed so."""
        self.ports.placed[message.order, message.reference] = message
        return self.hands_over(message, since_us)

    def hands_over(self, message: OrderTokens, since_us: int = 0) -> "Deferred[Any]":
        """The hub hands over a message, whatever was placed."""
        at_us = since_us or self.ports.now_us()
        id_ = str(UUID(int=(at_us // 1000) << 80 | 7 << 76 | message.order))
        return self.channel.send(Outbound(id_, message, 1, message.reference))

    def advance(self, seconds: float) -> None:
        """Time passes in steps of the channel's own tick."""
        whole = int(seconds)
        for _ in range(whole):
            self.clock.advance(1.0)
        self.clock.advance(seconds - whole)

    # --- what the module does -------------------------------------------------------------------

    def makes(self, message: OrderTokens, **other: Any) -> None:
        """The oldest call comes back with the order's token."""
        call, done = self.link.pop()
        done.callback(Returned(done, call, made_for(message, **other), 0.1))
        self.link.tell()

    def refuses(self, error_id: str, sentence: str = "no") -> None:
        """The oldest call is refused."""
        call, done = self.link.pop()
        done.callback(Refused(done, call, error_id, sentence, TABLE[error_id]))
        self.link.tell()

    def loses(self) -> None:
        """Nobody knows what became of the oldest call."""
        call, done = self.link.pop()
        done.callback(Lost(done, call, "no answer within 10 s", UNANSWERED))
        self.link.tell()

    def says(self, *alerts: str, **info: str) -> None:
        """The answer to the oldest question for its status."""
        told = tuple(Alert("EAlert", text) for text in alerts)
        call = GetStatus(message_id="s")
        done = self.link.statuses.pop(0)
        done.callback(Returned(done, call, (NodeStatus(info, told),), 0.1))

    # --- what the hub sees ----------------------------------------------------------------------

    def reports(self) -> list[tuple[int, str]]:
        """(order, state) of what was journaled."""
        return [(each.order, str(each.state)) for each in self.told()]

    def told(self) -> list[ReportTokens]:
        found = self.ports.messages()
        return [each for each in found if isinstance(each, ReportTokens)]

    def counts(self) -> list[tuple[int, int]]:
        """(counted, logged) of what was journaled."""
        found = self.ports.messages()
        return [(each.counted, each.logged) for each in found if isinstance(each, ReportModule)]

    def step_of(self, message: OrderTokens) -> str | None:
        """The step that is on disk."""
        note = self.ports.notebook.get(message.reference)
        return str(msgspec.json.decode(note)["step"]) if note else None


def order(number: int = 1, **changes: Any) -> OrderTokens:
    """An order for a credit of 28.1 kWh."""
    plain = OrderTokens(
        module="box",
        order=number,
        reference=f"0197-order-{number}",
        meter=METER.drn,
        pan=METER.pan,
        ea=METER.ea,
        tct=METER.tct,
        sgc=METER.sgc,
        krn=METER.krn,
        ti=METER.ti,
        ken=METER.ken,
        token_class=0,
        subclass=0,
        amount=281,
        tid=6_266_184 + number,
        base=2014,
    )
    return msgspec.structs.replace(plain, **changes)


def made_for(message: OrderTokens, place: int = 0, **other: Any) -> tuple[Token, ...]:
    """What a good module makes; other digits for another ``place``."""
    return (token(order_of(message), message.order + place, **other),)


def outcome(done: "Deferred[Any]") -> Any:
    """What a deferred has ended with; None while it waits for another one."""
    found: list[Any] = []
    done.addBoth(lambda result: found.append(result) or result)  # type: ignore[func-returns-value]
    return found[0] if found else None


__all__ = ["Stage", "made_for", "order", "outcome"]
