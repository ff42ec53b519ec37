"""The channels and links of this node: open while their seat is held here, closed when it is not.

What is open of a group (``hub.groups``) follows from two facts: whether we hold its seat, and which
of its channels an operator has stopped. ``settle`` compares, and closes or opens; a group that is
being closed is looked at again when it is. Channels and links are used once: what opens again is
built anew by its configuration. An ordered end drains; who has lost his seat closes at once.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from twisted.internet import defer
from twisted.internet.task import deferLater

from hub.channel import Abortable, Channel
from hub.groups import Group
from hub.outbound import OutboundStage
from hub.ports import HubPorts

#: A link of a seat that is lost says goodbye within this time, or is left to the operating system.
LEAVE_S = 3.0
#: How often it is looked whether what was handed over has been marked.
DRAIN_LOOK_S = 0.05

log = structlog.get_logger("hub.stations")


@dataclass(frozen=True, slots=True)
class _Open:
    """What is open of a group: under which epoch of its seat, and which channels."""

    epoch: int
    channels: tuple[str, ...]


@dataclass(slots=True)
class Stations:
    """See the module. Everything is called on the reactor.

    ``channels`` and ``links`` hold what was built last, by name; ``build`` makes those of a group
    anew in their places, and raises ValueError, LookupError or ConfigError where it cannot.
    ``decline`` is told the seats that cannot be opened here.
    """

    reactor: Any
    groups: Mapping[str, Group]
    outbound: OutboundStage
    channels: dict[str, Channel]
    links: dict[str, Any]
    ports: dict[str, HubPorts]
    build: Callable[[Group, tuple[str, ...]], None]
    held: Callable[[], Mapping[str, int]]
    drain_s: float
    decline: Callable[[str], None] = lambda _seat: None
    stopped: frozenset[str] = frozenset()
    _open: dict[str, _Open] = field(default_factory=dict)
    _closing: dict[str, "defer.Deferred[Any]"] = field(default_factory=dict)
    _fresh: bool = False  # what was built with the node is as good as new: until the first look
    _ending: bool = False

    def built(self) -> None:
        """Everything was built with the node just now. What is opened later, perhaps after days as
        a stand-by, is built of the configuration and the notes of that day."""
        self._fresh = True

    def is_open(self, channel: str) -> bool:
        """Whether a channel is open here."""
        return any(channel in opened.channels for opened in self._open.values())

    def has_link(self, link: str) -> bool:
        """Whether a link is open here."""
        return any(link in self.groups[seat].links for seat in self._open)

    def settle(self) -> None:
        """Open and close until it is as it should be."""
        if self._ending:
            return
        held = self.held()
        for seat, group in self.groups.items():
            if seat not in self._closing:
                self._settle(group, held.get(seat, 0))
        self._fresh = False

    def _settle(self, group: Group, epoch: int) -> None:
        wanted = tuple(name for name in group.channels if name not in self.stopped)
        opened = self._open.get(group.seat)
        if opened is not None and (opened.epoch != epoch or opened.channels != wanted):
            lost = opened.epoch != epoch
            self._close(group, opened, drain=not lost)
        elif opened is None and epoch and (wanted or not group.channels):
            self._start(group, _Open(epoch, wanted))

    # -- opening ----------------------------------------------------------------------------

    def _start(self, group: Group, wanted: _Open) -> None:
        try:
            if not self._fresh:
                self.build(group, wanted.channels)
        except (
            Exception
        ) as error:  # a file that is wrong by now; another node may have a better one
            log.critical("seat.declined", seat=group.seat, error=str(error))
            self.decline(group.seat)
            return
        self._open[group.seat] = wanted
        for link in group.links:
            self.links[link].start()
        for name in wanted.channels:
            self.outbound.put(name, self.channels[name])
            self.channels[name].start()
        log.info("seat.open", seat=group.seat, epoch=wanted.epoch, channels=list(wanted.channels))

    # -- closing ----------------------------------------------------------------------------

    def _close(self, group: Group, opened: _Open, *, drain: bool) -> None:
        del self._open[group.seat]
        log.info("seat.close", seat=group.seat, epoch=opened.epoch, drain=drain)
        if not drain:
            self.outbound.drop(opened.channels)
        closing = self._closing[group.seat] = self._closed(group, opened.channels, drain)
        closing.addErrback(
            lambda failure: log.error("seat.close", seat=group.seat, error=str(failure.value))
        )
        closing.addCallback(lambda _: self._over(group.seat, opened.channels))

    def _over(self, seat: str, names: tuple[str, ...]) -> None:
        for name in names:
            self.ports[name].unmount()
        self._closing.pop(seat, None)
        self.settle()

    @defer.inlineCallbacks
    def _closed(self, group: Group, names: tuple[str, ...], drain: bool) -> Any:
        yield deferLater(self.reactor, 0, lambda: None)  # ``_closing`` has it before it is over
        ending = self._stop_channels(names)
        if drain:
            until = self.reactor.seconds() + self.drain_s
            yield at_most(self.reactor, ending, self.drain_s)
            while self.outbound.in_flight(names) and self.reactor.seconds() < until:
                yield deferLater(self.reactor, DRAIN_LOOK_S, lambda: None)
            self.outbound.drop(names)
        else:
            for name in names:
                channel = self.channels[name]
                if isinstance(channel, Abortable):
                    channel.abort()
        leaving = defer.gatherResults([self.links[link].stop() for link in group.links])
        yield at_most(self.reactor, defer.gatherResults([ending, leaving]), LEAVE_S)

    def _stop_channels(self, names: Iterable[str]) -> "defer.Deferred[Any]":
        stops = [defer.maybeDeferred(self.channels[name].stop) for name in names]
        for stop in stops:
            stop.addErrback(lambda failure: log.error("channel.stop", error=str(failure.value)))
        return defer.gatherResults(stops)

    # -- the node's end ---------------------------------------------------------------------

    def drain(self) -> "defer.Deferred[Any]":
        """Stop every channel; fires when all have ended. Nothing is opened any more."""
        self._ending = True
        names = [name for opened in self._open.values() for name in opened.channels]
        return defer.gatherResults([self._stop_channels(names), *self._closing.values()])

    def close_links(self) -> "defer.Deferred[Any]":
        """After :meth:`drain`, when what was in flight has been marked."""
        links = [link for seat in self._open for link in self.groups[seat].links]
        return defer.gatherResults([self.links[link].stop() for link in links])

    def stop_only(self, channels: Collection[str]) -> None:
        """These are stopped by an operator, and no others."""
        self.stopped = frozenset(channels)
        self.settle()


def at_most(reactor: Any, ending: "defer.Deferred[Any]", seconds: float) -> "defer.Deferred[None]":
    """Fires with ``ending``, or without it when its time is over: a far end may be silent."""
    over: defer.Deferred[None] = defer.Deferred()
    timer = reactor.callLater(seconds, over.callback, None)

    def ended(_result: Any) -> None:
        if timer.active():
            timer.cancel()
            over.callback(None)

    ending.addErrback(lambda failure: log.error("channel.stop", error=str(failure.value)))
    ending.addCallback(ended)
    return over
