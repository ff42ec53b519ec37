"""Queues of another count of partitions (RabbitMQ): emptied, and those beyond the count deleted.

No node lives meanwhile. All that lies in them is published again from its rows, so it may go; what
cannot be reached stays, does no harm (``hub.bus.bundle.of_partition``) and is named.
"""

from dataclasses import dataclass, field
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from hub.bus.access import Access, AccessError, refusal
from hub.bus.topology import queue
from hub.partitions import MOST

#: A broker that has not answered by then is not there, or its alarm is on.
ANSWER_S = 15.0
NOT_FOUND = 404


@dataclass(slots=True)
class Cleared:
    """How many bundles went, which queues were deleted; ``away``: why not all was done."""

    bundles: int = 0
    deleted: list[str] = field(default_factory=list)
    away: str = ""


def clear(access: Access, prefix: str, before: int, after: int) -> Cleared:
    """Empty the queues of ``before`` partitions; delete those that ``after`` does not have.

    ``before == after``: nothing is emptied, what an earlier run left beyond it is deleted. Queues
    of which somebody consumes are left alone. Blocks for seconds at most; raises nothing.
    """
    done = Cleared()
    try:
        parameters = access.parameters("wattbus-partitions")
        parameters.connection_attempts = 1
        parameters.blocked_connection_timeout = parameters.socket_timeout = ANSWER_S
        connection = pika.BlockingConnection(parameters)
        try:
            _clear(connection, prefix, (0 if before == after else before, after), done)
        finally:
            if connection.is_open:
                connection.close()
    except AccessError as error:
        done.away = str(error)
    except (AMQPError, OSError) as error:
        sentence = refusal(error, access.said())
        done.away = sentence or f"{access.said()} does not answer: {error!r}"
    return done


def _clear(connection: Any, prefix: str, counts: tuple[int, int], done: Cleared) -> None:
    before, after = counts
    channel = connection.channel()
    for number in range(MOST):
        if before <= number < after:
            continue
        channel = channel if channel.is_open else connection.channel()
        _one(channel, queue(prefix, number), number >= after, done)


def _one(channel: Any, name: str, beyond: bool, done: Cleared) -> None:
    try:
        if channel.queue_declare(name, passive=True).method.consumer_count:
            return
        done.bundles += channel.queue_purge(name).method.message_count
        # quorum queues know no "if empty": it is looked at, and nobody publishes
        if beyond and not channel.queue_declare(name, passive=True).method.message_count:
            channel.queue_delete(name)
            done.deleted.append(name)
    except ChannelClosedByBroker as error:
        if error.reply_code != NOT_FOUND:
            raise
