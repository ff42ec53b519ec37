"""The relay: publishes open deliveries that the broker has not confirmed, then marks them.

Go-back-N with one bundle in flight per partition: nothing of a partition is published before what
came before it is confirmed, so order per key survives a broker that takes the second and not the
first. A confirm that does not come aborts the link; what was not marked is published again.
"""

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pika
import structlog

from core.store.tx import Tx
from core.store.upgrade import Store
from hub import failpoints
from hub.bus.amqp import AmqpLink
from hub.bus.bundle import MAX_RECORDS, bundles, pack
from hub.bus.topology import declare, exchange, queue
from hub.clock import Sources
from hub.inbox import Delivery
from hub.outbox import PARTITIONS, WORKER

#: A confirm takes milliseconds; after this long the link is dead, whatever TCP says.
CONFIRM_S = 10.0
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


class Publisher:
    """The publishing half of a link: confirms and returns are told apart by our own ids."""

    def __init__(self, url: str, prefix: str, loop: asyncio.AbstractEventLoop, name: str) -> None:
        self._prefix, self._loop = prefix, loop
        self._link = AmqpLink(url, loop, name, self._opened, self._lost)
        self._pending: dict[int, Future[bool]] = {}
        self._tags: dict[str, int] = {}  # message id -> tag, of what is pending
        self._tag = 0
        self._ready = False

    def start(self) -> None:
        """Connect."""
        self._link.start()

    def stop(self) -> None:
        """Close."""
        self._link.stop()

    def ready(self) -> bool:
        """Whether something can be published."""
        return self._ready

    def publish(self, partition: int, body: bytes, message_id: str) -> "Future[bool]":
        """Publish (from any thread); the future tells whether the broker has it."""
        future: Future[bool] = Future()
        self._loop.call_soon_threadsafe(self._publish, partition, body, message_id, future)
        return future

    def abort(self, why: str) -> None:
        """Drop the link (from any thread)."""
        self._loop.call_soon_threadsafe(self._link.abort, why)

    def _opened(self, channel: Any) -> None:
        channel.confirm_delivery(self._confirmed)
        channel.add_on_return_callback(self._returned)
        self._tag = 0
        declare(channel, self._prefix, self._declared)

    def _declared(self) -> None:
        self._ready = True

    def _lost(self) -> None:
        self._ready = False
        pending, self._pending = self._pending, {}
        self._tags.clear()
        for future in pending.values():
            future.set_result(False)

    def _publish(
        self, partition: int, body: bytes, message_id: str, future: "Future[bool]"
    ) -> None:
        channel = self._link.channel
        if not self._ready or channel is None or not channel.is_open:
            future.set_result(False)
            return
        self._tag += 1
        self._pending[self._tag] = future
        self._tags[message_id] = self._tag
        future.add_done_callback(lambda _: self._tags.pop(message_id, None))
        channel.basic_publish(
            exchange(self._prefix),
            queue(self._prefix, partition),
            body,
            pika.BasicProperties(
                delivery_mode=2, message_id=message_id, content_type="application/x-wattbus-bundle"
            ),
            mandatory=True,
        )

    def _confirmed(self, frame: Any) -> None:
        method = frame.method
        taken = method.NAME == "Basic.Ack"
        tags = [tag for tag in self._pending if tag <= method.delivery_tag]
        for tag in tags if method.multiple else [method.delivery_tag]:
            future = self._pending.pop(tag, None)
            if future is not None:
                future.set_result(taken)

    def _returned(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        """Unroutable: the return comes before its confirm, and names our own id."""
        log.error("bundle.returned", queue=method.routing_key, reason=method.reply_text)
        tag = self._tags.get(properties.message_id)
        future = self._pending.pop(tag, None) if tag is not None else None
        if future is not None:
            future.set_result(False)


@dataclass(slots=True)
class Relay:
    """A stage: one scan, at most one bundle per partition, their confirms, one mark."""

    store: Store
    publisher: Publisher
    sources: Sources = field(default_factory=Sources)
    _started: bool = False
    _swept: int = 0
    _read: dict[int, int] = field(default_factory=dict)  # seq -> when its row was touched last

    def begin(self) -> None:
        """Another was at it before us: begin with everything that is open."""
        self._started = False

    def step(self) -> bool:
        """Publish what is open and unconfirmed; True when something was."""
        if not self.publisher.ready():
            return False
        self._again()
        with self.store.reader_on_writer() as reader:
            rows = reader.rows(
                _UNPUBLISHED,
                target=WORKER,
                partitions=list(range(PARTITIONS)),
                limit=MAX_RECORDS * 4,
            )
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

    def _publish(self, rows: list[tuple[Any, ...]]) -> "list[tuple[Future[bool], list[Delivery]]]":
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

    def _confirmed(self, waiting: "list[tuple[Future[bool], list[Delivery]]]") -> list[Delivery]:
        taken: list[Delivery] = []
        for future, of_bundle in waiting:
            try:
                if future.result(timeout=CONFIRM_S):
                    taken += of_bundle
            except TimeoutError:
                self.publisher.abort(f"no confirm within {CONFIRM_S} s")
                break
        return taken

    def _again(self) -> None:
        """At the start everything open is published again; later, what stayed open for too long."""
        now = self.sources.now_us()
        if self._started and 0 <= now - self._swept < STALE_US // 4:
            return  # a clock set back sweeps at once
        stale = now - STALE_US if self._started else now
        self._started, self._swept = True, now
        with self.store.transaction() as tx:
            tx.run(
                "UPDATE delivery SET published = 0 WHERE state = 0 AND published = 1 "
                "AND target = :target AND updated <= :stale",
                target=WORKER,
                stale=stale,
            )
