"""Tokens that modules made against tokens in the table, by digest, as both streams go by.

Only what has not met its other half is kept. The streams go side by side through time, so that is
little; where it is not, something is very wrong, and the proof stops (``MOST_OPEN``).
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from core.sts.module_log import LogEntry
from core.sts.proof import MADE, Findings, Place
from core.sts.tid import is_reserved

T = TypeVar("T", "Made", "Found")

#: Halves that wait for the other, about 500 bytes each. The busiest hour of ten million customers
#: has some hundred thousand tokens, and no batch is open for an hour.
MOST_OPEN = 200_000
#: How far apart in time two tokens of a meter with one TID may be made and still be noticed: a TID
#: runs ahead of the clock by an hour at most.
TID_SPAN_US = 90 * 60_000_000


class TooManyOpen(Exception):  # noqa: N818 - a state of the world
    """Log and table have too little in common to go on."""


class Made(msgspec.Struct, frozen=True, gc=False):
    """A token as the log has it; ``ours``: of the days that are proved."""

    entry: LogEntry
    writer: str
    batch: int
    ours: bool


class Found(msgspec.Struct, frozen=True, gc=False):
    """A token as the table has it; ``tid`` None where it carries none."""

    id: int
    company: str
    digest: str
    cause: str
    meter: str
    meter_id: int
    token_class: int
    subclass: int
    tid: int | None
    made_at: int
    ours: bool


@dataclass(slots=True)
class Matching:
    """``day_of``: (company, instant) -> day. ``totals`` count what met, and what did not."""

    findings: Findings
    day_of: Callable[[str, int], str]
    totals: dict[Place, Counter[str]] = field(default_factory=dict)
    _made: dict[str, list[Made]] = field(default_factory=dict)
    _found: dict[str, list[Found]] = field(default_factory=dict)
    _tids: set[tuple[int, int]] = field(default_factory=set)
    _tids_before: set[tuple[int, int]] = field(default_factory=set)
    _tids_since: int = -(2**62)

    def made(self, made: Made) -> None:
        """A token of a module's log. Raises TooManyOpen."""
        if made.entry.digest in self._found:
            self._met(made, _taken(self._found, made.entry.digest))
        else:
            self._wait(self._made, made.entry.digest, made)

    def found(self, token: Found) -> None:
        """A token of the table, in the order of their instants. Raises TooManyOpen."""
        self._check_tid(token)
        if token.digest in self._made:
            self._met(_taken(self._made, token.digest), token)
        else:
            self._wait(self._found, token.digest, token)

    def late(self, token: Found) -> None:
        """A token that a second look came by: taken only if its other half still waits for it."""
        if token.digest in self._made:
            self._met(_taken(self._made, token.digest), token)

    def open_made(self) -> list[Made]:
        """What was made on the days that are proved and is not in the table so far."""
        return [made for halves in self._made.values() for made in halves if made.ours]

    def open_found(self) -> list[Found]:
        """What is in the table for the days that are proved and not in a log so far."""
        return [token for halves in self._found.values() for token in halves if token.ours]

    def close(self, twins: frozenset[int]) -> None:
        """Nothing more comes: what still waits is found. ``twins``: tokens whose digits are in
        the table more than once."""
        for made in self.open_made():
            self.findings.add("token-without-cause", **_of_made(made))
            entry = made.entry
            self._count("", entry.module, entry.at_us, MADE)
        for token in self.open_found():
            code = "token-two-causes" if token.id in twins else "token-not-made"
            self.findings.add(code, **_of_found(token))
            self._count(token.company, "", token.made_at, token.cause)

    def _wait(self, halves: dict[str, list[T]], digest: str, half: T) -> None:
        if len(halves) >= MOST_OPEN:
            raise TooManyOpen
        halves.setdefault(digest, []).append(half)

    def _met(self, made: Made, token: Found) -> None:
        entry = made.entry
        said = (entry.token_class, entry.subclass, entry.tid)
        if said != (token.token_class, token.subclass, token.tid) and token.ours:
            written = (token.token_class, token.subclass, token.tid)
            self.findings.add(
                "token-altered", **_of_found(token), made=_dotted(said), found=_dotted(written)
            )
        if token.ours:
            self._count(token.company, entry.module, token.made_at, MADE, token.cause)

    def _count(self, company: str, module: str, at_us: int, *names: str) -> None:
        place = (company, module, self.day_of(company, at_us))
        counts = self.totals.get(place)
        if counts is None:
            counts = self.totals[place] = Counter()
        for name in names:
            counts[name] += 1

    def _check_tid(self, token: Found) -> None:
        if token.tid is None or is_reserved(token.tid):
            return
        if token.made_at - self._tids_since >= TID_SPAN_US:
            self._tids_before, self._tids = self._tids, set()
            self._tids_since = token.made_at
        key = (token.meter_id, token.tid)
        if (key in self._tids or key in self._tids_before) and token.ours:
            self.findings.add("tid-twice", **_of_found(token), tid=token.tid)
        self._tids.add(key)


def _taken(halves: dict[str, list[T]], digest: str) -> T:
    waiting = halves[digest]
    half = waiting.pop()
    if not waiting:
        del halves[digest]
    return half


def _dotted(parts: tuple[int, int, int | None]) -> str:
    return ".".join("-" if part is None else str(part) for part in parts)


def _of_made(made: Made) -> dict[str, Any]:
    entry = made.entry
    return {
        "module": entry.module,
        "writer": made.writer,
        "batch": made.batch,
        "number": entry.number,
        "pan": entry.pan,
        "at": entry.at_us,
    }


def _of_found(token: Found) -> dict[str, Any]:
    return {
        "token": token.id,
        "company": token.company,
        "meter": token.meter,
        "cause": token.cause,
        "at": token.made_at,
    }
