"""The relay: publishes open deliveries that the broker has not confirmed, then marks them.

Go-back-N with one bundle in flight per partition: nothing of a partition is published before what
came before it is confirmed, so order per key survives a broker that takes the second and not the
first. A confirm that does not come aborts the link, unless the broker has said that it takes
nothing now (its memory or disk alarm): then what is under way is waited for, and nothing more is
sent. What was not marked is published again.
"""

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import structlog

from core.store.tx import Tx
from core.store.upgrade import Store
from hub import failpoints
from hub.bus.bundle import MAX_RECORDS, bundles, pack
from hub.bus.publisher import Publisher, Publishing
from hub.clock import Sources
from hub.inbox import Delivery
from hub.outbox import WORKER
from hub.partitions import every

__all__ = ["Publisher", "Relay", "reopen"]

#: A confirm takes milliseconds; after this long the link is dead, whatever TCP says.
CONFIRM_S = 10.0
#: How often a wait for confirms asks whether the broker is blocked.
LOOK_S = 0.25
#: How long a row may be open after its publication before it is published again: the broker may
#: have lost it (a queue deleted, a disk gone). A repeat is dropped by the inbox.
STALE_US = 60_000_000

log = structlog.get_logger("hub.bus.relay")

_UNPUBLISHED = (
    "SELECT d.partition, d.updated, d.seq, d.message_id, d.handler, d.origin, d.partitionkey, "
    "d.attempt, d.started, m.envelope, m.recorded "
    "FROM (SELECT * FROM delivery WHERE target = :target "
    "AND partition IN :partitions AND state = 0 AND published = 0 ORDER BY seq + 0 LIMIT :limit) d "
    "JOIN message m ON m.id = d.message_id ORDER BY d.seq"
)

InFlight = tuple["Future[bool]", list[Delivery]]


def reopen(tx: Tx, partitions: Iterable[int], now_us: int) -> int:
    """Publish again what is open of these partitions: their queues were lost, or may have been.

    What a batch is at now is left to it. Returns the highest open seq, 0 when nothing is open. A
    bundle whose confirm is on its way does not count: its row was touched after it was read.
    """
    wanted = sorted(partitions)
    tail = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
    rows = tx.rows(
        "SELECT seq FROM delivery WHERE target = :target AND partition IN :partitions "
        f"AND state = 0 ORDER BY seq + 0{tail}",
        target=WORKER,
        partitions=wanted,
    )
    seqs = [row[0] for row in rows]
    if seqs:
        tx.run(
            "UPDATE delivery SET published = 0, updated = :now WHERE seq IN :seqs AND state = 0",
            seqs=seqs,
            now=now_us,
        )
    return max(seqs, default=0)


@dataclass(slots=True)
class Relay:
    """A stage: one scan, at most one bundle per partition, their confirms, one mark."""

    store: Store
    publisher: Publishing
    sources: Sources = field(default_factory=Sources)
    _started: bool = False
    _swept: int = 0
    _read: dict[int, int] = field(default_factory=dict)  # seq -> when its row was touched last
    _held: list[InFlight] = field(default_factory=list)  # sent, and then the broker was blocked
    _lost: set[int] = field(default_factory=set)  # partitions whose queue was found empty

    def begin(self) -> None:
        """Another was at it before us: begin with everything that is open."""
        self._started = False
        self._held = []

    def step(self) -> bool:
        """Publish what is open and unconfirmed; True when something was."""
        if not self.publisher.ready():
            return False
        waiting, self._held = self._held, []
        if not waiting:
            self._again()
            rows = self._unpublished()
            if not rows:
                return False
            failpoints.hit("relay.before-publish")
            waiting = self._publish(rows)
        confirmed = self._confirmed(waiting)
        if not confirmed:
            return False
        failpoints.hit("relay.before-mark")
        with self.store.transaction() as tx:
            self._mark(tx, confirmed)
        failpoints.hit("relay.after-mark")
        return True

    def _unpublished(self) -> list[tuple[Any, ...]]:
        with self.store.reader_on_writer() as reader:
            return reader.rows(
                _UNPUBLISHED,
                target=WORKER,
                partitions=list(every()),
                limit=MAX_RECORDS * 4,
            )

    def _mark(self, tx: Tx, confirmed: list[Delivery]) -> None:
        """As it was read: what was touched and opened again meanwhile must be published again."""
        as_read: dict[tuple[int, int], list[int]] = {}
        for delivery in confirmed:
            as_read.setdefault((delivery.attempt, self._read[delivery.seq]), []).append(
                delivery.seq
            )
        for (attempt, updated), seqs in sorted(as_read.items()):
            tx.run(
                "UPDATE delivery SET published = 1, updated = :now "
                "WHERE seq IN :seqs AND state = 0 AND attempt = :attempt AND updated = :updated",
                now=self.sources.now_us(),
                seqs=seqs,
                attempt=attempt,
                updated=updated,
            )

    def _publish(self, rows: list[tuple[Any, ...]]) -> list[InFlight]:
        by_partition: dict[int, list[Delivery]] = {}
        self._read = {row[2]: row[1] for row in rows}
        for partition, _updated, *delivery in rows:
            by_partition.setdefault(partition, []).append(Delivery(*delivery))
        waiting = []
        for partition, deliveries in by_partition.items():
            first = next(bundles(deliveries))
            name = f"{first[0].message_id}/{first[0].attempt}"
            future = self.publisher.publish(partition, pack(first), name)
            waiting.append((future, first))
        return waiting

    def _confirmed(self, waiting: list[InFlight]) -> list[Delivery]:
        """What the broker has. What it may take when its alarm is over is held for then."""
        taken: list[Delivery] = []
        until = monotonic() + CONFIRM_S
        for number, (future, of_bundle) in enumerate(waiting):
            said = confirmed(future, self.publisher, until)
            if said is None:
                self._held = waiting[number:]
                break
            if said:
                taken += of_bundle
        return taken

    def _again(self) -> None:
        """At the start everything open is published again, and what was in a queue that is empty
        when the link is opened; later, what stayed open for too long."""
        self._lost |= self.publisher.emptied()
        now = self.sources.now_us()
        if self._started and self._lost:
            with self.store.transaction() as tx:
                reopen(tx, self._lost, now)
            self._lost.clear()
        if self._started and 0 <= now - self._swept < STALE_US // 4:
            return  # a clock set back sweeps at once
        stale = now - STALE_US if self._started else now
        with self.store.transaction() as tx:
            tx.run(
                "UPDATE delivery SET published = 0, updated = :now WHERE state = 0 "
                "AND published = 1 AND target = :target AND updated <= :stale",
                target=WORKER,
                now=now,
                stale=stale,
            )
        self._started, self._swept = True, now
        self._lost.clear()


def confirmed(future: "Future[bool]", publisher: Publishing, until: float) -> bool | None:
    """Whether the broker has it; None: it is blocked, ask again when it is not.

    At ``until`` (monotonic) without an answer and without an excuse the link is dropped, which
    ends the future.
    """
    while True:
        try:
            return future.result(timeout=LOOK_S)
        except TimeoutError:
            if publisher.state().blocked:
                return None
            if monotonic() > until:
                publisher.abort(f"no confirm within {CONFIRM_S} s")
                return False
