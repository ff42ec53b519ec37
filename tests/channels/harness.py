"""What every channel test stands on: the hub in memory.

:class:`FakePorts` journals arrivals into a list, remembers keys as the hub does (window, repeats,
reuse with other content), answers queries and commands from scripts, and lives on the clock that
it is given: a day of repeats takes a millisecond. It writes nothing and decides nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from twisted.internet.defer import Deferred, fail, succeed

from core.messages import Answer, Message
from core.messages.base import hashed_fields
from core.queries.customer import phone_languages
from core.queries.views import PhoneView
from core.wallets.terms import WalletTerms
from hub.channel import Accepted, Arrival, KeyReused
from tests.hub.links.memory_smsc import quiet_log

#: Wall clock of the tests at their second 0: 2026-11-21 09:00 UTC.
START_US = 1_795_251_600_000_000


@dataclass(frozen=True)
class House:
    """A company for tests."""

    code: str = "demo"
    name: str = "Demo Power"
    zone: str = "Africa/Kampala"
    currency: str = "UGX"
    exponent: int = 0
    languages: tuple[str, ...] = ("en", "sw", "fr", "zh")
    test: bool = False
    country_code: str = "256"
    help_line: str = "0800 100 100"
    wallets: WalletTerms = field(default_factory=WalletTerms)


@dataclass
class _Key:
    message_id: str
    content: list[Any]
    until_us: int


@dataclass
class FakePorts:
    """``hub.channel.Ports`` in memory.

    ``arrivals``: what was journaled as new, ``repeats`` how often a key came again, ``notes`` what
    was recorded. ``trouble``: what the next accepts fail with. ``held``: while it is a list,
    accepts wait in it until :meth:`commit`. ``answers``: key -> the stored answer of a repeat.
    ``views``: phone -> what a query gives (None: not registered).
    """

    reactor: Any
    name: str = "sms1"
    company: House = field(default_factory=House)
    links: Mapping[str, Any] = field(default_factory=dict)
    log: Any = field(default_factory=quiet_log)
    arrivals: list[Arrival] = field(default_factory=list)
    repeats: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    views: dict[str, PhoneView | Exception] = field(default_factory=dict)
    says: dict[Callable[..., Any], Any] = field(default_factory=dict)  # what other queries give
    queries: list[tuple[Any, ...]] = field(default_factory=list)
    held: "list[tuple[Arrival, Deferred[Accepted]]] | None" = None
    wakes: int = 0
    mounted: dict[str, Any] = field(default_factory=dict)
    pins: bytes | None = None  # the company's key of PINs
    _keys: dict[str, _Key] = field(default_factory=dict)

    def accept(self, arrival: Arrival) -> "Deferred[Accepted]":
        if self.trouble:
            return fail(self.trouble.pop(0))
        if self.held is not None:
            done: Deferred[Accepted] = Deferred()
            self.held.append((arrival, done))
            return done
        return self._journal(arrival)

    def commit(self) -> None:
        """Journals what is held."""
        held, self.held = self.held or [], None
        for arrival, done in held:
            self._journal(arrival).chainDeferred(done)

    def _journal(self, arrival: Arrival) -> "Deferred[Accepted]":
        content = hashed_fields(arrival.message)
        known = self._keys.get(arrival.key)
        if known is not None and known.until_us > self.now_us():
            self.repeats.append(arrival.key)
            if known.content != content:
                return fail(KeyReused(arrival.key))
            return succeed(Accepted(known.message_id, True, self.answers.get(arrival.key)))
        self.arrivals.append(arrival)
        message_id = str(UUID(int=(self.now_us() // 1000) << 80 | len(self.arrivals)))
        until = self.now_us() + int(arrival.valid_for_s * 1_000_000)
        self._keys[arrival.key] = _Key(message_id, content, until)
        return succeed(Accepted(message_id))

    def answer(self, message_id: str, within_s: float) -> "Deferred[Answer | None]":
        raise NotImplementedError("a channel that waits for answers scripts them itself")

    def query(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        self.queries.append((function.__name__, *args))
        if function is phone_languages:
            return self._languages(args[0])
        if function in self.says:
            return succeed(self.says[function])
        view = self.views.get(args[0], PhoneView(msisdn=str(args[0]), registered=False))
        return fail(view) if isinstance(view, Exception) else succeed(view)

    def _languages(self, phones: tuple[str, ...]) -> "Deferred[Any]":
        views = {phone: self.views[phone] for phone in phones if phone in self.views}
        trouble = [view for view in views.values() if isinstance(view, Exception)]
        if trouble:
            return fail(trouble[0])
        return succeed({phone: getattr(view, "language", "") for phone, view in views.items()})

    def record(self, key: str, raw: str, party: str = "") -> None:
        self.notes.append((key, raw))

    def pin_key(self) -> bytes | None:
        return self.pins

    def link(self, name: str) -> Any:
        return self.links[name]

    def now_us(self) -> int:
        return START_US + int(self.reactor.seconds() * 1_000_000)

    def wake(self) -> None:
        self.wakes += 1

    def mount(self, path: str, handler: Any) -> None:
        self.mounted[path] = handler

    def messages(self) -> list[Message]:
        """The canonical messages of what was journaled."""
        return [arrival.message for arrival in self.arrivals]
