"""The parts of long incoming messages: none is acknowledged before the whole message is safe.

A part in memory is not safe, so its answer waits until the whole was journaled, or until the rest
did not come in time; then what there is, is handed on as incomplete. Bounded in time and number.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.python.failure import Failure

from adapters.smpp.pdu import DataSm, DeliverSm
from adapters.smpp.segment import Place, body
from hub.channel import Overloaded

Incoming = DeliverSm | DataSm
#: (parts in order, whether all are there) -> the command_status for all of them.
Whole = Callable[[list[Incoming], bool], "Deferred[int]"]
#: Seconds for which a finished message is remembered: a part that comes again was answered, but
#: the answer did not arrive.
_REMEMBERED_S: Final = 300.0

_Key = tuple[str, str, int, int]


@dataclass(slots=True)
class _Group:
    timer: Any
    parts: dict[int, Incoming] = field(default_factory=dict)
    waiting: "list[Deferred[int]]" = field(default_factory=list)


class Parts:
    """Collects parts in any order. ``seconds`` a message waits; ``limit``: messages at once."""

    def __init__(self, reactor: Any, seconds: float, limit: int, whole: Whole) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._limit = limit
        self._whole = whole
        self._groups: dict[_Key, _Group] = {}
        self._done: dict[_Key, tuple[float, dict[int, bytes]]] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._groups)

    def add(self, pdu: Incoming, place: Place) -> "Deferred[int]":
        """The answer for this part, when there is one; fails with Overloaded over the limit."""
        key = (pdu.source_addr, pdu.destination_addr, place.reference, place.total)
        if self._is_echo(key, pdu, place):
            return succeed(0)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= self._limit:
                return fail(Overloaded("too many long messages wait for their parts"))
            timer = self._reactor.callLater(self._seconds, self._finish, key, False)
            group = self._groups[key] = _Group(timer)
        group.parts.setdefault(place.number, pdu)
        answer: Deferred[int] = Deferred()
        group.waiting.append(answer)
        if len(group.parts) == place.total:
            group.timer.cancel()
            self._finish(key, True)
        return answer

    def give_back(self) -> None:
        """The channel is being stopped: the network keeps what is not whole, and comes again."""
        groups, self._groups = self._groups, {}
        for group in groups.values():
            group.timer.cancel()
            stopped = Failure(Overloaded("the channel is being stopped"))  # type: ignore[no-untyped-call]
            self._unsafe(group, stopped)

    def _is_echo(self, key: _Key, pdu: Incoming, place: Place) -> bool:
        limit = self._reactor.seconds() - _REMEMBERED_S
        while self._done and next(iter(self._done.values()))[0] < limit:
            del self._done[next(iter(self._done))]
        _, known = self._done.get(key, (0.0, {}))
        return known.get(place.number) == body(pdu)

    def _finish(self, key: _Key, complete: bool) -> None:
        group = self._groups.pop(key)
        parts = [group.parts[number] for number in sorted(group.parts)]
        answer = maybeDeferred(self._whole, parts, complete)
        answer.addCallback(partial(self._safe, key, group))
        answer.addErrback(partial(self._unsafe, group))

    @staticmethod
    def _unsafe(group: _Group, failure: Failure) -> None:
        for each in group.waiting:
            each.errback(failure)

    def _safe(self, key: _Key, group: _Group, status: int) -> None:
        """Journaled: from now on its parts are echoes."""
        if status == 0:
            known = {number: body(pdu) for number, pdu in group.parts.items()}
            self._done.pop(key, None)
            self._done[key] = (self._reactor.seconds(), known)
            if len(self._done) > self._limit:
                del self._done[next(iter(self._done))]
        for each in group.waiting:
            each.callback(status)
