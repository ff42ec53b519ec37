"""What we declare on the broker: an exchange for bundles with a quorum queue per partition, an
exchange of events for outsiders, a net for strays.

Every argument is explicit, so that RabbitMQ 3.10 and 4.x do the same. The delivery limit and the
dead-letter exchange are only a net: attempts and dead letters live in our database.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.partitions import every

#: The broker's own limit on redeliveries, far above our three starts.
DELIVERY_LIMIT = 100
#: Strays that are kept as evidence; beyond it the oldest give way.
STRAYS = 10_000

Counts = Mapping[str, int]  # queue -> messages that wait in it


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange that must be there."""

    name: str
    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue that must be there, and its binding."""

    name: str
    source: str
    key: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def exchange(prefix: str) -> str:
    """The direct exchange that bundles are published to."""
    return f"{prefix}.bundles"


def events(prefix: str) -> str:
    """The topic exchange that outsiders bind to; the routing key is the type."""
    return f"{prefix}.events"


def stray(prefix: str) -> str:
    """Exchange and queue of what nobody can route or read."""
    return f"{prefix}.stray"


def queue(prefix: str, partition: int) -> str:
    """The queue of a partition; also its routing key."""
    return f"{prefix}.work.{partition:02d}"


def wanted(prefix: str) -> list[Exchange | Queue]:
    """Everything, in the order in which it is declared."""
    net = stray(prefix)
    kept = {"x-queue-type": "quorum", "x-max-length": STRAYS}
    arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-overflow": "reject-publish",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": net,
        "x-dead-letter-strategy": "at-least-once",
    }
    names = [queue(prefix, number) for number in every()]
    return [
        Exchange(net, "fanout"),
        Queue(net, net, "", kept),
        Exchange(exchange(prefix), "direct", {"alternate-exchange": net}),
        *(Queue(name, exchange(prefix), name, arguments) for name in names),
        Exchange(events(prefix), "topic"),
    ]


def declare(channel: Any, prefix: str, then: Callable[[Counts], None]) -> None:
    """Declare everything in order; ``then`` gets what waits in each queue.

    A mismatch closes the channel with its reason (``hub.bus.access.refusal`` puts it in words).
    """
    counts: dict[str, int] = {}
    steps = [step for each in wanted(prefix) for step in steps_of(channel, each, counts)]
    _run(iter(steps), lambda: then(counts))


Step = Callable[[Callable[[Any], None]], None]


def steps_of(channel: Any, each: Exchange | Queue, counts: dict[str, int]) -> list[Step]:
    """The calls that declare one thing; each takes what to do with the broker's answer."""
    if isinstance(each, Exchange):
        return [
            lambda go: channel.exchange_declare(
                each.name, each.kind, durable=True, arguments=dict(each.arguments), callback=go
            )
        ]

    def counted(go: Callable[[Any], None]) -> Callable[[Any], None]:
        def note(frame: Any) -> None:
            counts[each.name] = frame.method.message_count
            go(frame)

        return note

    return [
        lambda go: channel.queue_declare(
            each.name, durable=True, arguments=dict(each.arguments), callback=counted(go)
        ),
        lambda go: channel.queue_bind(each.name, each.source, each.key, callback=go),
    ]


def count(channel: Any, prefix: str, then: Callable[[Counts], None]) -> None:
    """What waits in each queue, by passive declarations: one that is gone closes the channel."""
    counts: dict[str, int] = {}

    def ask(name: str) -> Step:
        def step(go: Callable[[Any], None]) -> None:
            def note(frame: Any) -> None:
                counts[name] = frame.method.message_count
                go(frame)

            channel.queue_declare(name, passive=True, callback=note)

        return step

    names = [each.name for each in wanted(prefix) if isinstance(each, Queue)]
    _run(iter([ask(name) for name in names]), lambda: then(counts))


def _run(steps: Iterator[Step], then: Callable[[], None]) -> None:
    step = next(steps, None)
    if step is None:
        then()
        return
    step(lambda _frame: _run(steps, then))
