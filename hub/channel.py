"""What a channel is to the hub, and what the hub is to a channel.

A channel package exports one ``CHANNEL: ChannelSpec``. ``build`` gets a :class:`Ports` and the
channel's own configuration struct and returns a :class:`Channel`. It is named in the
configuration (``[channels.<name>] kind = "sms"``), never imported by the hub's code.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec
import structlog
from twisted.internet.defer import Deferred

from core.messages import Answer, Message
from core.wallets.terms import WalletTerms


@dataclass(frozen=True, slots=True)
class Arrival:
    """One thing that arrived from a counterpart, to be journaled before it is acknowledged.

    ``key`` is the counterpart's own id of the request, or the natural key that stands for it: a
    repeat under the same key gets the stored answer. ``raw`` is what came over the wire as text
    (hex when ``raw_is_hex``), secrets already redacted. ``partition_ref`` names what orders it:
    ``meter/<drn>``, ``account/<number>`` or ``phone/<msisdn>``; the journal resolves it to the
    account of the beneficiary. ``valid_for_s``: how long the key is remembered as a repeat;
    ``grace_s``: how much longer this arrival still counts as one (the counterpart may be delivering
    again what it had no answer to while the link was down). ``ask_again_after_s``: a stored refusal
    older than this is no answer any more: nothing had moved, so it is asked anew.
    """

    key: str
    message: Message
    raw: str
    partition_ref: str
    raw_is_hex: bool = False
    source_id: str = ""
    reply_within_s: float | None = None
    expires_in_s: float | None = None
    valid_for_s: float = 86_400.0
    grace_s: float = 0.0
    ask_again_after_s: float | None = None
    correlation: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The arrival is safe on disk. A repeat names the first message and its answer, if any."""

    message_id: str
    repeat: bool = False
    answer: Answer | None = None


class Overloaded(Exception):  # noqa: N818 - an answer to the edge, not a fault
    """The hub is full: nothing was accepted. Say so on the wire (SMPP 0x14, HTTP 503, POS 91)."""


class KeyReused(Exception):  # noqa: N818
    """The key was used with other content: quarantined, nothing done."""


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message for this channel to carry out. ``attempt`` counts from 1."""

    message_id: str
    message: Message
    attempt: int
    correlation: str
    expires_at_us: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The counterpart has taken it. ``references`` are its own ids (one per part)."""

    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """It was not taken. ``retry``: try again by the schedule; else it goes to dead letters.

    The class ``NOT_SENT`` says that it never left (the link was lost before): it is tried again
    when there is room, and no attempt is burned.
    """

    reason: str
    retry: bool
    error_class: str = "channel"


NOT_SENT = "link"
SendResult = Sent | Failed


class Channel(Protocol):
    """A running conversation with a counterpart."""

    def start(self) -> None:
        """Open links and listeners. Must not block."""

    def stop(self) -> "Deferred[None]":
        """Stop taking in, finish what is in flight within the drain limit, close."""

    def capacity(self) -> int:
        """How many more messages it can take now (0: not connected or window full)."""

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        """Carry out one message; the deferred must always fire."""

    def status(self) -> Mapping[str, Any]:
        """For /readyz, ``wattbus top`` and the console: state, peers, counters."""


@runtime_checkable
class Abortable(Protocol):
    """A channel with a connection of its own that may stay open for long when it is stopped."""

    def abort(self) -> None:
        """After ``stop``: close at once, for another node serves the counterpart by now. What is in
        flight is nobody's; its deferreds need not fire."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as it came; ``form`` and ``query`` keep doubled fields as several values."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    peer: str


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What goes back; content type is text/plain unless said otherwise."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


#: Answers a request with a Deferred, or as a coroutine that awaits Deferreds.
HttpHandler = Callable[[HttpRequest], "Deferred[HttpResponse] | Coroutine[Any, Any, HttpResponse]"]


class Company(Protocol):
    """What a channel may know of the company it serves."""

    @property
    def code(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def zone(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def exponent(self) -> int: ...
    @property
    def languages(self) -> tuple[str, ...]: ...
    @property
    def test(self) -> bool: ...
    @property
    def country_code(self) -> str: ...
    @property
    def help_line(self) -> str: ...
    @property
    def wallets(self) -> WalletTerms: ...


class Ports(Protocol):
    """The hub as a channel sees it."""

    name: str  # the instance's name in the configuration
    company: Company
    reactor: Any  # IReactorTime + IReactorTCP + …
    log: structlog.stdlib.BoundLogger

    def accept(self, arrival: Arrival) -> "Deferred[Accepted]":
        """Journal it. Fires after the commit; fails with Overloaded or KeyReused."""

    def answer(self, message_id: str, within_s: float) -> "Deferred[Answer | None]":
        """The answer when it is there; None when the time is over (outcome unknown)."""

    def query(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        """Run ``function(reader, company_code, *args)`` of core.queries outside the reactor."""

    def record(self, key: str, raw: str, party: str = "") -> None:
        """Journal something that arrived and asks for nothing (a menu hop), secrets redacted.

        ``party`` is the phone that an operator will search for.
        """

    def keep(self, key: str, value: str) -> "Deferred[None]":
        """Note a text under a key of the channel's own, for the time after a crash. Fires after
        the commit: then what it says may be done."""

    def kept(self, key: str) -> "Deferred[str | None]":
        """The note that this channel left under a key."""

    def file(self, name: str) -> Path:
        """A file that the channel's configuration names, relative to the configuration's own."""

    def pin_key(self) -> bytes | None:
        """The key that the company proves cashiers' PINs by (``hub.pins``); None: it has none."""

    def link(self, name: str) -> Any:
        """A shared link of the configuration (``[links.<name>]``), e.g. one SMPP bind."""

    def now_us(self) -> int:
        """Wall clock, microseconds UTC."""

    def wake(self) -> None:
        """Capacity has grown: the hub may hand over more outbound messages."""

    def mount(self, path: str, handler: "HttpHandler") -> None:
        """Serve POST, PUT and GET on a path of the hub's HTTP server; ``/{rest:path}`` at its end:
        all below it."""


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """What a channel package exports as ``CHANNEL``."""

    kind: str
    config: type[msgspec.Struct]
    build: Callable[[Any, Any], Channel]  # (Ports, config) -> Channel
    carries: tuple[str, ...] = ()  # ways of notices that it can send: ("sms",)
    inspectors: Mapping[str, Callable[[bytes], Any]] = field(default_factory=dict)
    mappings: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)  # kind -> loader
    cases: Mapping[str, Callable[[str], int]] = field(default_factory=dict)  # kind -> runs them
    #: Reads the files that the options name, for ``wattbus check``. ValueError: what is wrong.
    check: "Callable[[Site, Any], None] | None" = None


@dataclass(frozen=True, slots=True)
class Site:
    """What is known of a channel's section without a hub: as much of :class:`Ports`."""

    name: str
    company: Company
    base: Path

    def file(self, name: str) -> Path:
        """A file that the channel's configuration names."""
        return self.base / name
