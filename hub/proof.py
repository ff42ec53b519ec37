"""One proof: the modules' logs, the token table and the books gone through side by side.

A proof is a generator: each step reads one slice of time, so that it can run between the hub's
other work, and each slice has a reader of its own, so that no snapshot is held for long. Memory
holds a slice, a piece of each writer's log, and what has not met its other half yet.

Limits: two tokens of one meter with the same TID are noticed when they are made within 90 minutes
of each other; what is written into days that are proved already is found by a proof of those days.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta

from core.calendars import local_date, start_of_day
from core.store.tx import Reader
from core.sts.log_row import LogRow
from core.sts.proof import Findings
from core.sts.proof_chain import End, checked, end_of, held_to
from core.sts.proof_counter import Counted
from core.sts.proof_match import MOST_OPEN, Made, Matching, TooManyOpen
from hub import proof_read
from hub.proof_counters import counters
from hub.proof_read import Span

#: Rows of a kind in a slice when nobody else waits; the hub's own runs take smaller ones.
SLICE = 5_000
#: A token and its log entry are written together; their instants are apart by as long as a batch
#: takes with all its reruns. An hour is far above that.
APART_US = 3_600_000_000
#: With more open ends than this a second look is no use: it is no race but a broken log.
MOST_LATE = 1_000

Place = tuple[str, str]
Heads = Mapping[Place, End]
Reading = Callable[[], AbstractContextManager[Reader]]
EVERYTHING = Span(-(2**62), 2**62)


@dataclass(slots=True)
class _Days:
    """The day of an instant in a company's zone; each day is worked out once."""

    zones: Mapping[str, str]
    _known: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    def __call__(self, company: str, at_us: int) -> str:
        since, until, day = self._known.get(company, (1, 0, ""))
        if not since <= at_us < until:
            zone = self.zones.get(company) or next(iter(self.zones.values()), "UTC")
            since, until, day = _day_around(at_us, zone)
            self._known[company] = (since, until, day)
        return day


def _day_around(at_us: int, zone: str) -> tuple[int, int, str]:
    try:
        day = local_date(at_us, zone)
        return start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone), str(day)
    except (ValueError, OverflowError):  # an instant that somebody made up
        return at_us, at_us + 1, f"({at_us})"


@dataclass(slots=True)
class Proof:
    """``ours``: the instants that are proved. ``zones``: company -> zone, for the days.

    ``last``: where the logs stood at the last proof; they must stand there still. ``going_on``:
    this proof follows it, so whatever was logged since then is this proof's, whatever its time.
    """

    reading: Reading
    ours: Span
    zones: Mapping[str, str]
    last: Heads = field(default_factory=dict)
    going_on: bool = False
    slice: int = SLICE
    findings: Findings = field(default_factory=Findings)
    tokens: int = 0  # so far
    heads: dict[Place, End] = field(default_factory=dict)
    counters: list[Counted] = field(default_factory=list)  # the modules' own, at the end
    matching: Matching = field(init=False)

    def __post_init__(self) -> None:
        self.matching = Matching(self.findings, _Days(self.zones))

    def run(self) -> Iterator[int]:
        """Gives the instant up to which it has read, after each slice."""
        around = Span(self.ours.since - APART_US, self.ours.until + APART_US)
        reached = self.ours.since
        self._begin(around)
        self.counters = counters(self.reading, self.ours, self.findings)
        try:
            for reached in self._side_by_side(around):
                yield reached
            yield from self._second_look()
        except TooManyOpen:
            self._stop(reached)
            return
        open_ = [token.id for token in self.matching.open_found()][:MOST_LATE]
        with self.reading() as reader:
            self.matching.close(proof_read.twins(reader, open_) if open_ else frozenset())

    def _stop(self, reached: int) -> None:
        """The rest is not proved; what is open is not listed, for there is too much of it."""
        day = self.matching.day_of("", reached)
        self.findings.add("proof-stopped", most=MOST_OPEN, reached=day)

    def _begin(self, around: Span) -> None:
        """Where each log is gone on with, and whether it still stands where it stood."""
        with self.reading() as reader:
            found = dict.fromkeys(proof_read.writers(reader))
            for place in found:
                self.heads[place] = self._start(reader, place, around.since)
            for place, then in self.last.items():
                row = proof_read.end_at(reader, place, then.batch)
                now = (row if row.batch == then.batch else None, proof_read.end_at(reader, place))
                held_to(place, then, now, self.findings)

    def _start(self, reader: Reader, place: Place, since: int) -> End:
        first = proof_read.first_batch_from(reader, place, since)
        if self.going_on and place in self.last:
            first = min(first, self.last[place].batch + 1)
        elif self.going_on:
            first = 1
        return proof_read.end_at(reader, place, first - 1)

    def _side_by_side(self, around: Span) -> Iterator[int]:
        """The log always goes first: what is read of the table then has its entry behind it."""
        log = heapq.merge(*(self._log(place, around) for place in self.heads), key=_at)
        row = next(log, None)
        at = around.since
        while True:
            with self.reading() as reader:
                at = proof_read.first_instant(reader, Span(at, around.until))
                end = proof_read.slice_end(reader, Span(at, around.until), self.slice)
            while row is not None and row.at_us < end:
                row = next(log, None)
            if at >= around.until:
                break
            self._slice(Span(at, end))
            at = end
            yield at
        for _ in log:
            pass
        self._rest_of_the_log(around)

    def _rest_of_the_log(self, around: Span) -> None:
        """What was logged while the table was read."""
        with self.reading() as reader:
            for place in proof_read.writers(reader):
                self.heads.setdefault(place, proof_read.end_at(reader, place, 0))
        for place in self.heads:
            for _ in self._log(place, around):
                pass

    def _log(self, place: Place, around: Span) -> Iterator[LogRow]:
        """A writer's rows; each is checked and its tokens are noted as it is given."""
        while True:
            with self.reading() as reader:
                rows = proof_read.log_rows(reader, place, self.heads[place].batch)
            for row in rows:
                if row.at_us >= around.until:
                    return
                self._note(place, row)
                yield row
            if len(rows) < proof_read.ROWS:
                return

    def _note(self, place: Place, row: LogRow) -> None:
        ours = row.at_us < self.ours.until and (row.at_us >= self.ours.since or self._new(row))
        for entry in checked(row, self.heads[place], self.findings):
            self.matching.made(Made(entry, row.writer, row.batch, ours))
        self.heads[place] = end_of(row)

    def _new(self, row: LogRow) -> bool:
        then = self.last.get((row.module, row.writer))
        return self.going_on and (then is None or row.batch > then.batch)

    def _slice(self, span: Span) -> None:
        with self.reading() as reader:
            found = proof_read.tokens(reader, span, self.ours)
            common = span.within(self.ours)
            if common.since < common.until:
                proof_read.compare(reader, common, self.findings)
        for token in found:
            self.matching.found(token)
            self.tokens += token.ours

    def _second_look(self) -> Iterator[int]:
        """Tokens that were committed behind our back, or made by a clock that was set back."""
        late = sorted(made.entry.at_us for made in self.matching.open_made())
        if len(late) > MOST_LATE:
            return
        until = EVERYTHING.since
        for at in late:
            span = Span(max(at - APART_US, until), at + APART_US)
            while span.since < span.until:
                with self.reading() as reader:
                    end = proof_read.slice_end(reader, span, self.slice)
                    found = proof_read.tokens(reader, Span(span.since, end), self.ours)
                for token in found:
                    self.matching.late(token)
                span = Span(end, span.until)
                yield end
            until = max(until, span.until)


def _at(row: LogRow) -> int:
    return row.at_us
