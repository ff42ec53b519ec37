"""Putting messages on their way: the message row and its delivery rows, in the caller's commit.

A delivery row is the queue, the inbox and the outbox at once. On the engines whose bus is the
database this insert *is* the publication; on RabbitMQ the relay publishes rows that are not yet
``published`` and marks them after the broker's confirm.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.store.states import OPEN
from core.store.tx import Change, Insert, Tx
from hub.envelope import Envelope, seal
from hub.partitions import partition_of

WORKER = "worker"
BULK = "bulk"
CHANNEL = "channel:"
#: Outsiders, who listen at the broker: the events that the configuration names.
EVENTS = "events"
#: Whose handlers may answer a request; what is for a channel carries an answer out.
COMMANDS = frozenset({WORKER, BULK})

#: Lanes: what somebody waits for, and what takes hours (bill runs). Each has workers of its own; a
#: lane of its own is a target of its own, so that neither's scan of the queue sees the other.
INTERACTIVE_LANE, BULK_LANE = 0, 1


@dataclass(frozen=True, slots=True)
class Route:
    """Who handles a message: a handler's name, and where it runs."""

    handler: str
    target: str
    lane: int = INTERACTIVE_LANE


@dataclass(frozen=True, slots=True)
class Posted:
    """An envelope on its way, with what the rows need to know beside it."""

    envelope: Envelope
    routes: tuple[Route, ...]
    recorded_us: int
    channel: str = ""  # the channel instance that it came by
    origin: str = ""  # the channel that the balance books it under
    party: str = ""


_MESSAGE = (
    "id", "company", "type", "channel", "partitionkey", "party", "correlationid", "causationid",
    "envelope", "recorded",
)  # fmt: skip
_DELIVERY = (
    "message_id", "handler", "target", "origin", "lane", "partition", "partitionkey", "state",
    "due", "updated",
)  # fmt: skip


def post(tx: Tx, posted: Sequence[Posted]) -> None:
    """Write messages and their deliveries."""
    tx.write(rows_of(posted))


def rows_of(posted: Sequence[Posted], write: Callable[[Envelope], str] = seal) -> list[Change]:
    """What puts messages on their way: their rows, and a delivery for each route."""
    messages = []
    deliveries = []
    for item in posted:
        e = item.envelope
        messages.append(
            (
                e.id, e.company, e.type, item.channel, e.partitionkey, item.party,
                e.correlationid, e.causationid, write(e), item.recorded_us,
            )
        )  # fmt: skip
        partition = partition_of(e.partitionkey)
        deliveries += [
            (
                e.id, route.handler, route.target, item.origin, route.lane, partition,
                e.partitionkey, OPEN, 0, item.recorded_us,
            )
            for route in item.routes
        ]  # fmt: skip
    return [Insert("message", _MESSAGE, messages), Insert("delivery", _DELIVERY, deliveries)]
