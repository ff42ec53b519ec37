"""The counterpart of the test channel: offers, repeats, takes notices, and writes all of it down.

No socket here: ``write`` is given. It behaves as a decent counterpart does: what is not answered is
asked again under the same key, in the old order; what comes under an id that it knows is taken
again without harm.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.messages import name_of
from tests.promises.company import Ask, as_data

Line = dict[str, Any]
Write = Callable[[Line], None]

#: How an offer may end at once: safe, known, come again, other content, a fault of the store.
ACCEPTED, REPEAT, OVERLOADED, REUSED, ERROR = "accepted", "repeat", "overloaded", "reused", "error"


@dataclass(slots=True)
class Record:
    """What the far end knows: what it sent, what it was told, what it received."""

    lines: list[Ask] = field(default_factory=list)  # every line ever sent; its place is its number
    asks: dict[str, Ask] = field(default_factory=dict)  # the first content of each key, in order
    acks: dict[str, list[Line]] = field(default_factory=dict)
    answers: dict[str, list[Line]] = field(default_factory=dict)
    notices: dict[str, list[Line]] = field(default_factory=dict)  # message id -> as received
    taken: set[str] = field(default_factory=set)  # message ids that it confirmed

    def states(self, key: str) -> list[str]:
        """What was said to the offers of a key, in order."""
        return [ack["state"] for ack in self.acks.get(key, ())]

    def safe(self) -> dict[str, set[str]]:
        """Keys of which we were told that they are safe, with the message ids we were told."""
        told: dict[str, set[str]] = {}
        for key, acks in self.acks.items():
            ids = {ack["message_id"] for ack in acks if ack["state"] in (ACCEPTED, REPEAT)}
            if ids:
                told[key] = ids
        return told

    def answer(self, key: str) -> Line:
        """The last answer to a key."""
        return self.answers[key][-1]


@dataclass(slots=True)
class FarEnd:
    """The counterpart itself."""

    record: Record = field(default_factory=Record)
    #: holds back its confirmations of notices until ``release``
    holding: bool = False
    #: the reasons with which the next notices are refused
    refusals: list[Line] = field(default_factory=list)
    #: its references for the next notices it takes
    references: list[str] = field(default_factory=list)
    #: does not ask again by itself when the line comes up
    patient: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)
    _write: Write | None = None
    _held: list[Line] = field(default_factory=list)

    def offer(self, *asks: Ask) -> None:
        """Send these now, or when the line is up."""
        with self.changed:
            for ask in asks:
                self.record.asks.setdefault(ask.key, ask)
                self._send(ask)

    def _send(self, ask: Ask) -> None:
        if self._write is None:
            return
        self.record.lines.append(ask)
        line = {
            "n": len(self.record.lines) - 1,
            "key": ask.key,
            "type": name_of(ask.message).name,
            "data": as_data(ask.message),
            "ref": ask.ref,
        }
        self._write(line)

    def connected(self, write: Write) -> None:
        """The line is up: what is not answered is asked again, in the old order."""
        with self.changed:
            self._write = write
            self._held.clear()
            if not self.patient:
                self.ask_again()
            self.changed.notify_all()

    def disconnected(self) -> None:
        """The line is down."""
        with self.changed:
            self._write = None
            self.changed.notify_all()

    @property
    def is_connected(self) -> bool:
        """Whether the line is up."""
        return self._write is not None

    def unfinished(self) -> list[str]:
        """Keys that have no answer yet, in the order of their first offer."""
        with self.changed:
            return [key for key in self.record.asks if key not in self.record.answers]

    def ask_again(self) -> None:
        """Offer everything once more that is not answered."""
        with self.changed:
            for key in self.unfinished():
                self._send(self.record.asks[key])

    def line(self, line: Line) -> None:
        """Something came from the channel."""
        with self.changed:
            if "deliver" in line:
                self._deliver(line)
            elif "answer" in line:
                if line["answer"] is not None:
                    self.record.answers.setdefault(line["key"], []).append(line["answer"])
            else:
                self.record.acks.setdefault(line["key"], []).append(line)
            self.changed.notify_all()

    def _deliver(self, line: Line) -> None:
        self.record.notices.setdefault(line["deliver"], []).append(line)
        if self.holding:
            self._held.append(line)
        elif self.refusals:
            self._reply({"failed": line["deliver"], **self.refusals.pop(0)})
        else:
            self._take(line)

    def _take(self, line: Line) -> None:
        self.record.taken.add(line["deliver"])
        known = f"far-{line['deliver'][-8:]}"
        reference = self.references.pop(0) if self.references else known
        self._reply({"taken": line["deliver"], "refs": [reference]})

    def _reply(self, line: Line) -> None:
        if self._write is not None:
            self._write(line)

    def release(self) -> None:
        """Confirm what was held back, and hold nothing from now on."""
        with self.changed:
            self.holding = False
            for line in self._held:
                self._take(line)
            self._held.clear()
