"""The broker looked at from outside a node: is it there, does it let us in, is all as we want it?

What is not there yet is no problem, a node declares it when it starts; what is there with other
arguments is one, and every such thing is named at once. Nothing is changed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import ChannelClosedByBroker

from hub.bus.access import Access, AccessError, refusal
from hub.bus.topology import Exchange, Queue, steps_of, wanted

#: A broker that has not answered by then is not there.
ANSWER_S = 15.0
NOT_FOUND = 404


@dataclass(slots=True)
class Found:
    """``waiting``: messages by queue that is there; ``missing``: what is not declared yet;
    ``away``: why it could not be looked at (then the rest is empty)."""

    waiting: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    away: str = ""


def look(access: Access, prefix: str) -> Found:
    """Look at a RabbitMQ; blocks for seconds at most."""
    return asyncio.run(_look(access, prefix))


async def _look(access: Access, prefix: str) -> Found:
    found = Found()
    try:
        parameters = access.parameters("wattbus-check")
    except AccessError as error:
        found.problems.append(str(error))
        return found
    parameters.connection_attempts = 1
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[Any] = loop.create_future()
    ended: asyncio.Future[None] = loop.create_future()

    def closed(_connection: Any, reason: Any) -> None:
        _resolve(opened, reason)
        _resolve(ended, None)

    connection = AsyncioConnection(
        parameters,
        on_open_callback=lambda each: _resolve(opened, each),
        on_open_error_callback=closed,
        on_close_callback=closed,
        custom_ioloop=loop,
    )
    try:
        said = await asyncio.wait_for(asyncio.shield(opened), ANSWER_S)
        if isinstance(said, BaseException):
            sentence = refusal(said, access.said())
            found.away = "" if sentence else f"{access.said()} does not answer: {said!r}"
            found.problems += [sentence] if sentence else []
            return found
        await asyncio.wait_for(_rights(connection, prefix, access, found), ANSWER_S)
        for each in wanted(prefix):
            await asyncio.wait_for(_one(connection, each, access, found), ANSWER_S)
    except TimeoutError:
        found.away = f"{access.said()} does not answer within {ANSWER_S:.0f} s"
    finally:
        if connection.is_open:
            connection.close()
            await asyncio.wait([ended], timeout=1)
    return found


def _resolve(future: "asyncio.Future[Any]", value: object) -> None:
    if not future.done():
        future.set_result(value)


async def _rights(connection: Any, prefix: str, access: Access, found: Found) -> None:
    """May we declare under our prefix? A queue that goes with this connection tells."""
    name = f"{prefix}.check.{id(connection)}"
    refused = await _try(
        connection, lambda c, go: c.queue_declare(name, exclusive=True, callback=go)
    )
    if refused is not None:
        found.problems.append(refusal(refused, access.said()) or str(refused))


async def _one(connection: Any, each: Exchange | Queue, access: Access, found: Found) -> None:
    """Is it there? Then declare it as we want it, which changes nothing or is refused."""
    refused = await _try(connection, lambda channel, go: _passively(channel, each, go))
    if isinstance(refused, ChannelClosedByBroker) and refused.reply_code == NOT_FOUND:
        found.missing.append(each.name)
        return
    counts: dict[str, int] = {}
    if refused is None:
        refused = await _try(connection, lambda c, go: steps_of(c, each, counts)[0](go))
    if refused is not None:
        sentence = refusal(refused, access.said())
        found.problems.append(sentence or f"{each.name} at {access.said()}: {refused}")
    found.waiting.update(counts)


def _passively(channel: Any, each: Exchange | Queue, go: Callable[[Any], None]) -> None:
    if isinstance(each, Queue):
        channel.queue_declare(each.name, passive=True, callback=go)
    else:
        channel.exchange_declare(each.name, passive=True, callback=go)


async def _try(
    connection: Any, act: Callable[[Any, Callable[[Any], None]], None]
) -> BaseException | None:
    """Do it on a channel of its own, for a refusal closes it; None: it was done."""
    done: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def opened(channel: Any) -> None:
        channel.add_on_close_callback(lambda _channel, reason: _resolve(done, reason))
        act(channel, lambda _frame: _resolve(done, None))

    channel = connection.channel(on_open_callback=opened)
    found = await done
    if channel.is_open:
        channel.close()
    return found
