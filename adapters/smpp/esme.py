"""The client's link: a session with a queue in front of it and a throttle between them.

It is a session like any other (connected, receive, tick, lost, outgoing, deadline) and lives
through reconnects: what was queued stays queued, what was in flight is reported as Unknown.
"""

from bisect import insort
from collections import deque
from dataclasses import dataclass
from math import inf

from adapters.smpp import codec, states
from adapters.smpp.errors import NotAllowedError, QueueFullError
from adapters.smpp.events import Answered, AnyEvent, Throttled, Unknown
from adapters.smpp.pdu import (
    Bind,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    GenericNack,
    Pdu,
    response_of,
)
from adapters.smpp.session import SmppSession
from adapters.smpp.settings import Settings
from adapters.smpp.states import Side, State
from adapters.smpp.status import Status
from adapters.smpp.throttle import Throttle

_GIVE_UP = 60.0  # seconds that one request may be throttled before its owner hears of it
_FULL_TRIES = 3  # 0x14 may mean one full handset, which must not hold up all others
_BOUND_AS: dict[type[Pdu], State] = {
    BindTransmitter: State.BOUND_TX,
    BindReceiver: State.BOUND_RX,
    BindTransceiver: State.BOUND_TRX,
}


@dataclass(slots=True)
class _Item:
    order: int
    pdu: Pdu
    token: object
    encoded: bytes
    first_throttled: float = inf
    full: int = 0  # how often it was answered "queue full"

    def __lt__(self, other: "_Item") -> bool:
        return self.order < other.order


class EsmeLink:
    """Queue, window, throttle and session of one bind.

    ``queue_limit`` bounds what waits here (1,000 by default: some seconds of a fast link); over
    it :meth:`submit` raises QueueFullError, and the producer waits. ``session`` is the one inside,
    for ``bound``, ``respond`` and ``leave``.
    """

    def __init__(
        self, login: Bind, settings: Settings | None = None, queue_limit: int = 1000
    ) -> None:
        self.session = SmppSession(Side.ESME, settings, login)
        self.throttle = Throttle()
        self.queue_limit = queue_limit
        self._when_bound = _BOUND_AS[type(login)]
        self._again: list[_Item] = []  # throttled, in their first order: ahead of all others
        self._queue: deque[_Item] = deque()
        self._order = 0
        self._ready_at = inf
        # "Queue full" slows the link only if a second request in a row hears it.
        self._full: _Item | None = None

    @property
    def waiting(self) -> int:
        """Requests that are queued and not in flight."""
        return len(self._again) + len(self._queue)

    def submit(self, pdu: Pdu, token: object, now: float) -> None:
        """Sends a request as soon as bind, window and throttle allow.

        ``token`` comes back once, with Answered or Unknown; with a throttling status only after
        60 s of it, or after three "queue full", which may be one handset's and not the link's.
        Raises EncodeError for a PDU that cannot be sent, NotAllowedError if the bind is of another
        kind, and QueueFullError; then nothing was queued.
        """
        move = states.move_of(Side.ESME, type(pdu))
        if move is None or states.after(self._when_bound, move) is None:
            raise NotAllowedError(f"{pdu.command} on a link {self._when_bound.value}")
        if self.waiting >= self.queue_limit:
            raise QueueFullError(f"{self.queue_limit} requests are queued")
        self._order += 1
        self._queue.append(_Item(self._order, pdu, token, codec.encode(pdu, 0)))
        self._pump(now)

    def respond(self, handle: int, reply: Pdu | None = None, status: int = 0) -> bool:
        """Answers a request of the SMSC; see :meth:`SmppSession.respond`."""
        return self.session.respond(handle, reply, status)

    def withdraw(self) -> list[object]:
        """Empties the queue; the tokens of what will now never be sent."""
        tokens = [item.token for item in (*self._again, *self._queue)]
        self._again.clear()
        self._queue.clear()
        return tokens

    def leave(self, now: float) -> list[AnyEvent]:
        """Unbinds and closes; what is queued stays queued."""
        return self._own(self.session.leave(now), now)

    def connected(self, now: float) -> list[AnyEvent]:
        return self.session.connected(now)

    def receive(self, data: bytes, now: float) -> list[AnyEvent]:
        return self._own(self.session.receive(data, now), now)

    def tick(self, now: float) -> list[AnyEvent]:
        return self._own(self.session.tick(now), now)

    def lost(self, reason: str, now: float) -> list[AnyEvent]:
        return self._own(self.session.lost(reason, now), now)

    def outgoing(self) -> bytes:
        return self.session.outgoing()

    def deadline(self) -> float | None:
        due = self.session.deadline()
        if due is None or self._ready_at == inf:
            return due
        return min(due, self._ready_at)

    def _own(self, events: list[AnyEvent], now: float) -> list[AnyEvent]:
        """Learns from the events and takes our queue items out of their tokens."""
        told: list[AnyEvent] = []
        for event in events:
            if isinstance(event, Answered):
                self.throttle.accepted(now)
                self._full = None
                told.append(self._answered(event))
            elif isinstance(event, Throttled):
                told.append(self._throttled(event, now))
            elif isinstance(event, Unknown):
                item = event.token
                assert isinstance(item, _Item)
                told.append(Unknown(item.token, event.request, event.reason))
            else:
                told.append(event)
        self._pump(now)
        return told

    @staticmethod
    def _answered(event: Answered) -> Answered:
        item = event.token
        assert isinstance(item, _Item)
        return Answered(item.token, event.request, event.response, event.status, event.seconds)

    def _throttled(self, event: Throttled, now: float) -> AnyEvent:
        """Back to the head of the queue, in the order of first sending; or given up."""
        item = event.token
        assert isinstance(item, _Item)
        item.first_throttled = min(item.first_throttled, now)
        if event.status == Status.ESME_RMSGQFUL:
            item.full += 1
            self._full = self._full or item
        if event.status != Status.ESME_RMSGQFUL or self._full is not item:
            self.throttle.throttled(event.sent_at, now)
        if now - item.first_throttled >= _GIVE_UP or item.full >= _FULL_TRIES:
            answer = response_of(type(item.pdu)) or GenericNack
            return Answered(item.token, item.pdu, answer(), event.status, now - event.sent_at)
        insort(self._again, item)
        return Throttled(item.token, item.pdu, event.status, event.sent_at)

    def _pump(self, now: float) -> None:
        """Sends from the queue what window and throttle allow."""
        if now < self._ready_at < inf:
            return
        self._ready_at = inf
        room = self.session.room
        while room > 0 and (self._again or self._queue):
            ready = self.throttle.ready_at(now)
            if ready > now:
                self._ready_at = ready
                return
            item = self._again.pop(0) if self._again else self._queue.popleft()
            self.session.request(item.pdu, item, now, item.encoded)
            self.throttle.sent()
            room -= 1
