"""What a channel remembers of terminals between messages: what the books say, keys, what is open.

Nothing here decides about money: it is a cache, and a restart loses only time.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.internet.defer import Deferred

from adapters.iso8583.keys import SessionKeys
from channels.pos.states import Standing

#: Requests of one key: the first, and repeats that wait for the same answer; more wait in vain.
MOST_REPEATS: Final = 4
#: A number that the books do not know is not asked for again so soon.
STRANGER_S: Final = 30.0


@dataclass(slots=True)
class Terminal:
    """One terminal. ``view`` None: the books do not know it. ``open``: key → requests under way."""

    number: str
    view: Any
    asked_at: float
    keys: SessionKeys | None = None
    open: Counter[str] = field(default_factory=Counter)

    @property
    def standing(self) -> Standing:
        """What the books say of it."""
        if self.view is None:
            return Standing.UNKNOWN
        try:
            return Standing(self.view.state)
        except ValueError:  # a state of a newer version is none that we may serve
            return Standing.BLOCKED

    def begin(self, key: str) -> None:
        """A request is under way."""
        self.open[key] += 1

    def end(self, key: str) -> None:
        """It has its answer."""
        self.open[key] -= 1
        if self.open[key] <= 0:
            del self.open[key]


Ask = Callable[[str], "Deferred[tuple[Any, SessionKeys | None]]"]


@dataclass(slots=True)
class Terminals:
    """The terminals that were heard, the one that was silent longest in front.

    ``ask`` gives what the books say of a number, and the session keys that were kept for it.
    """

    ask: Ask
    limit: int
    refresh_s: float
    _known: "OrderedDict[str, Terminal]" = field(default_factory=OrderedDict)
    _asking: "dict[str, list[Deferred[Terminal]]]" = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._known)

    def find(self, number: str, now: float) -> "Terminal | Deferred[Terminal]":
        """The terminal, or when the books have been asked; what failed there fails here."""
        known = self._known.get(number)
        if known is not None:
            self._known.move_to_end(number)
            life = self.refresh_s if known.view is not None else STRANGER_S
            if now < known.asked_at + life:
                return known
        return self._fresh(number, now)

    def forget_view(self, number: str) -> None:
        """The books are asked before the next message."""
        known = self._known.get(number)
        if known is not None:
            known.asked_at = float("-inf")

    def _fresh(self, number: str, now: float) -> "Deferred[Terminal]":
        waiting: Deferred[Terminal] = Deferred()
        others = self._asking.setdefault(number, [])
        others.append(waiting)
        if len(others) == 1:
            asked = self.ask(number)
            asked.addCallbacks(self._told, self._failed, (number, now), {}, (number,), {})
        return waiting

    def _told(self, found: tuple[Any, SessionKeys | None], number: str, now: float) -> None:
        view, keys = found
        terminal = self._known.get(number)
        if terminal is None:
            terminal = self._known[number] = Terminal(number, view, now, keys)
            self._make_room()
        else:
            terminal.view, terminal.asked_at = view, now
            terminal.keys = terminal.keys or keys
        for waiting in self._asking.pop(number):
            waiting.callback(terminal)

    def _failed(self, failure: Any, number: str) -> None:
        for waiting in self._asking.pop(number):
            waiting.errback(failure)

    def _make_room(self) -> None:
        """The one that was silent longest goes, but none with a request under way."""
        if len(self._known) <= self.limit:
            return
        idle = next((each for each in self._known.values() if not each.open), None)
        if idle is not None:
            del self._known[idle.number]
