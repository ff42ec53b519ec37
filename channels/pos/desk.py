"""The conversation with terminals: one request from its octets to its answer.

A request is journaled before anything is done (``ports.accept``); what only asks is a query. What
is not known when the terminal's patience ends is answered ``late``, never as a decline.
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from twisted.internet.defer import Deferred

from adapters.iso8583.errors import IsoError, PinBlockError
from adapters.iso8583.message import Message as Iso
from adapters.iso8583.vocabulary import is_repeat
from channels.pos.config import PosConfig
from channels.pos.dating import OF_OTHERS, Dating
from channels.pos.ended import APPROVED, Ended, Ending
from channels.pos.enquiries import Enquiries, said_to
from channels.pos.evidence import Evidence
from channels.pos.profile import Profile
from channels.pos.reply import Reply, is_asked, octets
from channels.pos.requests import Requests
from channels.pos.seals import Seals
from channels.pos.session import Came, Unreadable
from channels.pos.states import ALLOWED, Link, Verdict
from channels.pos.terminals import MOST_REPEATS, Terminal, Terminals
from channels.pos.translate import Asked
from channels.pos.values import Facts
from hub.channel import Ports
from hub.msisdn import e164
from hub.pins import proof
from hub.wire import Wire

#: Messages that cannot be read before a link is closed: more is no peer of ours.
MOST_UNREADABLE: Final = 20
#: Operations of the link: answered whoever asks, and nobody is told.
_OF_LINK: Final = frozenset({"echo", "cut_over"})
_ASKS: Final = frozenset({"enquiry", "reprint", "parameters", "emergency"})
_SELLS: Final = frozenset({"vend", "pay"})


@dataclass(slots=True)
class Line:
    """What is counted of one connection."""

    wire: Wire
    open: int = 0
    unreadable: int = 0

    @property
    def peer(self) -> str:
        """The other end, for logs."""
        return str(getattr(self.wire.peer, "host", "") or "")


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request of a terminal that may be served. ``key`` names it as long as it is remembered."""

    line: Line
    came: Came
    operation: str
    terminal: Terminal
    day: int = 0
    stan: int = 0
    about: str = ""  # the number of the item that it is about, whose day ``day`` is then

    @property
    def key(self) -> str:
        """Terminal, business day, number and class of the message. What is about another item has
        that one's day, on which its own number may have been another's: so that one's number too.
        """
        kind = self.came.message.mti[1]
        key = f"{self.terminal.number}/{self.day}/{self.stan}/{kind}"
        return f"{key}/{self.about}" if self.about else key


@dataclass(slots=True)
class Desk:
    """Serves all links of one channel."""

    ports: Ports
    config: PosConfig
    profile: Profile
    terminals: Terminals
    evidence: Evidence
    ending: Ending
    requests: Requests
    enquiries: Enquiries
    seals: Seals
    dating: Dating
    pin_key: bytes | None
    language: str
    stopping: bool = False
    open: int = 0
    _zone: ZoneInfo = field(init=False)

    def __post_init__(self) -> None:
        self._zone = ZoneInfo(self.ports.company.zone)

    # --- what comes ----------------------------------------------------------------------------

    def unreadable(self, line: Line, came: Unreadable) -> None:
        """Answers a format error where the type and the number can be read, else closes."""
        pin = isinstance(came.error, PinBlockError)
        self.evidence.malformed(line.peer, came.error.path, came.error.why, len(came.data))
        if pin:
            self.evidence.alarm("pin-block", "", line.peer)
        line.unreadable += 1
        request = Iso(came.mti, dict(came.error.partial), came.header)
        readable = came.mti and is_asked(came.mti) and self.profile.take(request, "stan")
        if not readable or line.unreadable > MOST_UNREADABLE:
            line.wire.close(f"unreadable message: {came.error.path}")
            return
        self._send(line, request, "", Ended("format_error"), None)

    def came(self, line: Line, came: Came) -> "Deferred[None]":
        """One message; fires when it has its answer. Never fails."""
        line.open += 1
        self.open += 1
        done = Deferred.fromCoroutine(self._guarded(line, came))

        def over(_: Any) -> None:
            line.open -= 1
            self.open -= 1

        return done.addBoth(over)

    async def _guarded(self, line: Line, came: Came) -> None:
        try:
            await self._served(line, came)
        except Exception:  # our own bug must not hold the line; the terminal repeats
            self.evidence.counts["failed"] += 1
            self.ports.log.exception("pos.request-failed", mti=came.message.mti)

    async def _served(self, line: Line, came: Came) -> None:
        message = came.message
        if not is_asked(message.mti):
            self.evidence.counts["not asked"] += 1
            return
        operation = self.profile.operation(message) or ""
        self.evidence.counts[operation or "no operation"] += 1
        early = self._early(line, message, operation)
        if early is not None:
            self._send(line, message, operation, early, None)
            return
        number = self.profile.take(message, "terminal")
        try:
            found = self.terminals.find(number, self.ports.reactor.seconds())
            terminal = await found if isinstance(found, Deferred) else found
        except Exception:  # the books are away: nothing was accepted
            self.ports.log.exception("pos.terminal-not-asked")
            self._send(line, message, operation, Ended("away"), None)
            return
        await self._of_terminal(Ticket(line, came, operation, terminal))

    def _early(self, line: Line, message: Iso, operation: str) -> Ended | None:
        """What is answered without looking at a terminal."""
        if not operation:
            return Ended("invalid_transaction")
        if operation in _OF_LINK:
            return Ended(APPROVED, True)
        state = getattr(line.wire.session, "state", Link.UP)
        if self.stopping or state is Link.DRAINING or line.open > self.config.open_per_link:
            return self.ending.refused("overloaded", {})
        stan = self.profile.take(message, "stan")
        if not self.profile.take(message, "terminal") or not (stan.isascii() and stan.isdigit()):
            return Ended("format_error")
        return None

    # --- of one terminal ------------------------------------------------------------------------

    async def _of_terminal(self, ticket: Ticket) -> None:
        line, came, terminal = ticket.line, ticket.came, ticket.terminal
        verdict = ALLOWED[terminal.standing, ticket.operation]
        if verdict is not Verdict.GO:
            self.evidence.alarm(f"terminal-{terminal.standing}", terminal.number, line.peer)
        if terminal.view is None:
            self._refuse(ticket, "terminal-unknown", None)
            return
        key, right = self.seals.check(terminal, came, ticket.operation)
        if not right:
            self._wrong_code(ticket)
        elif verdict is Verdict.NO:
            self._refuse(ticket, "terminal-blocked", key)
        else:
            ended = await self._ended(ticket)
            if ended is not None:
                self._send(line, came.message, ticket.operation, ended, key)

    def _refuse(self, ticket: Ticket, code: str, key: bytes | None) -> None:
        refused = self.ending.refused(code, {"terminal": ticket.terminal.number})
        self._send(ticket.line, ticket.came.message, ticket.operation, refused, key)

    def _wrong_code(self, ticket: Ticket) -> None:
        """Never processed."""
        line, came, terminal = ticket.line, ticket.came, ticket.terminal
        self.evidence.alarm("wrong-code", terminal.number, line.peer)
        self.evidence.note("wrong-code", came.message, came.data)
        if self.profile.service.seal.wrong == "close":
            line.wire.close("wrong message authentication code")
            return
        key = terminal.keys.current if terminal.keys is not None else None
        self._send(line, came.message, ticket.operation, Ended("wrong_mac"), key)

    async def _ended(self, ticket: Ticket) -> Ended | None:
        """How it ended; None: no answer, for the first of its kind has one coming."""
        message, operation, terminal = ticket.came.message, ticket.operation, ticket.terminal
        if operation == "key_exchange":
            return await self._with_key(terminal, Ended(APPROVED, True))
        if operation in _ASKS:
            self.evidence.note(operation, message, ticket.came.data)
            return await self.enquiries.run(self._asked(ticket), terminal)
        day = await self.dating.day(message, operation, terminal.number)
        if day is None:
            return Ended("away")
        stan = int(self.profile.take(message, "stan"))
        about = self.profile.take(message, "original_stan") if operation in OF_OTHERS else ""
        ticket = Ticket(ticket.line, ticket.came, operation, terminal, day, stan, about)
        busy = self._busy(ticket)
        if busy is not None:
            self.evidence.counts[busy] += 1
            return Ended("in_progress") if busy == "busy" else None
        terminal.begin(ticket.key)
        try:
            return await self._told(ticket)
        finally:
            terminal.end(ticket.key)

    def _busy(self, ticket: Ticket) -> str | None:
        """Why a request has to wait: a terminal has one sale under way, and some repeats of it."""
        under_way, key = ticket.terminal.open, ticket.key
        if under_way[key] >= MOST_REPEATS:
            return "repeats dropped"
        others = [each for each in under_way if each != key]
        if len(others) >= self.config.open_per_terminal:
            return "busy"
        if ticket.operation in _SELLS and any(each.endswith("/2") for each in others):
            return "busy"
        return None

    async def _told(self, ticket: Ticket) -> Ended:
        """Told to the hub, after what only the channel can see: its clock, its PIN."""
        message, operation, terminal = ticket.came.message, ticket.operation, ticket.terminal
        name = (terminal.number, ticket.day, ticket.stan)
        off = await self.dating.wrong_clock(message, operation, name)
        if off:
            self.evidence.counts["clock"] += 1
            self.evidence.note("clock", message, ticket.came.data)
            if is_repeat(message.mti):  # its original may be under way and not in the books yet
                return self.ending.late()
            args = {"terminal": terminal.number, "off": off}
            return self.ending.refused("terminal-clock", args)
        raw = self.evidence.raw(message, ticket.came.data)
        asked = self._asked(ticket)
        ended = await self.requests.run(asked, ticket.key, raw, ticket.line.peer)
        # who is at it has changed, or what we know of it is old: it was bound to another agent, say
        if operation in ("sign_on", "sign_off") or ended.code.startswith("terminal-"):
            self.terminals.forget_view(terminal.number)
        if operation == "sign_on" and ended.done:
            return await self._with_key(terminal, ended, again=is_repeat(message.mti))
        return ended

    def _asked(self, ticket: Ticket) -> Asked:
        message, operation, terminal = ticket.came.message, ticket.operation, ticket.terminal
        view, take = terminal.view, partial(self.profile.take, message)
        pin, cashier = take("pin"), take("cashier")[:8]
        company = self.ports.company
        proved = ""
        if pin and self.pin_key is not None and operation == "sign_on":
            proved = proof(self.pin_key, company.code, view.agent, cashier, pin)
        return Asked(
            profile=self.profile,
            message=message,
            operation=operation,
            terminal=terminal.number,
            agent=view.agent,
            stan=int(take("stan")),
            day=ticket.day,
            currency=company.currency,
            language=self.language,
            msisdn=lambda text: e164(text, company.country_code),
            proof=proved,
            cashier=view.cashier,
            sent_us=self.dating.sent_us(message) if operation == "advice" else 0,
            former=view.former,
        )

    async def _with_key(self, terminal: Terminal, ended: Ended, *, again: bool = False) -> Ended:
        """With a session key for the terminal, where there are keys; a repeat gets the same."""
        wired = await self.seals.renewed(terminal, again=again)
        extra = {**ended.extra, **said_to(terminal.view), **({"key": wired} if wired else {})}
        return Ended(ended.outcome, ended.done, ended.data, extra)

    # --- the answer -----------------------------------------------------------------------------

    def _send(
        self, line: Line, message: Iso, operation: str, ended: Ended, key: bytes | None
    ) -> None:
        """Answers, if the link is still there: a terminal that went away repeats."""
        self.evidence.counts[f"answered {ended.outcome}"] += 1
        company = self.ports.company
        facts = Facts(
            self.ports.now_us(),
            self._zone,
            company.exponent,
            self.profile.dialect.amount_exponent,
            ended.data,
            ended.extra,
        )
        groups = ended.groups(operation) if operation else ("refused",)
        reply = Reply(ended.outcome, groups, facts)
        try:
            data = octets(self.profile, message, reply, key)
            if line.wire.up:
                session: Any = line.wire.session
                line.wire.handle(session.answer(data))
        except IsoError as error:
            self.evidence.counts["unanswerable"] += 1
            self.ports.log.error("pos.unanswerable", field=error.path, reason=error.why)

    def sells_nothing_new(self) -> None:
        """From now on new requests are told to come again."""
        self.stopping = True
