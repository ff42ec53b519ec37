"""What a link sends: pace, window and throttle in front, exactly one outcome behind."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.defer import Deferred

from adapters.smpp.errors import LocalError, QueueFullError
from adapters.smpp.esme import EsmeLink
from adapters.smpp.events import Answered, Unknown
from adapters.smpp.pdu import Pdu
from adapters.smpp.status import Verdict, verdict
from adapters.smpp.status import name as status_name
from hub.wire import Clock

#: Messages held for one link, as a multiple of its window: enough that the window never runs dry
#: between two turns of the relay, small enough that what is lost with a link is soon told.
_AHEAD: Final = 2
#: Seconds of unused rate that may be caught up at once after a quiet time.
_BURST_S: Final = 0.1


class SubmitUnknown(Exception):  # noqa: N818 - an outcome, not a fault
    """No response came, or the link was lost while it was awaited: it may have been taken."""


class SubmitNotSent(Exception):  # noqa: N818
    """It never left: surely not taken."""


class SubmitRefused(Exception):  # noqa: N818
    """The SMSC said no. ``permanent``: it would say so again."""

    def __init__(self, status: int, permanent: bool) -> None:
        super().__init__(f"refused with {status_name(status)}")
        self.status = status
        self.permanent = permanent


@dataclass(eq=False, slots=True)
class _Item:
    pdu: Pdu
    done: "Deferred[Pdu]" = field(default_factory=Deferred)


class Submits:
    """The outgoing side of one bind. ``rate``: messages a second, 0 for no limit of ours.

    ``touch`` makes what the bind has queued leave; ``freed`` is told after each outcome.
    """

    def __init__(
        self,
        bind: EsmeLink,
        rate: float,
        clock: Clock,
        touch: Callable[[], None],
        freed: Callable[[], None],
    ) -> None:
        self.counters: Counter[str] = Counter()
        self.verdicts: Mapping[int, Verdict] = {}
        self.outstanding = 0
        self._bind = bind
        self._rate = rate
        self._clock = clock
        self._touch = touch
        self._freed = freed
        self._paced: deque[_Item] = deque()
        self._next_at = 0.0
        self._timer: Any = None

    def room(self) -> int:
        """How many more it takes while the bind is up."""
        return max(0, _AHEAD * self._bind.session.settings.window - self.outstanding)

    def submit(self, pdu: Pdu) -> "Deferred[Pdu]":
        """Fires with the response, or fails with one of the three above.

        A PDU that no link could send fails with the adapter's LocalError.
        """
        item = _Item(pdu)
        self.outstanding += 1
        self._paced.append(item)
        self._pump()
        return item.done

    def answered(self, event: Answered) -> None:
        """The SMSC answered: yes or no, by the link's reading of the status."""
        meaning = verdict(event.status, self.verdicts)
        self.counters["accepted" if meaning is Verdict.DONE else "refused"] += 1
        if meaning is Verdict.DONE:
            self._settle(event.token, event.response)
        else:
            self._settle(event.token, SubmitRefused(event.status, meaning is Verdict.REFUSED))

    def unknown(self, event: Unknown) -> None:
        """Nobody will ever answer."""
        self.counters["unknown"] += 1
        self._settle(event.token, SubmitUnknown(event.reason))

    def give_up(self, reason: str) -> None:
        """What is still queued will not be sent on this connection: the hub has its schedule."""
        items = [*self._bind.withdraw(), *self._paced]
        self._paced.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for item in items:
            self._settle(item, SubmitNotSent(reason))

    def _pump(self) -> None:
        """Hands to the bind what the agreed rate allows now."""
        now = self._clock.seconds()
        while self._paced and self._next_at <= now:
            if self._rate:
                self._next_at = max(self._next_at, now - _BURST_S) + 1 / self._rate
            self._offer(self._paced.popleft(), now)
        if self._paced and self._timer is None:
            self._timer = self._clock.callLater(self._next_at - now, self._later)

    def _later(self) -> None:
        self._timer = None
        self._pump()

    def _offer(self, item: _Item, now: float) -> None:
        try:
            self._bind.submit(item.pdu, item, now)
        except QueueFullError as error:
            self._settle(item, SubmitNotSent(str(error)))
            return
        except LocalError as error:  # our own mistake: another attempt would be the same
            self._settle(item, error)
            return
        self.counters["submitted"] += 1
        self._touch()

    def _settle(self, item: object, result: Pdu | Exception) -> None:
        assert isinstance(item, _Item)
        self.outstanding -= 1
        if isinstance(result, Exception):
            item.done.errback(result)
        else:
            item.done.callback(result)
        self._freed()
