"""The actions of the menus: what the hub is asked, and how its answer is one of the outcomes.

Whatever happens here ends as an outcome with a screen. Money decides the words: before the hub
has accepted a purchase *nothing was bought*; after it, or when that is not known, the customer
is told not to buy again.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import msgspec
from twisted.internet.defer import Deferred

from channels.ussd.document import Slot
from channels.ussd.own import ASKS, check, ended
from channels.ussd.sessions import SessionKey
from channels.ussd.state import (
    Outcome,
    State,
)
from channels.ussd.words import Words
from core.messages import (
    Answer,
    AskAdvance,
    ClaimFreeUnits,
    CreditVend,
    Message,
    Recipient,
    RequestCollection,
    SetLanguage,
)
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
_MOVING: Final = frozenset({"buy", "pin-buy", "pay-wallet", "free-units", "advance", *ASKS})

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
    def asked(self) -> int:
        """The amount that was typed, minor units; 0: none (whose meter is it?)."""
        return int(self.slots.get("tender", "0"))

    @property
    def tender(self) -> int:
        """Minor units that the price on the screen is for: those of the units asked for, or as
        typed."""
        return int(self.state.place.args.get("quoted_tender", "")) if self.units else self.asked

    @property
    def units(self) -> int:
        """Tenths of the meter's unit whose price is asked for; 0: it is an amount."""
        return int(self.slots.get("units", "0"))


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
        ask, much = (
            (customer.quote_units, call.units) if call.units else (customer.quote, call.asked)
        )
        found = await self._query(call, ask, meter, much, account, self.ports.now_us())
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
        quoted = {
            "quoted_tenths": str(view.units_tenths),
            "quoted_tender": str(view.tender),
            "payer": call.session.msisdn.lstrip("+"),
            "pin": view.pin,
        }
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
        """The purchase, accepted under the key of the price that was confirmed; a PIN that it needs
        is asked for first."""
        pin = call.state.place.args.get("pin", "")
        if pin:
            return Outcome("pin" if pin == "needed" else "no-pin", call.state.place.args)
        return await self._bought(call, "")

    async def pin_buy(self, call: Call) -> Outcome:
        """The same with the PIN: if it is right, its pass goes with the purchase."""
        checking = self._for_nothing("pin", check(call.session.msisdn, call.slots), "", call)
        try:
            found = await self._done(call, checking)
        except TimeUp:
            return Outcome("fault")  # the PIN was looked at, nothing was bought
        if isinstance(found, Outcome):
            return Outcome("fault") if found.name == "late" else found
        if found.outcome is AnswerOutcome.DONE:
            return await self._bought(call, str(found.data["pass"]))
        no = self._refused(found.code, found.args, call)
        if found.code != "phone-pin-wrong":
            return no
        return Outcome("wrong-pin", {**call.state.place.args, **no.args})

    async def pay_wallet(self, call: Call) -> Outcome:
        """The caller's own wallet is asked: he approves on his phone, the token comes by SMS."""
        purchase, args = self._arrival(call), call.state.place.args
        assert isinstance(purchase.message, CreditVend)
        # he was shown whose meter it is, where it is not his own
        vend = msgspec.structs.replace(purchase.message, account="", holder_confirmed=True)
        message = RequestCollection(
            payer=call.session.msisdn, amount=vend.tender, currency=vend.currency, purpose="vend",
            vend=vend, reply=vend.reply,
        )  # fmt: skip
        arrival = replace(purchase, key=f"{call.purchase}/wallet", message=message)
        found = await self._done(call, arrival)
        if isinstance(found, Outcome):
            return found
        if found.outcome is not AnswerOutcome.DONE:
            return self._refused(found.code, found.args, call)
        wallet = str(found.data.get("wallet_name", "")) or args.get("wallet", "")
        shown = {name: args.get(name, "") for name in ("meter", "tender")}
        return Outcome("asked", {**shown, "label": wallet})

    # -- his own

    async def own(self, call: Call) -> Outcome:
        """Something about his meters, his PIN or a payment of his."""
        action, slots = call.state.action, call.slots
        assert action is not None
        if action == "set-pin" and slots["new_pin"] != slots.get("new_pin_again"):
            return Outcome("differ")
        phone = call.session.msisdn
        message = ASKS[action](phone, slots, call.state.language, self._reply(call))
        found = await self._done(call, self._for_nothing(action, message, "", call))
        if isinstance(found, Outcome):
            return found
        if found.outcome is not AnswerOutcome.DONE:
            no = self._refused(found.code, found.args, call)
            again = action == "confirm-meter" and found.code == "phone-code-wrong"
            return Outcome("wrong", no.args) if again else no
        return self._sold(found, "found", call) if action == "my-payment" else ended(found)

    async def my_pin(self, call: Call) -> Outcome:
        """Whether the phone has a PIN."""
        state = await self._query(call, customer.pin_state)
        if state == "stranger":
            return self._refused("phone-not-registered", {}, call)
        return Outcome(str(state))

    async def _bought(self, call: Call, word: str) -> Outcome:
        found = await self._done(call, self._arrival(call, word))
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
        return self._for_nothing("free", message, meter, call)

    async def advance(self, call: Call) -> Outcome:
        """Units on credit: as much as was typed, or as the company gives."""
        phone, meter = call.session.msisdn, call.slots.get("meter", "")
        message = AskAdvance(
            phone=phone, meter=meter, amount=call.asked, reply=self._reply(call),
            answer_by_notice=False,
        )  # fmt: skip
        found = await self._done(call, self._for_nothing("advance", message, meter, call))
        if isinstance(found, Outcome):
            return found
        if found.outcome is not AnswerOutcome.DONE:
            return self._refused(found.code, found.args, call)
        return Outcome("given", self.words.advance(found.data, call.state.language))

    def _for_nothing(self, what: str, message: Message, meter: str, call: Call) -> Arrival:
        """What brings a token without money now. Who asks twice in a session has two hops."""
        return Arrival(
            key=f"{call.purchase}/{what}/{call.state.hop}",
            message=message,
            raw=call.raw,
            partition_ref=f"meter/{meter}" if meter else f"phone/{call.session.msisdn}",
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

    def _arrival(self, call: Call, word: str = "") -> Arrival:
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
            pin_pass=word,
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
    "pin-buy": Actions.pin_buy,
    "pay-wallet": Actions.pay_wallet,
    "my-pin": Actions.my_pin,
    **dict.fromkeys(ASKS, Actions.own),
    "last-tokens": Actions.last_tokens,
    "balance": Actions.balance,
    "free-units": Actions.free_units,
    "advance": Actions.advance,
    "language": Actions.language,
}
