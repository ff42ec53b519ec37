"""A PrismToken as a service: keeps its connections up and carries one call on each at a time.

What is called and what its outcome means is the channel's business; here a call ends in exactly one
of ``Returned``, ``Refused`` and ``Lost``, or it surely never left (:class:`CallNotSent`).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail, gatherResults

from adapters._session import CloseLink
from adapters.prismtoken.calls import Authorised
from adapters.prismtoken.errors import LocalError
from adapters.prismtoken.events import (
    AnyEvent,
    Defect,
    Lost,
    Outcome,
    Ready,
    Refused,
    Returned,
    SignInRefused,
)
from adapters.prismtoken.session import TokenSession
from hub.dialer import Backoff, Dialer
from hub.links.prismtoken_config import PrismLinkConfig
from hub.links.surroundings import Surroundings, read_password
from hub.wire import Wire


class CallNotSent(Exception):  # noqa: N818 - an outcome, not a fault
    """The call never left: surely nothing was made."""


def make_link(name: str, options: Mapping[str, Any], reactor: Any, base: Path) -> "PrismLink":
    """The link of a configuration's section; msgspec.ValidationError names the wrong field."""
    config = msgspec.convert(options, PrismLinkConfig)
    password = read_password(config.password_file, base)
    return PrismLink(config, password, Surroundings.of(name, reactor))


@dataclass(frozen=True, slots=True)
class _Gone:
    """Our own event, after the last of a connection's."""

    reason: str


class _Session(TokenSession):
    """One connection; says when it is gone."""

    def lost(self, reason: str, now: float) -> list[Any]:
        return [*super().lost(reason, now), _Gone(reason)]


class _Line:
    """One connection, and whether somebody has it for his next call."""

    def __init__(self, session: TokenSession, dialer: Dialer) -> None:
        self.session = session
        self.dialer = dialer
        self.leaving: Deferred[None] | None = None
        self.closing = False  # its dialer was told to stop: a connection ends in two events

    @property
    def free(self) -> bool:
        return self.session.ready and self.leaving is None


class PrismLink:
    """One module's link; see :class:`PrismLinkConfig`."""

    def __init__(self, config: PrismLinkConfig, password: str, around: Surroundings) -> None:
        self.config = config
        self._log = around.log
        self._clock = around.clock
        self._counters: Counter[str] = Counter()
        self._listeners: list[Callable[[], None]] = []
        self._telling = False
        self._stopping = False
        self._lines = [self._line(place, password, around) for place in range(config.connections)]

    def _line(self, place: int, password: str, around: Surroundings) -> _Line:
        config = self.config
        session = _Session(config.login(password), config.settings())
        backoff = Backoff(first=config.reconnect_first_s, longest=config.reconnect_longest_s)
        dialer = Dialer(
            around.reactor,
            config.endpoint,
            session,
            partial(self._on_event, place),
            around.draw,
            backoff,
            around.clock,
        )
        return _Line(session, dialer)

    # --- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Connects and stays connected."""
        for line in self._lines:
            line.dialer.start()

    def stop(self) -> "Deferred[None]":
        """Leaves after the calls that are out (or their deadlines) and closes."""
        self._stopping = True
        done = []
        for line in self._lines:
            if line.dialer.wire is None:
                done.append(line.dialer.stop())
            else:
                line.leaving = Deferred()
                done.append(line.leaving)
                line.dialer.wire.handle(line.session.leave(self._clock.seconds()))
        return gatherResults(done).addCallback(lambda _: None)

    # --- for channels ---------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether a connection is signed in."""
        return not self._stopping and any(not line.session.over() for line in self._lines)

    def free(self) -> int:
        """How many calls it can take now."""
        return 0 if self._stopping else sum(line.free for line in self._lines)

    def on_free(self, callback: Callable[[], None]) -> None:
        """Call back after :meth:`free` has grown; at most once a turn of the reactor."""
        self._listeners.append(callback)

    def call(self, call: Authorised) -> "Deferred[Outcome]":
        """Send a call; fires with its one outcome. Fails with CallNotSent, or LocalError for a
        call that cannot be written."""
        line = next((line for line in self._lines if line.free), None)
        if line is None or self._stopping:
            return fail(CallNotSent("no connection to the module is free"))
        done: Deferred[Outcome] = Deferred()
        try:
            line.session.call(call, done, self._clock.seconds())
        except LocalError:
            return fail()
        self._counters["calls"] += 1
        line.dialer.touch()
        return done

    def status(self) -> Mapping[str, Any]:
        """State of each connection, and counts since start."""
        return {
            "state": "up" if self.up else "down",
            "connections": [line.session.state.value for line in self._lines],
            "peer": self.config.endpoint,
            **self._counters,
        }

    # --- inside ---------------------------------------------------------------------------------

    def _tell_free(self) -> None:
        if not self._telling and self._listeners:
            self._telling = True
            self._clock.callLater(0, self._told)

    def _told(self) -> None:
        self._telling = False
        for listener in self._listeners:
            listener()

    def _on_event(self, place: int, _wire: Wire, event: AnyEvent | _Gone) -> None:
        match event:
            case Ready():
                self._tell_free()
            case Returned() | Refused() | Lost():
                self._ended(event)
            case SignInRefused():
                self._counters["sign-ins refused"] += 1
                self._log.error("module.not-let-in", why=event.sentence)
            case Defect():
                self._counters["defects"] += 1
                self._log.warning("module.broke-protocol", why=event.why)
            case CloseLink() | _Gone():
                self._closing(self._lines[place], event)

    def _ended(self, outcome: Outcome) -> None:
        self._counters[type(outcome).__name__.lower()] += 1
        done = outcome.tag
        assert isinstance(done, Deferred), "the tag of every call is its deferred"
        done.callback(outcome)

    def _closing(self, line: _Line, event: CloseLink | _Gone) -> None:
        if isinstance(event, _Gone):
            self._log.info("module.link-lost", reason=event.reason)
        if line.leaving is not None and not line.closing:
            line.closing = True
            line.dialer.stop().chainDeferred(line.leaving)
