"""The bulk lane: what takes hours is done beside what somebody waits for, one command at a time.

A command is locked, done and marked in one transaction: its row lock is the lease. Who is killed
frees it at once, who is frozen holds only his own, and a connection that was cut cannot commit; so
any number of bulk workers take from one list, on every engine the table itself (ADR 0011). On
SQLite this is a stage of the one writing thread, which does whatever waits between two commands.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import msgspec
import structlog

from core.billing.shapes import BillingError
from core.billing.shapes import Draw as DrawIds
from core.company import Terms
from core.messages import Answer, Message
from core.store.ids import take
from core.store.states import DEAD
from core.store.tx import TransientStoreError, Tx
from core.store.upgrade import Store
from hub import balance, failpoints, inbox
from hub.batch import answer_unknown, answered
from hub.billbulk import HANDLERS, BulkHandler, Ended, Means
from hub.clock import Sources
from hub.envelope import Envelope, EnvelopeError, body_of, caused, unseal
from hub.inbox import Delivery, Mark, Trouble
from hub.outbox import BULK, Posted, rows_of
from hub.routing import Routing
from hub.watch import Decided, Watch
from hub.worker import MAX_STARTS, NOT_THEIRS, about

log = structlog.get_logger("hub.bulk")
_encode = msgspec.json.encode


@dataclass(slots=True)
class BulkWorker:
    """A stage. ``counter``: on PostgreSQL a connection of its own for ids, so that no counter's row
    is held as long as a chunk takes. ``doorbell``: an answer was written."""

    store: Store
    terms: Mapping[str, Terms]
    routing: Routing
    writer: str
    sources: Sources = field(default_factory=Sources)
    counter: Store | None = None
    doorbell: Callable[[Tx], None] = lambda _tx: None
    watch: Watch = field(default_factory=Watch)
    _memory: dict[Any, Any] = field(default_factory=dict)
    _fresh: bool = True  # nothing has been begun by this process

    def step(self) -> bool:
        """One command; True when there was one. Raises TransientStoreError: nothing was done."""
        if self._fresh:
            self._count()
            self._fresh = False
        return self._one()

    def _one(self) -> bool:
        found: list[Delivery] = []
        begun, begun_us = perf_counter(), self.sources.now_us()
        try:
            with self.store.transaction() as tx:
                delivery = inbox.next_of(tx, BULK)
                if delivery is None:
                    return False
                found.append(delivery)
                handler, done = self._do(tx, delivery)
        except (TransientStoreError, *NOT_THEIRS):
            raise
        except Exception as error:
            if not found:
                raise
            self._failed(found[0], error)
            return True
        self.watch.decided("bulk", [done], begun_us, perf_counter() - begun)
        if handler.point:
            failpoints.hit(f"{handler.point}.after-commit")
        return True

    def _do(self, tx: Tx, delivery: Delivery) -> tuple[BulkHandler, Decided]:
        now = self.sources.now_us()
        envelope = unseal(delivery.envelope)
        message = body_of(envelope)
        handler = HANDLERS[envelope.type]
        means = Means(tx, self._draw(tx), now, self.terms[envelope.company], self._memory)
        ended = handler.do(means, message)
        self._write(tx, delivery, envelope, ended, now)
        if handler.point:
            failpoints.hit(f"{handler.point}.before-commit")
        told = (delivery.recorded_us, envelope.traceparent, str(ended.answer.outcome))
        return handler, Decided(delivery.message_id, delivery.handler, *told)

    def _draw(self, tx: Tx) -> DrawIds:
        counter = self.counter
        if counter is None:
            return lambda name, count: take(tx, name, count).start

        def counted(name: str, count: int) -> int:
            with counter.transaction() as own:
                return take(own, name, count).start

        return counted

    def _write(
        self, tx: Tx, delivery: Delivery, envelope: Envelope, ended: Ended, now: int
    ) -> None:
        """The inbox's mark, the answer, the counts and what follows, in the work's own commit."""
        outcome = str(ended.answer.outcome)
        posted = [self._posted(envelope, delivery, each, now) for each in ended.follow]
        tallies: balance.Tallies = Counter({(delivery.origin, delivery.handler, outcome): 1})
        for item in posted:
            for route in item.routes:
                tallies[item.origin, route.handler, balance.ACCEPTED] += 1
        changes = [inbox.marked([inbox.done(delivery, outcome)], now), *rows_of(posted)]
        if envelope.idempotencykey:
            changes.append(answered([(delivery.message_id, _said(ended.answer))], now))
            self.doorbell(tx)
        tx.write([*changes, balance.counted(self.writer, tallies)])

    def _posted(self, cause: Envelope, delivery: Delivery, message: Message, now: int) -> Posted:
        envelope = caused(cause, message, now, self.sources.random_bytes)
        routes = self.routing.routes(cause.company, message)
        return Posted(envelope, routes, now, "", delivery.origin)

    def _failed(self, delivery: Delivery, error: Exception) -> None:
        """Nothing of it was kept. What people must look at is dead at once, the rest is retried."""
        log.error("bulk.failed", **about(delivery), error=f"{error}")
        theirs = isinstance(error, BillingError | EnvelopeError | KeyError)
        told = (type(error).__name__, f"{type(error).__name__}: {error}")
        jitter = int.from_bytes(self.sources.random_bytes(2)) / 32_767.5 - 1
        now = self.sources.now_us()
        trouble = Trouble(*told, retry=not theirs)
        self._mark(inbox.failed(delivery, trouble, now, jitter), delivery, now)

    def _mark(self, mark: Mark, delivery: Delivery, now: int) -> None:
        """Unless another has ended it meanwhile."""
        with self.store.transaction() as tx:
            if not inbox.still_open(tx, [delivery]):
                return
            inbox.mark(tx, [mark], now)
            if mark.state == DEAD:
                answer_unknown(tx, [delivery.message_id], now)
                self.doorbell(tx)

    # -- what kills its process ------------------------------------------------------------------

    def _count(self) -> None:
        """The first command of a process may be what killed the one before: its start is committed
        before it is begun, and after some starts that did not end it is dead."""
        with self.store.transaction() as tx:
            delivery = inbox.next_of(tx, BULK)
            if delivery is None or not _ours(tx, delivery.seq):
                return
            starts = delivery.started + 1
            tx.update("delivery", ("seq", "started"), [(delivery.seq, starts)])
        if starts > MAX_STARTS:
            log.error("bulk.dead", **about(delivery))
            why = ("killer", f"{MAX_STARTS} starts did not end")
            mark = Mark(delivery.seq, DEAD, "", delivery.attempt + 1, 0, *why)
            self._mark(mark, delivery, self.sources.now_us())


def _ours(tx: Tx, seq: int) -> bool:
    """Whether nobody who lives has counted this start. The lock ends with its session: those that
    begin together must not count each other's start."""
    if tx.dialect != "postgresql":
        return True
    return bool(tx.rows("SELECT pg_try_advisory_lock(:seq)", seq=seq)[0][0])


def _said(answer: Answer) -> str:
    return _encode(answer).decode()
