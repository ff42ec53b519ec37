"""Who handles a message: a command its one handler, a notice the channel that carries it.

What takes hours goes by the bulk lane; an event is for nobody of ours, and for outsiders only where
the configuration names its type.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.handlers.registry import HANDLERS
from core.messages import (
    AskPayer,
    Event,
    Message,
    OrderTokens,
    ReversePayment,
    SendNotice,
    name_of,
)
from hub.billbulk import HANDLERS as BULK_HANDLERS
from hub.outbox import BULK, BULK_LANE, CHANNEL, EVENTS, WORKER, Route


class RoutingError(LookupError):
    """Nobody handles this message: a configuration mistake, named."""


@dataclass(frozen=True, slots=True)
class Routing:
    """The routes of an installation. ``carriers``: (company, way) -> channel instance;
    ``events``: the types that leave for outsiders."""

    carriers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    events: frozenset[str] = frozenset()

    def routes(self, company: str, message: Message) -> tuple[Route, ...]:
        """The routes of a message, fixed when it is committed. Raises RoutingError."""
        if isinstance(message, SendNotice):
            name = message.channel or self.carriers.get((company, message.way), "")
            if not name:
                raise RoutingError(f"no channel of company {company} carries {message.way}")
            return (_to_channel(name),)
        if isinstance(message, OrderTokens):
            return (_to_channel(message.module),)
        if isinstance(message, AskPayer | ReversePayment):
            return (_to_channel(message.channel),)
        if isinstance(message, Event):
            return (Route(EVENTS, EVENTS),) if name_of(message).name in self.events else ()
        bulk = BULK_HANDLERS.get(name_of(message).name)
        if bulk is not None:
            return (Route(bulk.name, BULK, BULK_LANE),)
        handler = HANDLERS.get(name_of(message).name)
        if handler is None:
            raise RoutingError(f"no handler for {name_of(message).name}")
        return (Route(handler.name, WORKER),)


def _to_channel(name: str) -> Route:
    return Route(f"{CHANNEL}{name}", f"{CHANNEL}{name}")
