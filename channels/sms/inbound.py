"""What phones send: each text is journaled under its key before the network is answered."""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from msgspec.structs import replace
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from channels.sms.commands import (
    Ask,
    Command,
    Money,
    Nonsense,
    names_a_pin,
    parse,
    without_digits,
)
from channels.sms.config import SmsConfig
from channels.sms.languages import Languages
from channels.sms.translate import (
    Incoming,
    Notice,
    Reply,
    Windows,
    answer_notice,
    arrival,
    notice,
    price_notice,
)
from channels.sms.words import Words
from core.messages import AskAdvance, ConfirmVend, CreditVend, RequestCollection
from core.queries.customer import quote_units
from core.queries.views import QuoteView
from core.refusals import Refusal
from hub.channel import Accepted, Arrival, KeyReused, Ports
from hub.envelope import made_at_us
from hub.texts import Texts

#: Phones whose nonsense is counted; some 200 octets each.
_PHONES: Final = 20_000
_HOUR_S: Final = 3_600.0


@dataclass(slots=True)
class Inbound:
    """The conversation with phones. ``receive`` gives the command_status to answer."""

    ports: Ports
    config: SmsConfig
    words: Words
    money: Money
    texts: Texts
    counters: Counter[str]
    just_bound: Callable[[], bool] = lambda: False  # the network may be delivering again
    languages: Languages = field(init=False)
    _nonsense: "OrderedDict[str, deque[float]]" = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.languages = Languages(self.ports)

    def receive(self, incoming: Incoming) -> "Deferred[int]":
        """Journal a text and see to its answer; fails with what the ports fail with."""
        if names_a_pin(incoming.text, self.words):
            self.counters["pins"] += 1
            incoming = replace(incoming, text=without_digits(incoming.text))
        whole = incoming.complete
        command = parse(incoming.text, self.words, self.money) if whole else Nonsense()
        if not incoming.phone or self._too_much(incoming.phone, command):
            self.counters["unanswered"] += 1
            self.ports.record(incoming.key(), incoming.raw(), incoming.phone)
            return succeed(0)
        self.counters[type(command).__name__.lower()] += 1
        if isinstance(command, Ask) and command.kind == "price":
            return self.languages.of(incoming.phone).addCallback(
                partial(self._priced, incoming, command)
            )
        if answered_here(command):
            registered = self.languages.of(incoming.phone)
            return registered.addCallback(partial(self._accept, incoming, command))
        # To a command of the core the core answers, in the registered language: a purchase does
        # not wait for a question of manners.
        return self._accept(incoming, command)

    def _priced(self, incoming: Incoming, command: Ask, registered: str) -> "Deferred[int]":
        """What the units cost is looked up, and is what the journal has of the text."""
        asked = (incoming.phone, command.meter, command.much, "", self.ports.now_us())

        def found(view: QuoteView | Refusal) -> "Deferred[int]":
            word = self.words.word("buy", self._chosen(registered, command.language))
            told = price_notice(view, word, self.money)
            return self._accept(incoming, command, registered, told)

        return self.ports.query(quote_units, *asked).addCallback(found)

    def _accept(
        self,
        incoming: Incoming,
        command: Command,
        registered: str = "",
        told: Notice | None = None,
    ) -> "Deferred[int]":
        language = self._chosen(registered, command.language)
        reply = Reply(self.ports.name, language, self.ports.company.currency)
        arrived = arrival(incoming, command, reply, self._windows(), told)
        return self.ports.accept(arrived).addCallbacks(
            partial(self._accepted, arrived, incoming.phone, reply),
            partial(self._reused, arrived.key),
        )

    def _accepted(self, arrived: Arrival, phone: str, reply: Reply, accepted: Accepted) -> int:
        if accepted.repeat:
            self.counters["repeats"] += 1
            self._tell_again(arrived, accepted, phone, reply)
        return 0

    def _reused(self, key: str, failure: Failure) -> int | Failure:
        if not isinstance(failure.value, KeyReused):
            return failure
        self.ports.log.warning("sms.key-reused", key=key)
        return 0

    def _windows(self) -> Windows:
        config = self.config
        return Windows(
            config.repeat_window_s,
            config.ask_window_s,
            config.expires_s,
            config.redelivery_s if self.just_bound() else 0.0,
            config.resend_after_s,
        )

    def _too_much(self, phone: str, command: Command) -> bool:
        """Whether this phone has been told often enough that we do not understand."""
        if not isinstance(command, Nonsense):
            return False
        now = self.ports.reactor.seconds()
        times = self._nonsense.setdefault(phone, deque())
        self._nonsense.move_to_end(phone)
        if len(self._nonsense) > _PHONES:
            self._nonsense.popitem(last=False)
        while times and times[0] < now - _HOUR_S:
            times.popleft()
        if len(times) >= self.config.nonsense_per_hour:
            return True
        times.append(now)
        return False

    def _chosen(self, registered: str, spoken: str) -> str:
        """Registered with the phone, else that of the word, else the channel's."""
        company = self.ports.company.languages
        wanted = registered or spoken or self.config.language or (company[0] if company else "")
        return self.texts.language(wanted)

    def _tell_again(self, arrived: Arrival, accepted: Accepted, phone: str, reply: Reply) -> None:
        """A person who sends the same purchase again, and not at once, waits for its answer."""
        money = isinstance(
            arrived.message, CreditVend | ConfirmVend | AskAdvance | RequestCollection
        )
        age = (self.ports.now_us() - made_at_us(accepted.message_id)) / 1e6
        if not money or accepted.answer is None or age < self.config.resend_after_s:
            return
        step = int(age // self.config.resend_after_s)
        again = Arrival(
            key=f"{arrived.key}/told/{step}",
            message=notice(phone, answer_notice(accepted.answer), reply),
            raw=arrived.raw,
            partition_ref=f"phone/{phone}",
            correlation=accepted.message_id,
            valid_for_s=self.config.repeat_window_s,
        )
        self.ports.accept(again).addErrback(self._not_told)

    def _not_told(self, failure: Failure) -> None:
        """He will ask again; what he bought is safe."""
        self.ports.log.warning("sms.not-told-again", error=failure.getErrorMessage())


def answered_here(command: Command) -> bool:
    """Whether the channel's own text is the answer: help, and what was not understood."""
    return isinstance(command, Nonsense) or (isinstance(command, Ask) and command.kind == "help")
