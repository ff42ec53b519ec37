"""The actions of the menus: what the hub is asked, and how its answer is one of the outcomes.

Whatever happens here ends as an outcome with a screen. Money decides the words: before the hub
has accepted a purchase *nothing was bought*; after it, or when that is not known, the customer
is told not to buy again.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from twisted.internet.defer import Deferred

from channels.ussd.document import Slot
from channels.ussd.sessions import SessionKey
from channels.ussd.state import (
    Outcome,
    State,
)
from channels.ussd.words import Words
from core.messages import Answer, ClaimFreeUnits, CreditVend, Recipient, SetLanguage
from core.messages import Outcome as AnswerOutcome
from core.queries import customer
from core.queries.views import QuoteView, SaleView
from core.refusals import Refusal
from hub.channel import Arrival, KeyReused, Overloaded, Ports
from hub.deadlines import TimeUp, within

#: "My tokens" shows this many; a page holds one.
LAST_TOKENS: Final = 3
#: A purchase that nobody could decide for this long is refused rather than done unexpectedly.
EXPIRES_S: Final = 3600.0

#: After these it is not said that nothing happened unless that is known.
_MOVING: Final = frozenset({"buy", "free-units"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, in which words, until when. ``purchase`` is the key of what may be bought now."""

    session: SessionKey
    purchase: str
    raw: str
    state: State
    deadline: float

    @property
    def slots(self) -> Mapping[Slot, str]:
        """What the customer has filled in."""
        return self.state.place.slots

    @property
    def tender(self) -> int:
        """Minor units; 0 where nothing was asked for (whose meter is it?)."""
        return int(self.slots.get("tender", "0"))


@dataclass(frozen=True, slots=True)
class Actions:
    """Runs actions through the hub's ports. ``sms_channel`` carries the token (empty: routing)."""

    ports: Ports
    words: Words
    sms_channel: str = ""

    async def run(self, action: str, call: Call) -> Outcome:
        """The outcome of an action; never raises."""
        try:
            return await _RUN[action](self, call)
        except TimeUp:
            self.ports.log.warning("ussd.slow", action=action)
        except Exception:
            self.ports.log.exception("ussd.action-failed", action=action)
        return Outcome("unsure" if action in _MOVING else "fault")

    # -- asking

    async def quote(self, call: Call) -> Outcome:
        """What the purchase would give; or whose the meter is, for a stranger."""
        found = await self._priced(call)
        return found if isinstance(found, Outcome) else self._asked(found, call, "quoted")

    async def _priced(self, call: Call) -> QuoteView | Outcome:
        meter, account = call.slots["meter"], call.slots.get("account", "")
        found = await self._query(
            call, customer.quote, meter, call.tender, account, self.ports.now_us()
        )
        if not isinstance(found, Refusal):
            view: QuoteView = found
            return view
        if found.code == "phone-not-registered":
            holder = str(found.args_.get("holder", ""))
            return Outcome("stranger", {"meter": meter, "holder": holder})
        return self._refused(found.code, found.args_, call)

    def _asked(self, view: QuoteView, call: Call, name: str) -> Outcome:
        """What must be asked before a price may be confirmed: the holder, then the repeat."""
        language = call.state.language
        if not view.meter.own and not call.slots.get("holder_confirmed"):
            holder = self.words.holder(view.meter.drn, view.meter.holder, view.tender, language)
            return Outcome("other-holder", holder)
        if view.earlier is not None and not call.slots.get("another"):
            return Outcome("earlier", self.words.sale(view.earlier, language))
        quoted = {"quoted_tenths": str(view.units_tenths)}
        return Outcome(name, self.words.quote(view, language) | quoted)

    async def last_tokens(self, call: Call) -> Outcome:
        """The last tokens of this phone."""
        sales = await self._query(call, customer.last_sales, LAST_TOKENS)
        if not sales:
            return Outcome("none")
        return Outcome("listed", {"sales": self.words.sales(sales, call.state.language)})

    async def balance(self, call: Call) -> Outcome:
        """Credit, debts, what is left of the month's first block."""
        found = await self._query(call, customer.balance, self.ports.now_us())
        if isinstance(found, Refusal):
            return self._refused(found.code, found.args_, call)
        return Outcome("shown", self.words.balance(found, call.state.language))

    async def language(self, call: Call) -> Outcome:
        """For this session (the machine has the slot), and kept for a registered phone."""
        if call.state.facts.registered:
            try:
                await self._wait(self.ports.accept(_choice(call)), call)
            except Exception:  # the session goes on in it, whatever became of the rest
                self.ports.log.warning("ussd.language-not-kept", exc_info=True)
        return Outcome("chosen")

    async def _query(self, call: Call, function: Callable[..., Any], *args: Any) -> Any:
        return await self._wait(self.ports.query(function, call.session.msisdn, *args), call)

    async def _wait(self, work: "Deferred[T]", call: Call) -> T:
        return await within(self.ports.reactor, work, call.deadline)

    # -- buying

    async def buy(self, call: Call) -> Outcome:
        """The purchase, accepted under the key of the price that was confirmed."""
        found = await self._done(call, self._arrival(call))
        return found if isinstance(found, Outcome) else await self._answered(found, call)

    async def free_units(self, call: Call) -> Outcome:
        """The free basic units of the month, for the meter that was chosen or for the only one."""
        found = await self._done(call, self._claim(call))
        if isinstance(found, Outcome):
            return found
        if found.outcome is not AnswerOutcome.DONE:
            return self._refused(found.code, found.args, call)
        return Outcome("given", self.words.free(found.data, call.state.language))

    def _claim(self, call: Call) -> Arrival:
        phone, meter = call.session.msisdn, call.slots.get("meter", "")
        message = ClaimFreeUnits(
            phone=phone, meter=meter, reply=self._reply(call), answer_by_notice=False
        )
        return Arrival(
            key=f"{call.purchase}/free/{call.state.hop}",
            message=message,
            raw=call.raw,
            partition_ref=f"meter/{meter}" if meter else f"phone/{phone}",
            source_id=call.session.session,
            reply_within_s=max(0.0, call.deadline - self.ports.reactor.seconds()),
            expires_in_s=EXPIRES_S,
        )

    def _reply(self, call: Call) -> tuple[Recipient, ...]:
        phone, language = call.session.msisdn, call.state.language
        to = Recipient(way="sms", address=phone, language=language, channel=self.sms_channel)
        return (to,)

    async def _done(self, call: Call, arrival: Arrival) -> Answer | Outcome:
        """The answer of what was accepted, or the outcome that there is instead."""
        try:
            accepted = await self._wait(self.ports.accept(arrival), call)
        except Overloaded:
            return Outcome("busy")
        except KeyReused:
            return self._refused("key-reused", {}, call)
        answer = accepted.answer
        if answer is None:
            left = max(0.0, call.deadline - self.ports.reactor.seconds())
            try:
                answer = await self.ports.answer(accepted.message_id, left)
            except Exception:  # it is accepted: it will be done whatever failed here
                self.ports.log.exception("ussd.answer-failed", message_id=accepted.message_id)
        if answer is None or answer.outcome is AnswerOutcome.UNKNOWN:
            return Outcome("late")
        return answer

    def _arrival(self, call: Call) -> Arrival:
        meter, phone = call.slots["meter"], call.session.msisdn
        message = CreditVend(
            meter=meter,
            tender=call.tender,
            currency=self.ports.company.currency,
            phone=phone,
            account=call.slots.get("account", ""),
            holder_confirmed=bool(call.slots.get("holder_confirmed")),
            another=bool(call.slots.get("another")),
            quoted_tenths=int(call.state.place.args["quoted_tenths"]),
            reply=self._reply(call),
        )
        return Arrival(
            key=call.purchase,
            message=message,
            raw=call.raw,
            partition_ref=f"meter/{meter}",
            source_id=call.session.session,
            reply_within_s=max(0.0, call.deadline - self.ports.reactor.seconds()),
            expires_in_s=EXPIRES_S,
        )

    async def _answered(self, answer: Answer, call: Call) -> Outcome:
        if answer.outcome is AnswerOutcome.DONE:
            return self._sold(answer, "sold", call)
        if answer.code == "likely-repeat":
            return self._sold(answer, "earlier", call)
        if answer.code == "confirm-holder":
            holder = str(answer.args.get("holder", ""))
            shown = self.words.holder(call.slots["meter"], holder, call.tender, call.state.language)
            return Outcome("other-holder", shown)
        if answer.code == "quote-changed":
            return await self._quoted_again(answer, call)
        return self._refused(answer.code, answer.args, call)

    def _sold(self, answer: Answer, name: str, call: Call) -> Outcome:
        try:
            view = msgspec.convert(answer.data, SaleView)
        except msgspec.ValidationError:  # sold all the same: the SMS has the token
            self.ports.log.exception("ussd.sale-unreadable", purchase=call.purchase)
            return Outcome("late")
        return Outcome(name, self.words.sale(view, call.state.language))

    async def _quoted_again(self, answer: Answer, call: Call) -> Outcome:
        """Nothing was bought at the old price: show the new one, to be confirmed anew."""
        try:
            found = await self._priced(call)
        except Exception:
            self.ports.log.exception("ussd.quote-failed", purchase=call.purchase)
            return self._refused(answer.code, answer.args, call)
        if isinstance(found, QuoteView):
            return self._asked(found, call, "changed")
        return found if found.name == "refused" else self._refused(answer.code, answer.args, call)

    def _refused(self, code: str, args: Mapping[str, Any], call: Call) -> Outcome:
        return Outcome("refused", {"reason": self.words.refusal(code, args, call.state.language)})


def _choice(call: Call) -> Arrival:
    """The language that was chosen. Who chooses twice in a session has two hops for it."""
    phone = call.session.msisdn
    return Arrival(
        key=f"{call.purchase}/language/{call.state.hop}",
        message=SetLanguage(phone=phone, language=call.slots["language"]),
        raw=call.raw,
        partition_ref=f"phone/{phone}",
        source_id=call.session.session,
    )


_RUN: Final[Mapping[str, Callable[[Actions, Call], Awaitable[Outcome]]]] = {
    "quote": Actions.quote,
    "buy": Actions.buy,
    "last-tokens": Actions.last_tokens,
    "balance": Actions.balance,
    "free-units": Actions.free_units,
    "language": Actions.language,
}
