"""The bus: how a worker comes to its deliveries, and how they get there.

The truth is always the delivery rows. On the engines whose bus is the database a source scans
them; on RabbitMQ a relay publishes what is open in bundles, and a source takes the bundles. The
bus may lose or repeat: what stays open is published again, and the inbox drops what is done.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.inbox import Delivery


@dataclass(frozen=True, slots=True)
class Taken:
    """What a source gave. ``done`` is called after the commit; ``again`` marks a redelivery.

    ``back`` gives it up uncommitted: it has become another worker's. ``more``: others may be
    waiting at once; without it nothing is there until the next wake-up.
    """

    deliveries: Sequence[Delivery]
    done: Callable[[], None] = lambda: None
    again: bool = False
    back: Callable[[], None] = lambda: None
    more: bool = True


class Source(Protocol):
    """Where a worker's deliveries come from."""

    def take(self, limit: int) -> Taken | None:
        """What is waiting now, oldest first; None when there is nothing."""

    def assign(self, partitions: Sequence[int]) -> None:
        """Work on these partitions from now on."""
