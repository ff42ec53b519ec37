"""The worker's side of RabbitMQ: bundles of its leased partitions, acknowledged after the commit.

The connection lives on a loop in a thread of its own; bundles cross to the worker by a queue. A
lease that is lost cancels its consumer, and what it held goes back to the broker. A bundle with
something unreadable in it goes to the stray queue as it came, with the reason; what is readable
of it is worked on, the rest of it is published again, for its rows are open. A queue that is
deleted is declared again, and ``reopen`` is told that what was in it must be published again.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pika
import structlog

from hub import failpoints
from hub.bus import Taken
from hub.bus.access import Access
from hub.bus.amqp import AmqpLink
from hub.bus.bundle import MAX_FAULTS, of_partition, opened
from hub.bus.topology import declare, stray
from hub.bus.topology import queue as queue_name
from hub.inbox import Delivery

#: Bundles that the broker hands over before we acknowledge one, per partition.
PREFETCH = 4

#: Told on the worker's thread: these partitions' open rows must be published again. The highest.
Reopen = Callable[[Sequence[int]], int]

log = structlog.get_logger("hub.bus.rabbit")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A bundle with the channel that it must be acknowledged on."""

    channel: Any
    tag: int
    partition: int
    body: bytes
    redelivered: bool


class RabbitSource:
    """Bundles of the partitions that this worker leases."""

    def __init__(
        self,
        url: str | Access,
        prefix: str,
        name: str,
        wake: Callable[[], None],
        reopen: Reopen = lambda _partitions: 0,
    ) -> None:
        self._prefix, self._wake, self._reopen = prefix, wake, reopen
        self._loop = asyncio.new_event_loop()
        self._link = AmqpLink(url, self._loop, name, self._opened)
        self._thread = threading.Thread(target=self._run, name="amqp", daemon=True)
        self._arrived: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
        self._deleted: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._lost: set[int] = set()  # the worker's thread knows that these must be reopened
        self._wanted: set[int] = set()
        self._consuming: dict[int, str] = {}
        self._channel: Any = None

    def start(self) -> None:
        """Connect, in the thread."""
        self._thread.start()
        self._link.start()

    def stop(self) -> None:
        """Close: what is not acknowledged goes back to the broker."""
        self._link.stop()
        self._loop.call_soon_threadsafe(self._loop.call_later, 0.2, self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def assign(self, partitions: Sequence[int]) -> None:
        """Consume these partitions and no others: the next take gives none of another's."""
        self._wanted = set(partitions)
        self._loop.call_soon_threadsafe(self._assign, set(partitions))

    # -- on the loop -----------------------------------------------------------------------------

    def _assign(self, wanted: set[int]) -> None:
        channel = self._channel
        if channel is None or not channel.is_open:
            return
        for partition in set(self._consuming) - wanted:
            channel.basic_cancel(self._consuming.pop(partition))
        for partition in wanted - set(self._consuming):
            self._consuming[partition] = channel.basic_consume(
                queue_name(self._prefix, partition), self._receiver(partition)
            )

    def _opened(self, channel: Any) -> None:
        self._consuming = {}
        channel.add_on_cancel_callback(lambda frame: self._cancelled(channel, frame))
        declare(channel, self._prefix, lambda _counts: self._declared(channel))

    def _declared(self, channel: Any) -> None:
        self._link.settled()
        channel.basic_qos(prefetch_count=PREFETCH)
        self._channel = channel
        self._assign(self._wanted)

    def _cancelled(self, channel: Any, frame: Any) -> None:
        """The broker took a consumer away: its queue was deleted, with what was in it."""
        gone = [n for n, tag in self._consuming.items() if tag == frame.method.consumer_tag]
        for partition in gone:
            del self._consuming[partition]
        log.error("bus.queue-gone", partitions=gone)
        if channel.is_open:
            declare(channel, self._prefix, lambda _counts: self._restored(channel, gone))

    def _restored(self, channel: Any, partitions: list[int]) -> None:
        """It is there again: from now on what is published is not lost, so publish it again."""
        self._declared(channel)
        for partition in partitions:
            self._deleted.put(partition)
        self._wake()

    def _receiver(self, partition: int) -> Callable[[Any, Any, Any, bytes], None]:
        def receive(channel: Any, method: Any, _properties: Any, body: bytes) -> None:
            self._arrived.put(
                Arrived(channel, method.delivery_tag, partition, body, method.redelivered)
            )
            self._wake()

        return receive

    # -- on the worker's thread ------------------------------------------------------------------

    def take(self, limit: int) -> Taken | None:
        """Every bundle that is waiting, up to about ``limit`` messages."""
        self._reopen_lost()
        bundles: list[Arrived] = []
        deliveries: list[Delivery] = []
        while len(deliveries) < limit:
            try:
                arrived = self._arrived.get_nowait()
            except queue.Empty:
                break
            if arrived.partition not in self._wanted:
                self._give_back(arrived)
                continue
            found = opened(arrived.body)
            if found.faults:
                self._strayed(arrived, found.faults)
            bundles.append(arrived)
            deliveries += of_partition(found.deliveries, arrived.partition)
        if not bundles:
            return None
        again = any(arrived.redelivered for arrived in bundles)
        return Taken(
            deliveries, lambda: self._acknowledge(bundles), again, lambda: self._return(bundles)
        )

    def _reopen_lost(self) -> None:
        """Kept until it was done: the store may be away for a while."""
        while not self._deleted.empty():
            self._lost.add(self._deleted.get_nowait())
        if self._lost:
            self._reopen(sorted(self._lost))
            self._lost.clear()

    def _strayed(self, arrived: Arrived, faults: list[str]) -> None:
        """Keep what cannot be read where people find it. Its acknowledgement comes after it on the
        same channel: the broker has the evidence before it forgets the bundle."""
        reason = "; ".join(faults[:MAX_FAULTS])
        log.error("bundle.stray", partition=arrived.partition, reason=reason)
        headers = {"wattbus-queue": queue_name(self._prefix, arrived.partition), "reason": reason}

        def publish() -> None:
            if arrived.channel.is_open:
                properties = pika.BasicProperties(delivery_mode=2, headers=headers)
                arrived.channel.basic_publish(stray(self._prefix), "", arrived.body, properties)

        self._loop.call_soon_threadsafe(publish)

    def _acknowledge(self, bundles: list[Arrived]) -> None:
        failpoints.hit("consumer.before-ack")
        self._loop.call_soon_threadsafe(self._ack, bundles)

    @staticmethod
    def _ack(bundles: list[Arrived]) -> None:
        for arrived in bundles:
            if arrived.channel.is_open:
                arrived.channel.basic_ack(arrived.tag)

    def _return(self, bundles: list[Arrived]) -> None:
        for arrived in bundles:
            self._give_back(arrived)

    def _give_back(self, arrived: Arrived) -> None:
        def reject() -> None:
            if arrived.channel.is_open:
                arrived.channel.basic_reject(arrived.tag, requeue=True)

        self._loop.call_soon_threadsafe(reject)
