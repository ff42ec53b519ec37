"""Events for outsiders: one CloudEvents message each, on the topic exchange, with confirms.

The delivery row of an event is its outbox: written in the commit that made it, done when the
broker has it. What is in doubt is published again: outsiders hear at least once, and drop repeats
by ``id``. Where nobody listens the broker forgets it, and that is right: it was offered.
"""

from collections import Counter
from dataclasses import dataclass, field
from time import monotonic

from core.store.upgrade import Store
from hub import balance, inbox
from hub.bus.publisher import Publishing
from hub.bus.relay import CONFIRM_S, confirmed
from hub.clock import Sources
from hub.envelope import EnvelopeError, unseal
from hub.inbox import Delivery, Trouble
from hub.outbox import EVENTS
from hub.partitions import every
from hub.worker import MAX_BATCH

SENT = "sent"


@dataclass(slots=True)
class EventRelay:
    """A stage: what is open for outsiders, published in order, marked with its count."""

    store: Store
    publisher: Publishing
    writer: str
    sources: Sources = field(default_factory=Sources)

    def step(self) -> bool:
        """Publish what is open; True when all of it went and there may be more."""
        if not self.publisher.ready():
            return False
        with self.store.reader_on_writer() as reader:
            found = inbox.fetch_open(reader, EVENTS, list(every()), MAX_BATCH)
        if not found:
            return False
        dead = [each for each in found if _type_of(each) is None]
        sent = self._publish([each for each in found if each not in dead])
        self._mark(sent, dead)
        return len(sent) + len(dead) == len(found)

    def _publish(self, found: list[Delivery]) -> list[Delivery]:
        """Those that the broker has, up to the first that it has not: what comes after is said
        again, after it."""
        waiting = [
            (self.publisher.announce(kind, each.envelope.encode(), each.message_id), each)
            for each in found
            if (kind := _type_of(each)) is not None
        ]
        until = monotonic() + CONFIRM_S
        sent: list[Delivery] = []
        for future, each in waiting:
            if not confirmed(future, self.publisher, until):
                break
            sent.append(each)
        return sent

    def _mark(self, sent: list[Delivery], dead: list[Delivery]) -> None:
        if not sent and not dead:
            return
        now = self.sources.now_us()
        with self.store.transaction() as tx:
            ours = inbox.still_open(tx, [*sent, *dead])
            lost = {each.seq for each in dead}
            trouble = Trouble("unreadable", "no envelope with a type", retry=False)
            marks = [
                inbox.failed(each, trouble, now, 0.0)
                if each.seq in lost
                else inbox.done(each, SENT)
                for each in ours
            ]
            inbox.mark(tx, marks, now)
            tallies: balance.Tallies = Counter(
                (each.origin, each.handler, SENT) for each in ours if each.seq not in lost
            )
            balance.add(tx, self.writer, tallies)


def _type_of(delivery: Delivery) -> str | None:
    try:
        return unseal(delivery.envelope).type
    except EnvelopeError:
        return None
