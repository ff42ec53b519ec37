"""The POS channel: a TCP server for ISO 8583 terminals and the switches that carry them."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred, succeed

from adapters.iso8583.keys import SessionKeys
from channels.pos import asking
from channels.pos.config import PosConfig
from channels.pos.dating import Dating
from channels.pos.desk import Desk, Line
from channels.pos.ended import Ending
from channels.pos.enquiries import Enquiries
from channels.pos.evidence import Evidence
from channels.pos.printing import Printer
from channels.pos.profile import Profile, loaded
from channels.pos.requests import Requests
from channels.pos.seals import Seals
from channels.pos.session import Came, Limits, Session, Unreadable
from channels.pos.sessionkeys import KeyRing
from channels.pos.terminals import Terminals
from hub import terminalkeys
from hub.channel import Failed, Outbound, Ports, SendResult, Site
from hub.files import read_text
from hub.iso8583 import shipped
from hub.texts import Texts, read_folder
from hub.wire import Monotonic, Wire, listen

#: For what is in flight when we stop: a little longer than a terminal waits.
_DRAIN_S: Final = 30.0


class PosError(ValueError):
    """A channel cannot be made as it is configured; the sentence says why."""


@dataclass(slots=True)
class PosChannel:
    """One port. Implements ``hub.channel.Channel``. It carries no messages out."""

    ports: Ports
    config: PosConfig
    desk: Desk
    clock: Any
    _lines: dict[Wire, Line] = field(default_factory=dict)
    _port: Any = None
    _trouble: str = ""
    _open: "set[Deferred[None]]" = field(default_factory=set)

    # --- what a channel is ----------------------------------------------------------------------

    def start(self) -> None:
        """Listens."""
        listening = maybeDeferred(
            listen, self.ports.reactor, self.config.endpoint, self.wire, self.config.links
        )
        listening.addCallbacks(self._listening, self._deaf)

    def stop(self) -> "Deferred[None]":
        """New requests are told to come again; fires when those in flight have their answers."""
        self.desk.sells_nothing_new()
        for wire in self._lines:
            session: Any = wire.session
            session.drain()
        closing = maybeDeferred(self._port.stopListening) if self._port else succeed(None)
        waiting = DeferredList([closing, *(_after(each) for each in self._open)])
        timer = self.ports.reactor.callLater(_DRAIN_S, self._close_all, "the hub stops")

        def over(_: Any) -> None:
            if timer.active():
                timer.cancel()
            self._close_all("the hub stops")

        return waiting.addCallback(over)

    def capacity(self) -> int:
        """Nothing can be sent: terminals ask, we answer."""
        return 0

    def send(self, outbound: Outbound) -> "Deferred[SendResult]":
        """Refuses: a terminal cannot be told anything unasked."""
        reason = f"POS carries no messages out (message {outbound.message_id})"
        return succeed(Failed(reason, retry=False))

    def status(self) -> Mapping[str, Any]:
        """Whether it listens, links, terminals heard, requests under way, counts since start."""
        state = "stopping" if self.desk.stopping else "up" if self._port else "down"
        return {
            "state": state,
            **({"trouble": self._trouble} if self._trouble else {}),
            "links": len(self._lines),
            "terminals": len(self.desk.terminals),
            "open": self.desk.open,
            "counts": dict(self.desk.evidence.counts),
        }

    @property
    def address(self) -> Any:
        """Where it listens (tests ask for port 0)."""
        return self._port.getHost()

    # --- links ----------------------------------------------------------------------------------

    def wire(self) -> Wire:
        """One connection's."""
        config = self.config
        limits = Limits(config.frame_s, config.idle_s, config.per_second)
        profile = self.desk.profile
        echo = profile.service.keepalive == "echo"
        session = Session(profile.dialect, limits, echo_keepalives=echo)
        wire = Wire(session, self._event, self.clock)
        self._lines[wire] = Line(wire)
        wire.gone = self._gone
        return wire

    def _event(self, wire: Wire, event: Any) -> None:
        line = self._lines[wire]
        if isinstance(event, Came):
            serving = self.desk.came(line, event)
            self._open.add(serving)
            serving.addBoth(lambda _: self._open.discard(serving))
        elif isinstance(event, Unreadable):
            self.desk.unreadable(line, event)

    def _gone(self, wire: Wire) -> None:
        line = self._lines.pop(wire)
        if wire.closed is not None:
            self.desk.evidence.counts["links closed by us"] += 1
            self.ports.log.warning("pos.link-closed", peer=line.peer, reason=wire.closed.reason)

    def _close_all(self, reason: str) -> None:
        for wire in list(self._lines):
            wire.close(reason)

    def _listening(self, port: Any) -> None:
        if self.desk.stopping:  # we were stopped before it was open
            port.stopListening()
        else:
            self._port = port

    def _deaf(self, failure: Any) -> None:
        self._trouble = failure.getErrorMessage()
        self.ports.log.error("pos.not-listening", reason=self._trouble)


def _after(deferred: "Deferred[Any]") -> "Deferred[None]":
    done: Deferred[None] = Deferred()
    deferred.addBoth(lambda _: done.callback(None))
    return done


def build(
    ports: Ports, config: PosConfig, draw: Callable[[int], bytes] = secrets.token_bytes
) -> PosChannel:
    """The channel of one section. DocumentError, PosError, TerminalKeyError, PinKeyError."""
    profile = _profile(ports, config)
    languages = read_folder()
    texts = Texts(languages, ports.company)
    language = texts.language(config.language or next(iter(ports.company.languages), "en"))
    evidence = Evidence(ports, profile)
    ending = Ending(profile, Printer(texts, language, ports.company.name, ports.company.exponent))
    seals = Seals(ports, profile, _ring(ports, config, profile, draw))
    terminals = Terminals(_asker(ports, seals), config.terminals, config.refresh_s)
    desk = Desk(
        ports=ports,
        config=config,
        profile=profile,
        terminals=terminals,
        evidence=evidence,
        ending=ending,
        requests=Requests(ports, config, ending, evidence),
        enquiries=Enquiries(ports, config, ending),
        seals=seals,
        dating=Dating(ports, config, profile, ZoneInfo(ports.company.zone)),
        pin_key=ports.pin_key(),
        language=language,
    )
    return PosChannel(ports, config, desk, Monotonic(ports.reactor))


def check(site: Site, config: PosConfig) -> None:
    """What :func:`build` would find wrong with the files that a section names. ValueError."""
    _ring(site, config, _profile(site, config), secrets.token_bytes)


def _profile(ports: Ports | Site, config: PosConfig) -> Profile:
    files = shipped()
    path = files.get(config.dialect, ports.file(config.dialect))
    return loaded(read_text(Path(path)), f"pos/{path.name}")


def _ring(
    ports: Ports | Site, config: PosConfig, profile: Profile, draw: Callable[[int], bytes]
) -> KeyRing | None:
    company = ports.company
    if not config.keys:
        if profile.dialect.mac is not None and not company.test:
            raise PosError(
                f"channel {ports.name}: {profile.dialect.name} has codes, so `keys` is needed: "
                f"only a test company goes without"
            )
        return None
    master = None
    if config.master_key_file:
        master = terminalkeys.read_master(ports.file(config.master_key_file), test=company.test)
    path = ports.file(config.keys)
    keys = terminalkeys.read(path, master, company.code, test=company.test)
    return KeyRing(keys, profile.service.keys, draw)


def _asker(
    ports: Ports, seals: Seals
) -> Callable[[str], "Deferred[tuple[Any, SessionKeys | None]]"]:
    async def asked(number: str) -> tuple[Any, SessionKeys | None]:
        view = await ports.query(asking.terminal_of, number)
        return view, await seals.kept(number) if view is not None else None

    return lambda number: Deferred.fromCoroutine(asked(number))
