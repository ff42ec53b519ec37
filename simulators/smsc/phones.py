"""The phones behind the SMSC: what each received, and who waits for more."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import Deferred

_KEPT = 1000  # texts per phone: a phone's memory, and enough for any test
_PHONES = 100_000  # phones with texts: a load test's worth


@dataclass(frozen=True, slots=True)
class Received:
    """A text that reached a phone, whole."""

    phone: str
    source: str
    text: str
    at: float  # the simulator's monotonic seconds
    parts: int = 1


Watcher = Callable[[Received], None]


def plain(msisdn: str) -> str:
    """A phone's number as this simulator keeps it: digits without the plus sign."""
    return msisdn.removeprefix("+")


class Phones:
    """All phones' texts, oldest first, bounded."""

    def __init__(self) -> None:
        self._texts: dict[str, deque[Received]] = {}
        self._watchers: list[tuple[str | None, Watcher]] = []

    def take(self, text: Received) -> None:
        """A text arrives at its phone."""
        if text.phone not in self._texts and len(self._texts) >= _PHONES:
            del self._texts[next(iter(self._texts))]
        self._texts.setdefault(text.phone, deque(maxlen=_KEPT)).append(text)
        for phone, watcher in list(self._watchers):
            if phone in (None, text.phone):
                watcher(text)

    def received(self, msisdn: str) -> list[Received]:
        """What a phone received so far."""
        return list(self._texts.get(plain(msisdn), ()))

    def watch(self, msisdn: str | None, watcher: Watcher) -> Callable[[], None]:
        """Calls ``watcher`` with each text of a phone (None: of all); returns how to stop."""
        entry = (None if msisdn is None else plain(msisdn), watcher)
        self._watchers.append(entry)

        def stop() -> None:
            if entry in self._watchers:
                self._watchers.remove(entry)

        return stop

    def until(self, msisdn: str, count: int) -> "Deferred[list[Received]]":
        """Fires with a phone's texts once there are ``count`` of them."""
        done: Deferred[list[Received]] = Deferred()

        def look(_: Received | None = None) -> None:
            if len(self.received(msisdn)) >= count:
                stop()
                if not done.called:
                    done.callback(self.received(msisdn))

        stop = self.watch(msisdn, look)
        look()
        return done
