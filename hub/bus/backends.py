"""Which broker the configuration names: its publisher and its source, and what they need installed.

kombu is imported only where it is asked for: it is an extra, and a second choice.
"""

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from hub.bus import Source
from hub.bus.access import Access
from hub.bus.publisher import Publisher, Publishing
from hub.bus.rabbit import RabbitSource, Reopen
from hub.sections import BusSection


class BackendError(Exception):
    """The bus that is asked for cannot be had; a sentence for the operator."""


class BrokerSource(Source, Protocol):
    """A source with a connection of its own."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


def make_publisher(bus: BusSection, loop: asyncio.AbstractEventLoop, name: str) -> Publishing:
    """The publishing half; ``bus`` has its paths located. Raises BackendError."""
    if bus.kind == "rabbitmq":
        return Publisher(Access.of(bus), bus.prefix, loop, name)
    made: Publishing = _kombu().KombuPublisher(Access.of(bus), bus.prefix, name)
    return made


def make_source(
    bus: BusSection, name: str, wake: Callable[[], None], reopen: Reopen
) -> BrokerSource:
    """The worker's half, not started. Raises BackendError."""
    if bus.kind == "rabbitmq":
        return RabbitSource(Access.of(bus), bus.prefix, name, wake, reopen)
    made: BrokerSource = _kombu().KombuSource(Access.of(bus), bus.prefix, name, wake, reopen)
    return made


def _kombu() -> Any:
    try:
        return import_module("hub.bus.kombu")
    except ModuleNotFoundError as error:
        raise BackendError(f"[bus] kind = 'kombu' needs wattbus[brokers]: {error}") from None
