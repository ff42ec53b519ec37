"""A node among others: what it holds, what operators have noted for all nodes, and the bell.

On SQLite there is one node and it holds everything, for ever; on PostgreSQL this wires the seats
(``hub.seats``) to the channels (``hub.stations``).
"""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThread

from core.store.tx import Reader
from core.store.upgrade import is_sqlite
from hub.config import Config
from hub.engine import EngineError
from hub.fence import ALONE, KEEPER, RELAY, Fence
from hub.groups import Group, groups
from hub.pausing import Notes, notes_of
from hub.seatbook import BELL, NameTakenError, NodeFacts, SeatBook
from hub.seats import Seats, SeatThread
from hub.sections import DatabaseSection
from hub.wakeups import Listener


def facts_of(config: Config) -> NodeFacts:
    """This process, as the other nodes see it."""
    try:
        version = metadata.version("wattbus")
    except metadata.PackageNotFoundError:
        version = "unknown"
    roles = tuple(config.hub.roles)
    return NodeFacts(config.hub.name, socket.gethostname(), os.getpid(), roles, version)


@dataclass(slots=True)
class Membership:
    """``seats`` is None where the node is alone. ``noted`` hears, on the reactor, what operators
    have noted of channels whenever that has changed; ``changed`` that seats were taken or lost."""

    groups: Mapping[str, Group]
    seats: Seats | None = None
    _thread: SeatThread | None = None
    _listener: Listener | None = None
    _notes: Notes | None = None  # as of the last look

    @property
    def fence(self) -> Fence:
        """What the stages ask."""
        return ALONE if self.seats is None else self.seats

    def held(self) -> Mapping[str, int]:
        """Seat -> epoch of what is ours."""
        return dict.fromkeys(self.groups, 1) if self.seats is None else self.seats.held()

    def holder(self, seat: str) -> str:
        """The node that has a seat, as of the last look; empty: nobody."""
        rows = () if self.seats is None else self.seats.view.seats
        return next((row.node for row in rows if row.name == seat and not row.over), "")

    def seat_of(self, channel: str) -> str:
        """The seat that a channel belongs to."""
        return next(each.seat for each in self.groups.values() if channel in each.channels)

    def holds(self) -> dict[str, bool]:
        """Which of all seats are held here, for the metrics."""
        held = self.held()
        return {seat: seat in held for seat in self._all()}

    def _all(self) -> tuple[str, ...]:
        return (
            tuple(self.groups)
            if self.seats is None
            else tuple(r.name for r in self.seats.view.seats)
        )

    def join(self) -> "Deferred[Any]":
        """Say that we run, and take what is free. EngineError when our name is taken."""
        if self.seats is None:
            return succeed(None)
        return deferToThread(self.seats.begin).addErrback(_name_taken)

    def watch(
        self,
        on_reactor: Callable[..., Any],
        changed: Callable[[], None],
        noted: Callable[[Notes], None],
        database: DatabaseSection,
    ) -> None:
        """Go on renewing and looking, after :meth:`join`."""
        if self.seats is None:
            return
        channels = [name for group in self.groups.values() for name in group.channels]

        def also(reader: Reader) -> None:
            found = notes_of(reader, channels)
            if found != self._notes:
                self._notes = found
                on_reactor(noted, found)

        self.seats.changed = lambda: on_reactor(changed)
        self.seats.also = also
        thread = self._thread = SeatThread(self.seats)
        self._listener = Listener(
            database.url, BELL, lambda _said: thread.poke(), database.limits()
        )
        self._listener.start()
        thread.start()

    def decline(self, seat: str) -> None:
        """A seat's channels cannot be opened here."""
        if self.seats is not None:
            self.seats.decline(seat)

    def leave(self) -> None:
        """Give everything back (blocks)."""
        if self._listener is not None:
            self._listener.stop()
        if self._thread is not None:
            self._thread.stop()
        elif self.seats is not None:
            self.seats.leave()

    def well(self) -> bool:
        """Whether the last step reached the database, with our name."""
        return self._thread is None or self._thread.well


def _name_taken(failure: Any) -> Any:
    failure.trap(NameTakenError)
    raise EngineError(str(failure.value))


def membership(config: Config) -> Membership:
    """How this node is one of its installation."""
    found = groups(config.channels, config.links)
    if is_sqlite(config.database_url()):
        return Membership(found)
    facts = facts_of(config)
    shared = (KEEPER, RELAY) if config.bus.kind != "table" else (KEEPER,)
    book = SeatBook(config.database_url(), facts, (*found, *shared))
    return Membership(found, Seats(book, facts.name, facts.roles, found))
