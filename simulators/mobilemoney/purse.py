"""A friendly provider of mobile money. Misbehaviours are in :mod:`.kinds`.

What a provider's API looks like is his :class:`Dialect` (:mod:`.mpesa`, :mod:`.mtn`,
:mod:`.airtel`); what he does is here, the same for all: he asks payers, moves money, sends notices.
Everything that a misbehaviour may want to change is one small method: ``phone``, ``authorised``,
``answered``, ``ended``, ``treat``.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random
from typing import Any, Final, Literal, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString

from hub.wire import Clock, Monotonic
from simulators.mobilemoney.book import Book, Collection, Ending, Holder, Movement, Payout
from simulators.mobilemoney.wire import HTML, Call, Notice, Post, Reply, poster, site

#: Notices that are remembered for those who look; older ones are forgotten.
MAX_TOLD: Final = 10_000
#: A validation that takes longer counts as silence (M-Pesa: about 8 s).
VALIDATION_S: Final = 8.0
Answers = Literal["person", "approve", "decline", "silent"]


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator decides. Money in minor units, times in seconds.

    ``answers``: what payers do when nobody plays them; ``every``: the notice, push or call at which
    a misbehaviour strikes; ``delay``: how late the late ones are; ``down``: how long an outage is.
    """

    answers: Answers = "person"
    payer_s: float = 0.0
    expiry_s: float = 60.0
    every: int = 10
    delay: float = 15.0
    down: float = 60.0
    fee_per_mille: int = 0
    seed: int = 0
    merchant: str = "Demo Power"
    #: of each thousand notices: lost, doubled, late, altered (``StormyPurse``)
    storm: tuple[int, int, int, int] = (50, 50, 20, 10)


class Dialect(Protocol):
    """How one provider words it all. ``Any`` of ``purse`` is a :class:`Purse`."""

    name: str
    currency: str
    hours: int
    token_s: int
    one_token: bool
    #: a paid collection is told as a pay-in too, where pay-ins are told
    echoes: bool

    def answer(self, purse: Any, call: Call) -> Reply:
        """What a merchant's call is answered; ``purse.ask``, ``purse.reverse`` … do it."""

    def receipt(self, number: int, at: float) -> str:
        """The number of the provider's n-th movement."""

    def ended(self, purse: Any, collection: Collection) -> Notice | None:
        """What the merchant is told of a collection; None: he must ask."""

    def paid_in(self, purse: Any, movement: Movement, third: str) -> Notice | None:
        """What he is told of a pay-in."""

    def question(self, purse: Any, movement: Movement) -> Notice | None:
        """What he is asked before a pay-in; None: he is not."""

    def allows(self, reply: tuple[int, bytes] | None) -> tuple[bool, str]:
        """What his answer to the question (None: silence) means: go on?, and his own number."""

    def altered(self, notice: Notice) -> Notice:
        """The same notice with another amount, or another payment."""

    def cut(self, notice: Notice) -> Notice:
        """The same without a field that is always there."""

    def recoded(self, notice: Notice) -> Notice:
        """The same with codes and amounts in the other JSON type."""


@dataclass(slots=True)
class Told:
    """A notice that was sent, and the status that came back; 0: none did."""

    notice: Notice
    status: int = 0


@dataclass(slots=True)
class Counts:
    """What was done so far."""

    calls: int = 0
    pushes: int = 0
    notices: int = 0
    lost: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class PaidIn:
    """How a pay-in ended: ``receipt``, or the sentence why no money moved."""

    receipt: str = ""
    refused: str = ""


@dataclass(slots=True)
class Tokens:
    """Access tokens and when they end."""

    ends: dict[str, float] = field(default_factory=dict)
    given: int = 0


class Purse:
    """A provider who does what his documents say."""

    name = "friendly"

    def __init__(
        self, reactor: Any, dialect: Dialect, options: Options | None = None, *,
        clock: Clock | None = None, wall: Callable[[], float] = time.time,
        post: Post | None = None,
    ) -> None:  # fmt: skip
        self.dialect = dialect
        self.options = options or Options()
        self.wall = wall
        self.clock = clock or Monotonic(reactor)
        self.chance = Random(self.options.seed)
        self.book = Book(dialect.currency, dialect.hours, self.options.fee_per_mille)
        self.tokens = Tokens()
        self.counts = Counts()
        self.told: deque[Told] = deque(maxlen=MAX_TOLD)
        self.prompts: dict[str, Collection] = {}
        self.down_until = 0.0
        self.losing = 0  # so many notices never leave
        self.asked: Collection | None = None  # by the call that is being answered
        self._watchers: list[Callable[[str, Collection, str], None]] = []
        self._post = post or poster(reactor)
        self._reactor = reactor
        self._port: Any = None
        self._numbers = 0

    # --- for tests and people ------------------------------------------------------------------

    async def start(self, port: int = 0, interface: str = "127.0.0.1") -> int:
        """Listens for merchants; returns the port."""
        endpoint: Any = serverFromString(self._reactor, f"tcp:{port}:interface={interface}")  # type: ignore[no-untyped-call]
        self._port = await endpoint.listen(site(self.handle))
        return int(self._port.getHost().port)

    async def stop(self) -> None:
        """Listens no more."""
        port, self._port = self._port, None
        if port is not None:
            await port.stopListening()

    def go_down(self, seconds: float) -> None:
        """Every call is answered by a gateway's error page, and no notice leaves, for so long."""
        self.down_until = self.clock.seconds() + seconds

    @property
    def is_down(self) -> bool:
        """Whether it is away now."""
        return self.clock.seconds() < self.down_until

    def status(self) -> dict[str, Any]:
        """Counts, and what the money says."""
        return {
            "kind": self.name, "provider": self.dialect.name, "up": not self.is_down,
            "calls": self.counts.calls, "pushes": self.counts.pushes,
            "notices": self.counts.notices, "lost": self.counts.lost,
            "prompts": len(self.prompts), "moved": len(self.book.movements),
            "total": self.book.total(),
        }  # fmt: skip

    def watch(self, told: Callable[[str, Collection, str], None]) -> Callable[[], None]:
        """``told(event, collection, msisdn)``: ``push`` and ``push-over``; returns what ends it."""
        self._watchers.append(told)
        return lambda: self._watchers.remove(told)

    # --- what kinds of providers do differently ------------------------------------------------

    def phone(self, holder: Holder, collection: Collection) -> Ending | None:
        """How the payer's phone ends a push before he sees it; None: he is asked."""
        del collection
        if not holder.reachable:
            return Ending.UNREACHABLE
        return Ending.BUSY if holder.msisdn in self.prompts else None

    def authorised(self, call: Call) -> bool:
        """Whether the call's access token is good."""
        ends = self.tokens.ends.get(call.bearer(), 0.0)
        return self.clock.seconds() < ends

    def answered(self, call: Call, reply: Reply) -> "Deferred[Reply]":
        """The answer on its way to the merchant; ``asked`` is what the call began."""
        del call
        return succeed(reply)

    def ended(self, collection: Collection) -> "Deferred[None]":
        """A collection is over: its merchant is told."""
        told = self.notify(self.dialect.ended(self, collection) if collection.callback else None)
        if self.dialect.echoes and collection.receipt:
            moved = self.book.movements[collection.receipt]
            self.notify(self.dialect.paid_in(self, moved, ""))
        return told

    def treat(self, notice: Notice) -> "Deferred[None]":
        """What becomes of a notice. Kinds lose, double, alter and delay it."""
        return self.send(notice)

    # --- what dialects do with it --------------------------------------------------------------

    def handle(self, call: Call) -> "Deferred[Reply]":
        """A merchant's call."""
        self.counts.calls += 1
        if self.is_down:
            return succeed(replace(HTML, status=503))
        self.asked = None
        return self.answered(call, self.dialect.answer(self, call))

    def new_token(self) -> str:
        """An access token; where a provider has one at a time, it ends the one before."""
        if self.dialect.one_token:
            self.tokens.ends.clear()
        self.tokens.given += 1
        token = f"{self.dialect.name}-{self.tokens.given:06d}-{self.chance.getrandbits(64):016x}"
        self.tokens.ends[token] = self.clock.seconds() + self.dialect.token_s
        return token

    def ask(self, collection: Collection) -> None:
        """Ask a payer; without one, his scan of the code is waited for."""
        self.book.keep(collection)
        self.counts.pushes += 1
        self.asked = collection
        if collection.payer:
            self._prompt(collection)
        self.after(self.options.expiry_s, self.end, collection, Ending.TIMEOUT)

    def next_receipt(self) -> str:
        """A receipt that was never given."""
        self._numbers += 1
        return self.dialect.receipt(self._numbers, self.wall())

    def reverse(self, receipt: str) -> Movement:
        """Give a payment back. Raises NotReversedError."""
        return self.book.reverse(receipt, self.next_receipt(), self.wall())

    def notify(self, notice: Notice | None) -> "Deferred[None]":
        """Tell a merchant; fires when he was told, or never will be."""
        if notice is None:
            return succeed(None)
        self.counts.notices += 1
        if self.losing:
            self.losing -= 1
            return self.lose(notice)
        return self.treat(notice)

    # --- payers --------------------------------------------------------------------------------

    def scanned(self, key: str, msisdn: str) -> None:
        """A payer scans the code of a collection. Raises KeyError."""
        collection = self.book.collections[key]
        collection.payer = msisdn.removeprefix("+")
        self._prompt(collection)

    def typed(self, msisdn: str, pin: str) -> Ending:
        """A payer answers the prompt on his phone: his PIN, or nothing to cancel. KeyError."""
        collection = self.prompts[msisdn.removeprefix("+")]
        holder = self.book.holder(msisdn)
        if not pin:
            self.end(collection, Ending.CANCELLED)
        else:
            self.end(collection, Ending.PAID if pin == holder.pin else Ending.WRONG_PIN)
        return collection.ending or Ending.TIMEOUT

    def end(self, collection: Collection, ending: Ending) -> None:
        """It is over, once: money moves or it does not, and the merchant is told."""
        if collection.ending is None:
            self.conclude(collection, ending)
            self.ended(collection)

    def conclude(self, collection: Collection, ending: Ending) -> None:
        """Book the end of a collection, without a word to anybody."""
        now = self.wall()
        if ending is Ending.PAID:
            made = Movement(
                self.next_receipt(), now, collection.amount, collection.payer,
                collection.reference, collection.shown,
            )  # fmt: skip
            moved = self.book.pay(made)
            collection.receipt = moved.receipt if moved else ""
            ending = ending if moved else Ending.INSUFFICIENT
        collection.ending, collection.ended_at = ending, now
        if self.prompts.get(collection.payer) is collection:
            del self.prompts[collection.payer]
            self._say("push-over", collection)

    def pay_in(self, msisdn: str, typed: str, amount: int) -> "Deferred[PaidIn]":
        """A payer sends money by himself, with whatever he types."""
        return Deferred.fromCoroutine(self._pay_in(msisdn, typed, amount))

    def settle(self, until: date) -> Payout | None:
        """Pay out to the merchant's bank what moved up to a day."""
        return self.book.settle(until, self.wall())

    # --- for kinds -----------------------------------------------------------------------------

    def after(self, seconds: float, call: Callable[..., Any], *args: Any) -> None:
        """Calls later; at once where that is now."""
        if seconds > 0:
            self.clock.callLater(seconds, call, *args)
        else:
            call(*args)

    def strikes(self, number: int) -> bool:
        """Whether this is each n-th one (``every``)."""
        return number % self.options.every == 0

    def lose(self, notice: Notice) -> "Deferred[None]":
        """The notice never leaves."""
        del notice
        self.counts.lost += 1
        return succeed(None)

    def send(self, notice: Notice) -> "Deferred[None]":
        """The notice leaves, once; who does not take it is not told again."""
        if self.is_down:
            return self.lose(notice)
        told = Told(notice)
        self.told.append(told)

        def taken(answer: tuple[int, bytes]) -> None:
            told.status = answer[0]
            self.counts.refused += not 200 <= answer[0] < 300

        def failed(_: Any) -> None:
            self.counts.refused += 1

        return self._post(notice).addCallbacks(taken, failed)

    # --- inside --------------------------------------------------------------------------------

    def _prompt(self, collection: Collection) -> None:
        holder = self.book.holder(collection.payer)
        ending = self.phone(holder, collection)
        if ending is not None:
            self.after(self.options.payer_s, self.end, collection, ending)
            return
        self.prompts[holder.msisdn] = collection
        self._say("push", collection)
        chosen = {"approve": holder.pin, "decline": ""}.get(self.options.answers)
        if chosen is not None:
            self.clock.callLater(self.options.payer_s, self._replies, collection, chosen)

    def _replies(self, collection: Collection, pin: str) -> None:
        if self.prompts.get(collection.payer) is collection:
            self.typed(collection.payer, pin)

    def _say(self, event: str, collection: Collection) -> None:
        for told in list(self._watchers):
            told(event, collection, collection.payer)

    async def _pay_in(self, msisdn: str, typed: str, amount: int) -> PaidIn:
        payer = self.book.holder(msisdn).msisdn
        planned = Movement(self.next_receipt(), self.wall(), amount, payer, typed=typed)
        question, third = self.dialect.question(self, planned), ""
        if question is not None:
            allowed, third = self.dialect.allows(await self._questioned(question))
            if not allowed:
                return PaidIn(refused=third or "the merchant does not take it")
        moved = self.book.pay(replace(planned, at=self.wall()))
        if moved is None:
            return PaidIn(refused="the payer has not so much")
        self.notify(self.dialect.paid_in(self, moved, third))
        return PaidIn(moved.receipt)

    async def _questioned(self, question: Notice) -> tuple[int, bytes] | None:
        if self.is_down:
            return None
        asked: Any = self._post(question)
        try:
            answer: tuple[int, bytes] = await asked.addTimeout(VALIDATION_S, self.clock)
        except Exception:  # silence, whatever its cause: the registered answer decides
            return None
        return answer
