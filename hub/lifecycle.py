"""Start order and end: what a node is made of, as one service with ``start`` and ``stop``."""

from dataclasses import dataclass
from typing import Any

from twisted.internet import defer

from core.store.upgrade import is_sqlite
from hub import interpreter
from hub.boot import Hub, build
from hub.config import Config
from hub.installed import SpecOf, channel_spec
from hub.supervisor import WORKER_COMMAND, Supervisor


@dataclass(slots=True)
class Node:
    """The hub and, on PostgreSQL, its worker processes, lane by lane."""

    hub: Hub
    crews: tuple[Supervisor, ...] = ()

    @defer.inlineCallbacks
    def start(self) -> Any:
        """Our name first: a second process of it must not put out the workers of the first. Then
        workers: the channels open when somebody is there to do the work. EngineError."""
        yield self.hub.join()
        for crew in self.crews:
            crew.start()
        yield self.hub.start()

    @defer.inlineCallbacks
    def stop(self) -> Any:
        """The hub drains first; then the workers finish their batch and end."""
        yield self.hub.stop()
        yield defer.gatherResults([crew.stop() for crew in self.crews])


def service(
    config: Config,
    reactor: Any,
    spec_of: SpecOf = channel_spec,
    worker: tuple[str, ...] = WORKER_COMMAND,
) -> Node:
    """A node from its configuration. Raises ConfigError, EngineError.

    ``spec_of`` finds channel packages; ``worker`` is the module (and verb) of a worker process.
    """
    hub = build(config, reactor, spec_of=spec_of)
    interpreter.settle()
    if is_sqlite(config.database_url()):
        return Node(hub)
    lanes = {"workers": False, "bulk": True}
    crews = [
        Supervisor(reactor, config, worker, bulk=bulk)
        for role, bulk in lanes.items()
        if role in config.hub.roles
    ]
    hub.renew = lambda: [crew.renew() for crew in crews]
    return Node(hub, tuple(crews))
