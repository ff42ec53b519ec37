"""In which language a phone is spoken to: asked of the business, for all that wait at once.

One question is under way at a time; what comes meanwhile is asked together next. A town that sends
two thousand texts a second costs the database some dozens of questions, and a lone text no wait.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed

from core.queries.customer import phone_languages
from hub.channel import Ports

#: A phone's language seldom changes; the choice of another one may take this long to be seen.
_KEPT_S: Final = 60.0
#: Phones whose language is remembered; some 200 octets each.
_PHONES: Final = 20_000
#: Phones in one question: a batch of the journal's.
_AT_ONCE: Final = 256


@dataclass(slots=True)
class Languages:
    """What is registered with each phone."""

    ports: Ports
    _known: "OrderedDict[str, tuple[str, float]]" = field(default_factory=OrderedDict)
    _waiting: "OrderedDict[str, list[Deferred[str]]]" = field(default_factory=OrderedDict)
    _asking: bool = False

    def of(self, phone: str) -> "Deferred[str]":
        """The phone's language; empty when nobody has registered one. Never fails."""
        known, until = self._known.get(phone, ("", 0.0))
        if until > self.ports.reactor.seconds():
            return succeed(known)
        done: Deferred[str] = Deferred()
        self._waiting.setdefault(phone, []).append(done)
        if not self._asking:
            self._ask()
        return done

    def _ask(self) -> None:
        self._asking = True
        count = min(len(self._waiting), _AT_ONCE)
        asked = dict(self._waiting.popitem(last=False) for _ in range(count))
        found = self.ports.query(phone_languages, tuple(asked))
        found.addErrback(self._unknown)
        found.addCallback(self._answered, asked)

    def _unknown(self, failure: Any) -> dict[str, str]:
        """A question of manners must not cost a purchase."""
        self.ports.log.warning("sms.languages-unknown", error=failure.getErrorMessage())
        return {}

    def _answered(self, found: dict[str, str], asked: "dict[str, list[Deferred[str]]]") -> None:
        until = self.ports.reactor.seconds() + _KEPT_S
        for phone in asked:
            self._known[phone] = (found.get(phone, ""), until)
            self._known.move_to_end(phone)
        while len(self._known) > _PHONES:
            self._known.popitem(last=False)
        self._asking = False
        if self._waiting:
            self._ask()
        for phone, waiting in asked.items():
            for done in waiting:
                done.callback(found.get(phone, ""))
