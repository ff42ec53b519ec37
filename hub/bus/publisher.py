"""The publishing half of a link to RabbitMQ: confirms and returns are told apart by our own ids.

A second channel looks at the queues now and then: how much waits in each, and whether one is gone.
"""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import pika
import structlog

from hub.bus.access import Access
from hub.bus.amqp import AmqpLink
from hub.bus.topology import Counts, count, declare, events, exchange, queue
from hub.partitions import every

#: How often the queues are looked at: a deleted one is noticed within it, without a worker too.
WATCH_S = 5.0
#: What our bodies are: a bundle of one partition, one envelope for outsiders.
BUNDLE, CLOUDEVENT = "application/x-wattbus-bundle", "application/cloudevents+json"

log = structlog.get_logger("hub.bus.publisher")


@dataclass(frozen=True, slots=True)
class BusState:
    """What a node knows of its broker. ``ready``: what waits in each queue, by its short name.

    ``blocked`` and ``refused`` are the broker's reason and the operator's sentence; empty: none.
    """

    connected: bool = False
    blocked: str = ""
    refused: str = ""
    ready: Mapping[str, int] = field(default_factory=dict)

    def words(self) -> dict[str, Any]:
        """For ``wattbus status``."""
        state = "blocked" if self.blocked else "up" if self.connected else "down"
        said: dict[str, Any] = {"state": "refused" if self.refused else state}
        why = self.refused or self.blocked
        return {**said, **({"why": why} if why else {}), "waiting": sum(self.ready.values())}


class Item(NamedTuple):
    """One message to publish: its exchange, routing key, body, our own id of it, and its kind."""

    exchange: str
    key: str
    body: bytes
    message_id: str
    kind: str = BUNDLE


class Publishing(Protocol):
    """What a relay needs of a broker."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def ready(self) -> bool:
        """Whether something can be published now."""

    def publish(self, partition: int, body: bytes, message_id: str) -> "Future[bool]":
        """Publish a bundle (from any thread); the future tells whether the broker has it."""

    def announce(self, kind: str, body: bytes, message_id: str) -> "Future[bool]":
        """Publish an event for outsiders; likewise."""

    def abort(self, why: str) -> None: ...
    def emptied(self) -> set[int]:
        """Partitions whose queue was found empty when the link was opened or a queue was gone."""

    def state(self) -> BusState: ...


class Publisher:
    """Publishes over one link to RabbitMQ."""

    def __init__(
        self, url: str | Access, prefix: str, loop: asyncio.AbstractEventLoop, name: str
    ) -> None:
        self._prefix, self._loop = prefix, loop
        self._link = AmqpLink(url, loop, name, self._opened, self._lost)
        self._pending: dict[int, Future[bool]] = {}
        self._tags: dict[str, int] = {}  # message id -> tag, of what is pending
        self._tag = 0
        self._ready = False
        self._counts: Counts = {}
        self._empty: set[int] = set()
        self._guard = threading.Lock()  # of what both threads write
        self._watch: Any = None  # the second channel
        self._timer: Any = None
        self._stopped = False

    def start(self) -> None:
        """Connect."""
        self._link.start()

    def stop(self) -> None:
        """Close."""
        self._stopped = True
        self._link.stop()

    def ready(self) -> bool:
        """Whether something can be published: connected, declared, and not blocked."""
        return self._ready and not self._link.blocked

    def connected(self) -> bool:
        """The same, be the broker's alarm on or not."""
        return self._ready

    def state(self) -> BusState:
        """For status and metrics."""
        short = {name.rpartition(".")[2]: n for name, n in self._counts.items()}
        return BusState(self._ready, self._link.blocked, self._link.refused, short)

    def publish(self, partition: int, body: bytes, message_id: str) -> "Future[bool]":
        """Publish (from any thread); the future tells whether the broker has it."""
        key = queue(self._prefix, partition)
        return self._send(Item(exchange(self._prefix), key, body, message_id))

    def announce(self, kind: str, body: bytes, message_id: str) -> "Future[bool]":
        """Publish for outsiders: taken also where nobody listens."""
        return self._send(Item(events(self._prefix), kind, body, message_id, CLOUDEVENT))

    def _send(self, item: Item) -> "Future[bool]":
        future: Future[bool] = Future()
        self._loop.call_soon_threadsafe(self._publish, item, future)
        return future

    def abort(self, why: str) -> None:
        """Drop the link (from any thread)."""
        self._loop.call_soon_threadsafe(self._link.abort, why)

    def emptied(self) -> set[int]:
        """Since the last call (from any thread)."""
        with self._guard:
            found, self._empty = self._empty, set()
        return found

    # -- on the loop -----------------------------------------------------------------------------

    def _opened(self, channel: Any) -> None:
        channel.confirm_delivery(self._confirmed)
        channel.add_on_return_callback(self._returned)
        self._tag = 0
        self._watch = None
        declare(channel, self._prefix, self._declared)

    def _declared(self, counts: Counts) -> None:
        self._counts = dict(counts)
        names = {queue(self._prefix, number): number for number in every()}
        with self._guard:
            self._empty |= {names[name] for name, n in counts.items() if name in names and not n}
        self._link.settled()
        self._ready = True
        if self._timer is None:
            self._timer = self._loop.call_later(WATCH_S, self._look)

    def _look(self) -> None:
        """Count what waits, on a channel that may die of a queue that is gone."""
        self._timer = None
        channel = self._link.channel
        if self._stopped or not self._ready or channel is None or not channel.is_open:
            return  # the next link begins anew
        self._timer = self._loop.call_later(WATCH_S, self._look)
        if self._link.blocked:
            return  # the broker does not read from us
        if self._watch is None:
            channel.connection.channel(on_open_callback=self._watching)
        elif self._watch.is_open:
            count(self._watch, self._prefix, self._counted)

    def _watching(self, channel: Any) -> None:
        self._watch = channel
        channel.add_on_close_callback(self._gone)
        count(channel, self._prefix, self._counted)

    def _counted(self, counts: Counts) -> None:
        self._counts = dict(counts)

    def _gone(self, channel: Any, reason: Any) -> None:
        """A queue was deleted: declare it again; what was in it is published again."""
        main = self._link.channel
        if channel is not self._watch:
            return
        self._watch = None
        if main is not None and main.is_open and not self._stopped:
            log.error("bus.queue-gone", reason=str(reason))
            declare(main, self._prefix, self._declared)

    def _lost(self) -> None:
        self._ready = False
        self._watch = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, {}
        self._tags.clear()
        for future in pending.values():
            future.set_result(False)

    def _publish(self, item: Item, future: "Future[bool]") -> None:
        channel = self._link.channel
        if not self._ready or channel is None or not channel.is_open:
            future.set_result(False)
            return
        self._tag += 1
        self._pending[self._tag] = future
        self._tags[item.message_id] = self._tag
        future.add_done_callback(lambda _: self._tags.pop(item.message_id, None))
        channel.basic_publish(
            item.exchange,
            item.key,
            item.body,
            pika.BasicProperties(
                delivery_mode=2, message_id=item.message_id, content_type=item.kind
            ),
            mandatory=item.kind == BUNDLE,
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
