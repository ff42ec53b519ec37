"""The worker: takes what is waiting now, up to a batch, and sees it through to a commit.

Deadlock, serialization, connection, disk: the whole batch is rolled back and run again, three
times, then consuming stops until the store is back; no attempt is burned. A data error: the batch
is halved until the culprit stands alone and is dead. A connection lost at COMMIT is a rerun: the
inbox knows what was done.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import structlog

from core.handlers.base import Draw
from core.store.ids import BLOCK, take_all
from core.store.states import DEAD, OPEN
from core.store.tx import TransientStoreError, Tx
from core.store.upgrade import Store
from hub import failpoints, inbox
from hub.batch import Batch, Result, answer_unknown
from hub.bus import Source, Taken
from hub.envelope import EnvelopeError, unseal
from hub.inbox import Delivery, Mark
from hub.observe import subject
from hub.outbox import WORKER
from hub.partitions import partition_of
from hub.prepare import prepare
from hub.watch import Watch

#: As much as one commit should carry: beyond it a commit costs no less per message.
MAX_BATCH = 256
#: Reruns of a batch before the worker concludes that the store, not the batch, is in trouble.
RERUNS = 3
#: Unfinished starts after which a message is taken to be what kills the process.
MAX_STARTS = 3

log = structlog.get_logger("hub.worker")


class FencedError(TransientStoreError):
    """A lease of this batch has moved to another worker: nothing may be committed."""


class StoreAway(Exception):  # noqa: N818 - a state of the world
    """The store does not answer: nothing is acknowledged, consuming stops for a while."""


#: Faults that no message is to blame for: the batch stays as it is, the loop rests.
NOT_THEIRS = (StoreAway, FencedError, OSError, MemoryError)


@dataclass(slots=True)
class Worker:
    """Runs batches of what its source gives. ``committed`` hears of every one after its commit."""

    store: Store
    batch: Batch
    source: Source
    committed: Callable[[Result], None] = lambda _result: None
    fence: Callable[[Tx, Iterable[int]], None] = lambda _tx, _partitions: None
    doorbell: Callable[[Tx], None] = lambda _tx: None
    alive: Callable[[], None] = lambda: None  # between messages that are done one by one
    leased: Callable[[int], bool] = lambda _partition: True  # by us, as far as we know
    watch: Watch = field(default_factory=Watch)
    last: int = 0  # how many the last step had
    _taken: Taken | None = None
    _chained: bool = False  # the last step posted work for workers, and nobody rings for that
    _begun: dict[int, int] = field(default_factory=dict)  # seq -> starts, counted here once

    def step(self) -> bool:
        """One batch, if anything is there; False when nothing more is waiting. Raises StoreAway.

        What was taken and could not be committed is kept and tried again: nothing is acknowledged.
        """
        try:
            self._chained = False
            taken = self._taken = self._taken or self.source.take(MAX_BATCH)
            self.last = 0 if taken is None else len(taken.deliveries)
            if taken is None:
                return False
            if taken.again:
                self._with_care(taken.deliveries)
            else:
                self.process(taken.deliveries)
        except FencedError:
            self._give_back()  # the partition is another's now; so is what we held of it
            raise
        except TransientStoreError as error:
            raise StoreAway(str(error)) from error
        self._taken = None
        taken.done()
        return taken.more or self._chained

    def _give_back(self) -> None:
        if self._taken is not None:
            self._taken.back()
        self._taken = None
        self._begun.clear()

    def _fence(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        """The leases of these are still ours.

        What was taken may outlive its lease: kept while the store was away, or in a bundle.
        """
        partitions = {partition_of(delivery.partitionkey) for delivery in deliveries}
        for partition in partitions:
            if not self.leased(partition):
                raise FencedError(f"partition {partition} is not ours any more")
        self.fence(tx, partitions)

    def process(self, fetched: Sequence[Delivery]) -> None:
        """See a batch through. Raises StoreAway when the store stays in trouble."""
        self._halve(fetched, {})

    def _halve(self, fetched: Sequence[Delivery], draws: dict[str, Draw]) -> None:
        """The batch, or its halves, down to the culprit; what was drawn once is drawn."""
        try:
            self._rerun(fetched, draws)
        except NOT_THEIRS:
            raise
        except Exception as error:  # one of them is to blame, of whatever kind the fault
            log.warning("batch.halved", size=len(fetched), error=str(error))
            middle = len(fetched) // 2
            if middle:
                self._halve(fetched[:middle], draws)
                self._halve(fetched[middle:], draws)
            else:
                self._last_try(fetched[0], draws)

    def _last_try(self, delivery: Delivery, draws: dict[str, Draw]) -> None:
        """Once more, alone: what it collided with may have been another's row of that moment."""
        try:
            self._rerun([delivery], draws)
        except NOT_THEIRS:
            raise
        except Exception as error:
            self._bury(delivery, type(error).__name__, str(error))

    def _rerun(self, fetched: Sequence[Delivery], draws: dict[str, Draw]) -> None:
        for attempt in range(1, RERUNS + 1):
            try:
                self._once(fetched, draws)
                return
            except FencedError:
                raise
            except TransientStoreError as error:
                log.warning("batch.rerun", attempt=attempt, error=str(error))
                last = error
        raise StoreAway(str(last)) from last

    def _once(self, fetched: Sequence[Delivery], draws: dict[str, Draw]) -> None:
        ids, exact = self.batch.ids, self.store.dialect == "sqlite"
        needs = self.batch.needs(fetched)
        if not exact:
            self._stock(needs)
        prepare(self.batch.terms, self.store.reader_on_writer, fetched)
        begun = perf_counter()
        try:
            with self.store.transaction() as tx:
                self._fence(tx, fetched)
                if exact:  # the single writer draws what it needs; what is left goes back
                    for name, block in take_all(tx, needs).items():
                        ids.add(name, block)
                result = self.batch.run(tx, fetched, draws)
                self.doorbell(tx)
                if exact:
                    ids.put_back(tx)
        except BaseException:
            self.batch.rolled_back()
            if exact:
                ids.forget()
            raise
        self.batch.committed(result)
        self.watch.decided("worker", result.decided, result.now_us, perf_counter() - begun)
        failpoints.hit("worker.after-commit")
        for delivery, error in result.faults:
            log.error("handler.fault", **about(delivery), exc_info=error)
        if result.away:
            log.error("module.away", error=result.away)
        self._chained |= any(route.target == WORKER for p in result.posted for route in p.routes)
        self.committed(result)

    def _stock(self, needs: "dict[str, int]") -> None:
        """Fill up from blocks, each taken in a short transaction of its own."""
        ids = self.batch.ids
        short = {name: n for name, n in needs.items() if ids.missing(name, n)}
        if short:
            with self.store.transaction() as tx:
                blocks = take_all(tx, {name: max(BLOCK, n) for name, n in short.items()})
            for name, block in blocks.items():  # after the commit: before it they may be another's
                ids.add(name, block)

    def _with_care(self, fetched: Sequence[Delivery]) -> None:
        """After a start: what was never begun as a batch, its starts committed; the rest alone.

        What was under way when the last process died may be what killed it. A message that was
        begun and did not end is done alone; after three such starts it is dead, and the rest goes
        on. A process counts a message's start once: a store that is away for a while is no reason
        to call anybody a killer.
        """
        fresh = self._begin(fetched, "started = 0")
        if fresh:
            self.process(fresh)
        together = {delivery.seq for delivery in fresh}
        for delivery in fetched:
            self.alive()
            if delivery.seq not in together and self._begin([delivery], "started > 0"):
                self.process([delivery])
        self._begun.clear()

    def _begin(self, deliveries: Sequence[Delivery], among: str) -> list[Delivery]:
        """Commit that these are begun; those that may go on. What has had its starts is buried."""
        wanted = sorted(d.seq for d in deliveries if d.seq not in self._begun)
        with self.store.transaction() as tx:
            self._fence(tx, deliveries)
            rows = tx.rows(
                "UPDATE delivery SET started = started + 1 WHERE seq IN :seqs AND state = 0 "
                f"AND {among} RETURNING seq, started",
                seqs=wanted,
            )
        starts: dict[int, int] = dict(rows)
        self._begun.update(starts)
        for delivery in deliveries:
            if starts.get(delivery.seq, 0) > MAX_STARTS:
                self._bury(delivery, "killer", f"{MAX_STARTS} starts did not end")
        return [d for d in deliveries if 0 < self._begun.get(d.seq, 0) <= MAX_STARTS]

    def _bury(self, delivery: Delivery, error_class: str, error: str) -> None:
        log.error("delivery.dead", **about(delivery), error=error)
        with self.store.transaction() as tx:
            self._fence(tx, [delivery])
            rows = tx.rows(
                "SELECT state FROM delivery WHERE seq = :seq FOR UPDATE", seq=delivery.seq
            )
            if rows and rows[0][0] == OPEN:
                mark = Mark(delivery.seq, DEAD, "", delivery.attempt + 1, 0, error_class, error)
                now = self.batch.now_us()
                inbox.mark(tx, [mark], now)
                answer_unknown(tx, [delivery.message_id], now)
                self.doorbell(tx)


def about(delivery: Delivery) -> dict[str, str]:
    """What a line of the log says of the message that it is about, readable or not."""
    said = {"handler": delivery.handler}
    try:
        envelope = unseal(delivery.envelope)
    except EnvelopeError:
        return {**said, "message": delivery.message_id}
    return {**said, **subject(envelope.id, envelope.traceparent, envelope.correlationid)}
