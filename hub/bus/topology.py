"""What we declare on the broker: one exchange, a quorum queue per partition, a net for strays.

Every argument is explicit, so that RabbitMQ 3.10 and 4.x do the same. The delivery limit and the
dead-letter exchange are only a net: attempts and dead letters live in our database.
"""

from collections.abc import Callable
from typing import Any

from hub.outbox import PARTITIONS

#: The broker's own limit on redeliveries, far above our three starts.
DELIVERY_LIMIT = 100


def exchange(prefix: str) -> str:
    """The direct exchange that bundles are published to."""
    return f"{prefix}.bundles"


def queue(prefix: str, partition: int) -> str:
    """The queue of a partition; also its routing key."""
    return f"{prefix}.work.{partition:02d}"


def declare(channel: Any, prefix: str, then: Callable[[], None]) -> None:
    """Declare everything in order; a mismatch closes the channel with its reason."""
    stray = f"{prefix}.stray"
    steps: list[Callable[[Any], None]] = [
        lambda go: channel.exchange_declare(stray, "fanout", durable=True, callback=go),
        lambda go: channel.queue_declare(
            stray, durable=True, arguments={"x-queue-type": "quorum", "x-max-length": 10_000},
            callback=go,
        ),
        lambda go: channel.queue_bind(stray, stray, "", callback=go),
        lambda go: channel.exchange_declare(
            exchange(prefix), "direct", durable=True, arguments={"alternate-exchange": stray},
            callback=go,
        ),
    ]  # fmt: skip
    for number in range(PARTITIONS):
        steps += _partition_steps(channel, prefix, queue(prefix, number), stray)
    _run(steps, then)


def _partition_steps(
    channel: Any, prefix: str, name: str, stray: str
) -> list[Callable[[Any], None]]:
    arguments = {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-overflow": "reject-publish",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": stray,
        "x-dead-letter-strategy": "at-least-once",
    }
    return [
        lambda go: channel.queue_declare(name, durable=True, arguments=arguments, callback=go),
        lambda go: channel.queue_bind(name, exchange(prefix), name, callback=go),
    ]


def _run(steps: list[Callable[[Any], None]], then: Callable[[], None]) -> None:
    if not steps:
        then()
        return
    steps[0](lambda _frame: _run(steps[1:], then))
