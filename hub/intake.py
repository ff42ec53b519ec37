"""The way in: arrivals wait here for the journal's next commit, and their callers with them."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, perf_counter
from typing import Any

import structlog
from twisted.internet.defer import Deferred

from core.store.tx import TransientStoreError, UnknownOutcomeError
from core.store.upgrade import Store
from hub import failpoints
from hub.channel import Accepted, KeyReused, Overloaded
from hub.envelope import from_rfc3339
from hub.journal import QUARANTINED, Entry, Journal, Journaled, Noted
from hub.outbox import COMMANDS
from hub.worker import MAX_BATCH

#: Arrivals that may wait for the journal: beyond it the edge is told to come again.
MAX_WAITING = 5_000
#: Where the connection is lost at COMMIT the journal asks again by the arrivals' keys, for so long:
#: no counterpart waits longer, and every key is remembered for longer than this.
ASK_S = 10.0

log = structlog.get_logger("hub.intake")
#: The third: when it was handed over, by ``perf_counter``.
Waiter = tuple[Entry, "Deferred[Accepted]", float]


@dataclass(slots=True)
class Intake:
    """The journal's stage. ``accept`` is called on the reactor, ``step`` on the store's thread.

    ``on_reactor`` carries a call to the reactor; ``committed`` tells that there is new work.
    """

    store: Store
    journal: Journal
    on_reactor: Callable[..., Any]
    committed: Callable[[int], None]
    gate: Callable[[str], bool] = lambda _channel: True
    poke: Callable[[], None] = lambda: None
    outward: Callable[[], None] = lambda: None  # something was journaled that is for a channel
    last: int = 0  # how many the last step had
    _waiting: deque[Waiter] = field(default_factory=deque)
    _noted: deque[Noted] = field(default_factory=deque)
    clock: Callable[[], float] = monotonic
    _ask_until: float | None = None  # it is not known whether the last batch stands

    def accept(self, entry: Entry) -> "Deferred[Accepted]":
        """Journal it with the next commit. Fails with Overloaded, KeyReused or StoreError."""
        deferred: Deferred[Accepted] = Deferred()
        if len(self._waiting) >= MAX_WAITING or not self.gate(entry.channel):
            deferred.errback(Overloaded(f"{entry.channel} is full"))
            return deferred
        self._waiting.append((entry, deferred, perf_counter()))
        self.poke()
        return deferred

    def record(self, noted: Noted) -> None:
        """Journal something that asks for nothing; when full, the oldest note gives way."""
        if len(self._noted) >= MAX_WAITING:
            self._noted.popleft()
        self._noted.append(noted)
        self.poke()

    def pending(self) -> int:
        """Arrivals whose commit has not come yet."""
        return len(self._waiting)

    def step(self) -> bool:
        """One commit for all that is waiting, up to a batch."""
        waiters = _take(self._waiting)
        noted = _take(self._noted)
        self.last = len(waiters)
        if not waiters and not noted:
            return False
        try:
            self._write(waiters, noted)
        except TransientStoreError as error:
            if self._asks_again(error):
                self._waiting.extendleft(reversed(waiters))
            else:
                self._fail(waiters, error)
            self._noted.extendleft(reversed(noted))  # nobody would say it again
            raise
        self._ask_until = None
        return bool(self._waiting or self._noted)

    def _asks_again(self, error: TransientStoreError) -> bool:
        """Whether the batch is written again as it is: what stands of it is found as a repeat.

        To say that it failed would make people buy again what they have bought.
        """
        if isinstance(error, UnknownOutcomeError) and self._ask_until is None:
            self._ask_until = self.clock() + ASK_S
        if self._ask_until is not None and self.clock() < self._ask_until:
            return True
        self._ask_until = None
        return False

    def _write(self, waiters: list[Waiter], noted: list[Noted]) -> None:
        begun = perf_counter()
        try:
            with self.store.transaction() as tx:
                results = self.journal.write(tx, [entry for entry, *_ in waiters], noted)
        except TransientStoreError:
            raise
        except Exception as error:  # of whatever kind: one arrival is to blame, not its neighbours
            self._halve(waiters, noted, error)
            return
        failpoints.hit("journal.after-commit")
        self.committed(len(waiters))
        self._tell(waiters, results, begun)
        if any(route.target not in COMMANDS for entry, *_ in waiters for route in entry.routes):
            self.outward()
        self.on_reactor(_answer_all, waiters, results)

    def _tell(self, waiters: list[Waiter], results: list[Journaled], begun: float) -> None:
        """How long each took, and the spans of those that are traced."""
        if not waiters:
            return
        watch, ended = self.journal.watch, perf_counter()
        watch.transaction("journal", ended - begun, len(waiters))
        for (entry, _, since), result in zip(waiters, results, strict=True):
            watch.accepted(entry.channel, ended - since)
            if result.envelope is not None:
                at = from_rfc3339(result.envelope.recordedtime)
                instants = (at - int((begun - since) * 1e6), at, at + int((ended - begun) * 1e6))
                watch.arrived(result.envelope, result.parent, instants, len(waiters))

    def _halve(self, waiters: list[Waiter], noted: list[Noted], error: Exception) -> None:
        """One arrival cannot be stored: find it, refuse it alone."""
        if len(waiters) + len(noted) <= 1:
            log.error("journal.unstorable", error=str(error))
            self._fail(waiters, error)
            return
        if noted:
            self._write(waiters, []) if waiters else None
            for note in noted:
                self._write([], [note])
            return
        middle = len(waiters) // 2
        self._write(waiters[:middle], [])
        self._write(waiters[middle:], [])

    def _fail(self, waiters: list[Waiter], error: Exception) -> None:
        for _, deferred, _ in waiters:
            self.on_reactor(_refuse, deferred, error)


def _take(queue: "deque[Any]") -> list[Any]:
    return [queue.popleft() for _ in range(min(len(queue), MAX_BATCH))]


def _refuse(deferred: "Deferred[Accepted]", error: Exception) -> None:
    """Those whose part of the batch was committed before the trouble have their answer."""
    if not deferred.called:
        deferred.errback(error)


def _answer_all(waiters: list[Waiter], results: list[Journaled]) -> None:
    for (entry, deferred, _), result in zip(waiters, results, strict=True):
        if deferred.called:  # its part of a batch was committed, and another was asked for again
            continue
        if result.outcome == QUARANTINED:
            log.error("journal.key-reused", channel=entry.channel, first=result.message_id)
            deferred.errback(KeyReused(entry.arrival.key))
        else:
            deferred.callback(result.accepted())
