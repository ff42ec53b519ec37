"""One hop of a session: journal it, let the menu machine decide, run its action, show the screen.

Both faces (HTTP and SMPP) speak to this. A hop has a name within its session; a name that comes
again gets the screen that it was given, and moves nothing.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from twisted.internet.defer import Deferred

from channels.ussd.actions import Actions, Call
from channels.ussd.menu import (
    BACK,
    HOME,
    Machine,
    saved,
    step,
)
from channels.ussd.pins import Pins
from channels.ussd.screens import Screens, Shown
from channels.ussd.sessions import MAX_HOPS, Full, Session, SessionKey, Sessions
from channels.ussd.state import (
    Answer,
    Dial,
    Event,
    Hangup,
    Phase,
)
from core.queries import customer
from hub.channel import Ports
from hub.deadlines import within

_HIDDEN: Final = "***"
_PIN: Final = re.compile(r"[0-9]{4,8}")


class Kind(StrEnum):
    """What a hop is to its session."""

    BEGIN = "begin"
    ANSWER = "answer"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Hop:
    """What came: its name within the session, and the answers in it."""

    kind: Kind
    name: str
    answers: tuple[str, ...] = ()


@dataclass(slots=True)
class Conversation:
    """Holds all sessions of one channel.

    ``answer_within_s``: networks wait 10 to 15 s for a screen, but the customer's patience and the
    dialog's own timer (TCAP, 60 s for everything) are shorter: leave after 3 to 5 s.
    """

    ports: Ports
    machine: Machine
    screens: Screens
    sessions: Sessions
    actions: Actions
    answer_within_s: float
    pins: Pins
    unique_ids: bool = True
    counts: Counter[str] = field(default_factory=Counter)
    stopping: bool = False
    in_flight: int = 0
    _idle: "Deferred[None] | None" = None

    def begin(self, key: SessionKey) -> Session | None:
        """A new session; None when there are too many or the channel is stopping."""
        if self.stopping:
            return None
        try:
            return self.sessions.begin(key, self.ports.now_us())
        except Full:
            self.counts["full"] += 1
            return None

    def find(self, key: SessionKey) -> Session | None:
        """The open session under a key."""
        return self.sessions.find(key, self.ports.now_us())

    def busy(self, language: str = "") -> Shown:
        """The screen that says that we are busy and nothing was bought."""
        self.counts["busy"] += 1
        return self._end("busy", language)

    def lost(self) -> Shown:
        """The screen for an answer whose session is not there any more."""
        self.counts["lost"] += 1
        return self._end("fault", "")

    async def hop(self, session: Session, hop: Hop) -> Shown:
        """The screen that answers a hop; never raises."""
        self.in_flight += 1
        self.counts[hop.kind] += 1
        deadline = self.ports.reactor.seconds() + self.answer_within_s
        await session.turn.acquire()
        try:
            return await self._hop(session, hop, deadline)
        except Exception:
            self.ports.log.exception("ussd.hop-failed", session=session.key.session)
            return self._end("fault", session.state.language)
        finally:
            session.turn.release()
            self._landed()

    def hang_up(self, session: Session) -> None:
        """The session is over for the network; a redial may take it up."""
        self.counts["hangup"] += 1
        if session.state.phase is not Phase.ENDED:
            taken = saved(self.machine, session.state)
            self.sessions.save(session.key, taken, self.ports.now_us())
        session.hung_up = True
        session.state = step(self.machine, session.state, Hangup()).state

    def drained(self) -> "Deferred[None]":
        """Takes no new sessions any more; fires when no hop is being answered."""
        self.stopping = True
        self._idle = Deferred()
        if not self.in_flight:
            self._idle.callback(None)
        return self._idle

    # -- inside

    async def _hop(self, session: Session, hop: Hop, deadline: float) -> Shown:
        given = session.reply_to(hop.name)
        begins = session.state.phase is Phase.NEW
        raw = self._record(session, hop, repeated=given is not None)
        if given is not None:
            return given
        if begins and not await self._dial(session, bool(hop.answers), deadline):
            self.sessions.drop(session)
            return self._end("fault", "")
        if session.state.hop + len(hop.answers) > MAX_HOPS:
            session.state = step(self.machine, session.state, Hangup()).state
            return self._end("busy", session.state.language)
        for text in hop.answers:
            heard = self._heard(session, text)
            answer = Answer(heard, session.state.hop + 1, unseen=begins)
            await self._advance(session, answer, raw, deadline)
        return self._shown(session, hop)

    def _shown(self, session: Session, hop: Hop) -> Shown:
        if session.hung_up:  # nobody sees it
            return self._end("fault", session.state.language)
        shown = self.screens.show(session.state)
        session.replied(hop.name, shown)
        self.sessions.save(session.key, saved(self.machine, session.state), self.ports.now_us())
        return shown

    async def _dial(self, session: Session, ahead: bool, deadline: float) -> bool:
        """Opens the session with what is known of the caller; False if that cannot be had.

        Who dials answers along with the code (``*123*1#``) is not asked about an earlier session.
        """
        msisdn, now_us = session.key.msisdn, self.ports.now_us()
        try:
            asked = self.ports.query(customer.phone_view, msisdn)
            phone = await within(self.ports.reactor, asked, deadline)
        except Exception:
            self.ports.log.exception("ussd.caller-unknown")
            return False
        earlier = None if ahead else self.sessions.saved(session.key, now_us)
        unused = "1" if phone.unused(now_us) else ""
        known = {"pins": "1" if self.pins.key else "", "unused": unused}
        event = Dial(self.actions.words.facts(phone, known), earlier)
        session.state = step(self.machine, session.state, event).state
        return True

    async def _advance(self, session: Session, event: Event, raw: str, deadline: float) -> None:
        move = step(self.machine, session.state, event)
        session.state = move.state
        if move.action is None:
            return
        call = Call(session.key, self._purchase(session), raw, session.state, deadline)
        outcome = await self.actions.run(move.action, call)
        self.counts[f"{move.action}.{outcome.name}"] += 1
        session.state = step(self.machine, session.state, outcome).state

    def _purchase(self, session: Session) -> str:
        """The key of a purchase confirmed now: the session, and the answer that led to the price.

        It was fixed before the price was shown. Where the network's ids are unique, the same
        answers make the same key even after a restart; where they come again, the start is in it.
        """
        key, start = session.key, "" if self.unique_ids else f"@{session.started_us}"
        return f"{key.gateway}/{key.msisdn}/{key.session}{start}/{session.state.confirm}"

    def _record(self, session: Session, hop: Hop, repeated: bool) -> str:
        """Journals the hop with all answers so far, secret ones hidden; returns what it wrote."""
        if not repeated:
            session.history = "*".join(
                [part for part in (session.history, *self._redacted(session, hop)) if part]
            )
        key = session.key
        raw = json.dumps(
            {
                "session": key.session,
                "phone": key.msisdn,
                "kind": Kind.REPEAT if repeated else hop.kind,
                "text": session.history,
            },
            ensure_ascii=False,
        )
        hops = session.state.hop + (0 if repeated else len(hop.answers))
        self.ports.record(f"{key.gateway}/{key.session}/{hops}", raw, key.msisdn)
        return raw

    def _heard(self, session: Session, text: str) -> str:
        """What the menu machine gets of an answer: of a PIN its proof."""
        state = session.state
        prompt = self.machine.screen(state).prompt if state.phase is Phase.ASKING else None
        if prompt is None or prompt.kind != "pin" or text.strip() in (BACK, HOME):
            return text
        return self.pins.heard(session.key.msisdn, text, new=prompt.slot == "new_pin")

    def _redacted(self, session: Session, hop: Hop) -> tuple[str, ...]:
        """The answers as the journal may know them.

        The first one answers the screen that is shown. Of those dialled ahead nobody can say yet
        which screens they will meet: if the menu asks for a secret anywhere, they are all hidden.
        """
        if session.state.phase is Phase.NEW:
            return tuple(_HIDDEN if self.machine.has_secrets else each for each in hop.answers)
        prompt = self.machine.screen(session.state).prompt
        if prompt is not None and prompt.hidden:
            for answer in hop.answers:
                session.hide(answer)
        # a choice has two digits at most: four are a PIN that was typed too early; and behind a *
        # stands what was meant for screens to come
        early = prompt is None
        return tuple(
            _HIDDEN
            if session.hides(each)
            or (early and _PIN.fullmatch(each.strip()))
            or ("*" in each and self.machine.has_secrets)
            else each
            for each in hop.answers
        )

    def _end(self, key: str, language: str) -> Shown:
        language = language or self.actions.words.own_language()
        return self.screens.say(key, language, self.actions.words.base(language))

    def _landed(self) -> None:
        self.in_flight -= 1
        if self._idle is not None and not self.in_flight and not self._idle.called:
            self._idle.callback(None)
