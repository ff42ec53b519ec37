"""Delivery receipts: whose message it was, what became of it, and when it may be told.

A receipt can overtake the response that gives its message an id, or come before that id is stored.
So it waits (and its answer on the wire with it) until the id was known for a moment, or until the
time for that is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed

from adapters.smpp.receipt import IdRule, MessageState, Receipt, candidates, normal

#: Seconds after which an id that was reported to the hub is surely stored.
SETTLE_S: Final = 1.0
#: Ids of which receipts are still expected, about 100 octets each; older ones are in the database.
_KNOWN: Final = 50_000

STATES: Final[Mapping[MessageState, str]] = {
    MessageState.SCHEDULED: "sent",
    MessageState.ENROUTE: "sent",
    MessageState.ACCEPTED: "sent",
    MessageState.UNKNOWN: "sent",
    MessageState.DELIVERED: "delivered",
    MessageState.EXPIRED: "expired",
    MessageState.DELETED: "failed",
    MessageState.UNDELIVERABLE: "failed",
    MessageState.REJECTED: "failed",
    MessageState.SKIPPED: "failed",
}


def state_of(receipt: Receipt) -> str:
    """Our word for it; an intermediate receipt never ends anything."""
    return "sent" if receipt.intermediate else STATES[receipt.state]


def detail_of(receipt: Receipt) -> str:
    """The network's own words."""
    error = f" err:{receipt.error}" if receipt.error.strip("0") else ""
    return f"{receipt.state.value}{error}"


@dataclass(slots=True)
class References:
    """The ids of what was sent lately."""

    reactor: Any
    rule: IdRule
    orphan_s: float
    _sent_at: dict[str, float] = field(default_factory=dict)  # oldest first
    _orphans: "dict[str, list[Deferred[str]]]" = field(default_factory=dict)

    def sent(self, message_id: str) -> str:
        """A response gave this id; returns its normal form."""
        reference = normal(message_id)
        self._sent_at.pop(reference, None)
        self._sent_at[reference] = self.reactor.seconds()
        if len(self._sent_at) > _KNOWN:
            del self._sent_at[next(iter(self._sent_at))]
        for waiting in self._orphans.pop(reference, []):
            self._later(SETTLE_S, waiting, reference)
        return reference

    def settled(self, receipt: Receipt, busy: bool) -> "Deferred[str]":
        """The reference of a receipt, when it may be told.

        ``busy``: responses are awaited, so that an unknown id may still become known.
        """
        likely = candidates(receipt.id, self.rule) or [normal(receipt.id)]
        known = next((reference for reference in likely if reference in self._sent_at), None)
        if known is None and not busy:
            return succeed(likely[0])
        done: Deferred[str] = Deferred()
        if known is not None:
            age = self.reactor.seconds() - self._sent_at[known]
            if age >= SETTLE_S:
                return succeed(known)
            self._later(SETTLE_S - age, done, known)
            return done
        for reference in likely:
            self._orphans.setdefault(reference, []).append(done)
        self.reactor.callLater(self.orphan_s, self._alone, likely, done)
        return done

    def _later(self, seconds: float, done: "Deferred[str]", reference: str) -> None:
        self.reactor.callLater(seconds, self._tell, done, reference)

    @staticmethod
    def _tell(done: "Deferred[str]", reference: str) -> None:
        if not done.called:
            done.callback(reference)

    def _alone(self, likely: list[str], done: "Deferred[str]") -> None:
        """Nobody claimed it: it is told as it is."""
        for reference in likely:
            waiting = self._orphans.get(reference, [])
            if done in waiting:
                waiting.remove(done)
            if not waiting:
                self._orphans.pop(reference, None)
        self._tell(done, likely[0])
