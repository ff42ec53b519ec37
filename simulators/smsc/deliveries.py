"""Messages on their way to ESMEs: they wait for a bound receiver and come again after a loss."""

from collections import deque
from dataclasses import dataclass

from twisted.internet.defer import Deferred

from adapters.smpp.pdu import DataSm, DeliverSm
from adapters.smpp.session import SmppSession
from adapters.smpp.states import State
from adapters.smpp.status import Status, Verdict, verdict
from hub.wire import Clock, Wire

_QUEUE = 100_000  # messages that wait for a receiver
_TRIES = 5  # deliveries of one message that the ESME refuses for the moment
_AGAIN = 0.5  # seconds between them
_RECEIVERS = (State.BOUND_RX, State.BOUND_TRX)


class NotDeliveredError(Exception):
    """The ESME refused a message from a phone; ``status`` is its command_status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with status 0x{status:X}")
        self.status = status


@dataclass(eq=False, slots=True)
class Link:
    """One ESME's connection."""

    wire: Wire
    session: SmppSession
    system_id: str = ""
    submits: int = 0


@dataclass(eq=False, slots=True)
class _Count:
    """How many parts of one text are still on their way."""

    left: int
    fired: "Deferred[None]"

    def one(self, error: Exception | None) -> None:
        self.left -= 1
        if self.fired.called:
            return
        if error is not None:
            self.fired.errback(error)
        elif self.left == 0:
            self.fired.callback(None)


@dataclass(eq=False, slots=True)
class _Delivery:
    pdu: DeliverSm | DataSm
    system_id: str | None  # only to this ESME; None: to any
    count: _Count
    tries: int = 0


class Deliveries:
    """The queue of all messages for ESMEs."""

    def __init__(self, links: list[Link], clock: Clock) -> None:
        self._links = links
        self._clock = clock
        self._queue: deque[_Delivery] = deque()

    @property
    def waiting(self) -> int:
        """Messages that no ESME was given yet."""
        return len(self._queue)

    def add(
        self, pdus: list[DeliverSm] | list[DataSm], system_id: str | None = None
    ) -> "Deferred[None]":
        """Queues messages; fires when an ESME took all, fails with NotDeliveredError.

        With a ``system_id`` they are that ESME's receipts, whose fate nobody waits for.
        """
        done: Deferred[None] = Deferred()
        count = _Count(len(pdus), done)
        if system_id is not None:
            done.addErrback(lambda _: None)
        if len(self._queue) + len(pdus) > _QUEUE:
            done.errback(NotDeliveredError(Status.ESME_RMSGQFUL))
            return done
        self._queue.extend([_Delivery(pdu, system_id, count) for pdu in pdus])
        self.pump()
        return done

    def pump(self) -> None:
        """Hands waiting messages to receivers that have room in their window."""
        stay: deque[_Delivery] = deque()
        while self._queue:
            item = self._queue.popleft()
            link = self._receiver(item.system_id)
            if link is not None:
                link.session.request(item.pdu, item, self._clock.seconds())
                link.wire.touch()
                continue
            stay.append(item)
            if self._receiver(None) is None:
                break  # nobody has room for anything
        self._queue.extendleft(reversed(stay))

    def answered(self, token: object, status: int) -> None:
        """An ESME took or refused a message."""
        assert isinstance(token, _Delivery)
        token.tries += 1
        passing = verdict(status) in (Verdict.RETRY, Verdict.THROTTLED)
        if passing and token.tries < _TRIES:
            self._clock.callLater(_AGAIN, self.again, token)
        else:
            token.count.one(NotDeliveredError(status) if status else None)
        self.pump()

    def again(self, token: object) -> None:
        """A message whose fate is unknown, or that was refused for the moment, comes again."""
        assert isinstance(token, _Delivery)
        self._queue.appendleft(token)
        self.pump()

    def _receiver(self, system_id: str | None) -> Link | None:
        ready = [
            link
            for link in self._links
            if link.session.state in _RECEIVERS
            and link.session.room > 0
            and system_id in (None, link.system_id)
        ]
        return max(ready, key=lambda link: link.session.room, default=None)
