"""Other brokers by kombu (Redis, SQS, …): a second choice, imported only where it is asked for.

A thread for each connection, which alone touches it: publications and acknowledgements come to it
by queues. What such a broker loses, or keeps for a dead worker until its visibility time-out, is an
open row in our database: a source that takes partitions over, or lost its connection, has them
published again, and a repeat is dropped by the inbox. docs/brokers.md says what that costs.
"""

import contextlib
import queue
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

import structlog

from hub import failpoints
from hub.bus import Taken
from hub.bus.access import Access, AccessError
from hub.bus.bundle import of_partition, unpack
from hub.bus.publisher import BUNDLE, BusState
from hub.bus.rabbit import PREFETCH, Reopen
from hub.bus.topology import queue as queue_name
from hub.inbox import Delivery
from hub.partitions import every

kombu: Any = import_module("kombu")  # it has no types

#: How long a look for new bundles takes; acknowledgements wait for its end.
POLL_S = 0.05
#: How often an idle publisher asks the broker how much waits: a dead one is noticed by it.
LOOK_S = 2.0
#: What a broker keeps for a worker that does not acknowledge; longer than any batch. Our own rows
#: are published again sooner where it matters.
VISIBLE_S = 60
#: Waits before the next try to connect: doubled up to the most, with jitter.
AGAIN_S, AGAIN_MOST_S = 0.5, 15.0
CONNECT_S = 5.0

log = structlog.get_logger("hub.bus.kombu")


class Job(NamedTuple):
    """A bundle to publish, and who waits for the broker's word."""

    partition: int
    body: bytes
    future: "Future[bool]"


class _Line:
    """A connection in a thread of its own, opened again by itself."""

    def __init__(self, access: Access, prefix: str, name: str) -> None:
        self._access, self._prefix, self._name = access, prefix, name
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.connected, self.refused = False, ""

    def start(self) -> None:
        """Connect, in the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Close: what is not acknowledged goes back to the broker."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        again = AGAIN_S
        while not self._stopping.is_set():
            try:
                with self._connection() as connection:
                    connection.connect()
                    channel = connection.channel()
                    self._opened(channel)
                    self.connected, self.refused, again = True, "", AGAIN_S
                    log.info("kombu.up", link=self._name)
                    while not self._stopping.is_set():
                        self._turn(channel)
                    self._ending()
            except AccessError as error:
                self.refused = str(error)
                log.error("kombu.refused", link=self._name, why=self.refused)
            except Exception as error:  # each transport has its own ways to fail: all are outages
                log.warning("kombu.lost", link=self._name, error=f"{type(error).__name__}: {error}")
            self.connected = False
            self._lost()
            self._stopping.wait(again * random.uniform(0.8, 1.2))
            again = min(again * 2, AGAIN_MOST_S)

    def _connection(self) -> Any:
        options: dict[str, Any] = {
            "confirm_publish": True,
            "visibility_timeout": VISIBLE_S,
            "global_keyprefix": f"{self._prefix}:",
            "polling_interval": POLL_S,
            "socket_timeout": CONNECT_S,
            "socket_connect_timeout": CONNECT_S,
        }
        return kombu.Connection(
            self._access.full_url(), connect_timeout=CONNECT_S, transport_options=options
        )

    def _opened(self, channel: Any) -> None:
        """There is a new channel."""

    def _turn(self, channel: Any) -> None:
        """Do what is waiting, for a moment."""
        raise NotImplementedError

    def _ending(self) -> None:
        """The channel is about to be closed in order."""

    def _lost(self) -> None:
        """The channel is no more."""


class KombuPublisher(_Line):
    """The publishing half: one bundle at a time, each with the broker's word."""

    def __init__(self, access: Access, prefix: str, name: str) -> None:
        super().__init__(access, prefix, name)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()  # None: wake up
        self._guard = threading.Lock()
        self._empty: set[int] = set()
        self._counts: dict[str, int] = {}
        self._producer: Any = None

    def stop(self) -> None:
        """Close, at once."""
        self._stopping.set()
        self._jobs.put(None)
        super().stop()

    def ready(self) -> bool:
        """Whether something can be published."""
        return self.connected

    def state(self) -> BusState:
        """For status and metrics."""
        return BusState(self.connected, "", self.refused, self._counts)

    def emptied(self) -> set[int]:
        """Partitions whose queue was empty when the connection was opened."""
        with self._guard:
            found, self._empty = self._empty, set()
        return found

    def publish(self, partition: int, body: bytes, message_id: str) -> "Future[bool]":
        """Publish (from any thread); the future tells whether the broker has it."""
        del message_id  # nothing is returned here: a queue takes what it is given
        future: Future[bool] = Future()
        if not self.connected:
            future.set_result(False)
            return future
        self._jobs.put(Job(partition, body, future))
        return future

    def announce(self, kind: str, body: bytes, message_id: str) -> "Future[bool]":
        """Events for outsiders need RabbitMQ."""
        del kind, body, message_id
        future: Future[bool] = Future()
        future.set_result(False)
        return future

    def abort(self, why: str) -> None:
        """A publication that takes too long ends by its socket's time-out."""
        log.error("kombu.slow", link=self._name, why=why)

    def _opened(self, channel: Any) -> None:
        self._producer = kombu.Producer(channel)
        self._count(channel)
        with self._guard:
            self._empty |= {n for n in every() if not self._counts.get(f"{n:02d}")}

    def _count(self, channel: Any) -> None:
        found = {}
        for number in every():
            declared = channel.queue_declare(queue=queue_name(self._prefix, number), durable=True)
            found[f"{number:02d}"] = int(declared.message_count)
        self._counts = found

    def _turn(self, channel: Any) -> None:
        try:
            job = self._jobs.get(timeout=LOOK_S)
        except queue.Empty:
            self._count(channel)
            return
        if job is None:
            return
        try:
            self._producer.publish(
                job.body,
                exchange="",
                routing_key=queue_name(self._prefix, job.partition),
                content_type=BUNDLE,
                content_encoding="binary",
                delivery_mode=2,
            )
        except BaseException:
            job.future.set_result(False)
            raise
        job.future.set_result(True)

    def _lost(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    job.future.set_result(False)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A bundle with the message that it must be acknowledged by."""

    message: Any
    partition: int
    body: bytes
    redelivered: bool


class KombuSource(_Line):
    """Bundles of the partitions that this worker leases."""

    def __init__(
        self,
        access: Access,
        prefix: str,
        name: str,
        wake: Callable[[], None],
        reopen: Reopen = lambda _partitions: 0,
    ) -> None:
        super().__init__(access, prefix, name)
        self._wake, self._reopen = wake, reopen
        self._arrived: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
        self._over: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wanted: set[int] = set()
        self._consumed: set[int] = set()
        self._guard = threading.Lock()
        self._doubtful: set[int] = set()  # what is open of these must be published again
        self._careful_to = 0  # what was open at a take-over may be what killed the last worker

    def assign(self, partitions: Sequence[int]) -> None:
        """Consume these and no others. What is new to us may lie with its last worker."""
        new = set(partitions) - self._wanted
        self._wanted = set(partitions)
        with self._guard:
            self._doubtful |= new

    # -- on the connection's thread --------------------------------------------------------------

    def _opened(self, channel: Any) -> None:
        del channel
        self._consumed = set()
        with self._guard:  # a reply of the broker may have been lost on its way
            self._doubtful |= self._wanted

    def _turn(self, channel: Any) -> None:
        self._acknowledge_all()
        wanted = set(self._wanted)
        if wanted != self._consumed:
            self._consume(channel, wanted)
        if not wanted:
            self._stopping.wait(POLL_S)
            return
        with contextlib.suppress(TimeoutError):
            channel.connection.client.drain_events(timeout=POLL_S)

    def _consume(self, channel: Any, wanted: set[int]) -> None:
        channel.basic_qos(0, PREFETCH * max(1, len(wanted)), False)
        for partition in self._consumed - wanted:
            channel.basic_cancel(queue_name(self._prefix, partition))
        for partition in wanted - self._consumed:
            name = queue_name(self._prefix, partition)
            channel.queue_declare(queue=name, durable=True)
            channel.basic_consume(name, False, self._receiver(channel, partition), name)
        self._consumed = wanted

    def _receiver(self, channel: Any, partition: int) -> Callable[[Any], None]:
        def receive(raw: Any) -> None:
            message = channel.message_to_python(raw) if isinstance(raw, dict) else raw
            body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
            again = bool((message.delivery_info or {}).get("redelivered"))
            self._arrived.put(Arrived(message, partition, body, again))
            self._wake()

        return receive

    def _ending(self) -> None:
        self._acknowledge_all()

    def _acknowledge_all(self) -> None:
        """Acknowledge what was done on the channel that is open; on a lost one it comes again."""
        while not self._over.empty():
            self._over.get_nowait()()

    def _lost(self) -> None:
        """What was handed over goes on; its acknowledgement has nowhere to go."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._over.get_nowait()

    # -- on the worker's thread ------------------------------------------------------------------

    def take(self, limit: int) -> Taken | None:
        """Every bundle that is waiting, up to about ``limit`` messages."""
        self._reopen_doubtful()
        bundles: list[Arrived] = []
        deliveries: list[Delivery] = []
        while len(deliveries) < limit:
            try:
                arrived = self._arrived.get_nowait()
            except queue.Empty:
                break
            if arrived.partition not in self._wanted:
                self._return([arrived])
                continue
            bundles.append(arrived)
            deliveries += of_partition(unpack(arrived.body), arrived.partition)
        if not bundles:
            return None
        again = any(each.redelivered for each in bundles) or any(
            delivery.seq <= self._careful_to for delivery in deliveries
        )
        return Taken(deliveries, lambda: self._done(bundles), again, lambda: self._return(bundles))

    def _reopen_doubtful(self) -> None:
        """Kept until it was done: the store may be away for a while."""
        with self._guard:
            doubtful, self._doubtful = self._doubtful, set()
        if not doubtful:
            return
        try:
            self._careful_to = max(self._careful_to, self._reopen(sorted(doubtful)))
        except BaseException:
            with self._guard:
                self._doubtful |= doubtful
            raise

    def _done(self, bundles: list[Arrived]) -> None:
        failpoints.hit("consumer.before-ack")
        for arrived in bundles:
            self._over.put(arrived.message.ack)

    def _return(self, bundles: list[Arrived]) -> None:
        for arrived in bundles:
            self._over.put(arrived.message.requeue)
