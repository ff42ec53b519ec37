"""The host's clock against the database's and the last token's: no issue on a wrong clock.

A token's minute is the host's clock. The database's clock is the reference of an installation (its
host is the one to keep by NTP); SQLite has none, so there the log of the modules alone is asked. A
worker whose host is wrong takes nothing from its source: nobody is refused, no attempt is counted,
other hosts' workers go on, and it goes on itself when the clock is right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from core.store.tx import Reader
from hub.bus import Source, Taken
from hub.clock import Sources
from hub.proof import Reading
from hub.proof_read import newest_at

#: How often a worker looks at the clocks: a query of its own, so not with every batch.
EVERY_US = 5_000_000
_DATABASE_NOW = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"

log = structlog.get_logger("hub.clock")


@dataclass(slots=True)
class ClockGuard:
    """``limit_us``: how far the host's clock may be off. Raises what ``reading`` raises.

    ``has_clock``: whether the database has a clock of its own.
    """

    reading: Reading
    has_clock: bool
    limit_us: int
    sources: Sources = field(default_factory=Sources)
    wrong: str = ""  # the sentence, as of the last look
    _next: int = 0
    _seen: int = 0  # the latest that the clock has shown

    def right(self) -> bool:
        """Whether tokens may be made now; looks again when it is time."""
        now = self.sources.now_us()
        back = now < self._seen - self.limit_us
        if back or not 0 < self._next - now <= EVERY_US:
            self._look(thorough=back or self._next == 0 or bool(self.wrong))
            self._next = now + EVERY_US
        self._seen = max(self._seen, now) if not self.wrong else now
        return not self.wrong

    def _look(self, *, thorough: bool) -> None:
        before, self.wrong = self.wrong, self.difference()
        if thorough and not self.wrong:
            self.wrong = self.behind_the_tokens()
        if self.wrong and self.wrong != before:
            log.error("clock.wrong", sentence=self.wrong)
        elif before and not self.wrong:
            log.info("clock.right")

    def difference(self) -> str:
        """How the host's clock differs from the database's, as a sentence; '' where it does not."""
        if not self.has_clock:
            return ""
        before = self.sources.machine_us()
        with self.reading() as reader:
            theirs = int(reader.rows(_DATABASE_NOW)[0][0])
        ahead, behind = before - theirs, theirs - self.sources.machine_us()
        off = max(ahead, behind)
        if off <= self.limit_us:
            return ""
        way = "ahead of" if ahead > behind else "behind"
        return (
            f"this host's clock is {_seconds(off)} {way} the database's, more than [tokens] "
            f"clock_limit_s allows ({_seconds(self.limit_us)}): no token is made here until it is "
            "right. Check NTP on both hosts; the database's clock is the reference."
        )

    def behind_the_tokens(self) -> str:
        """How far the clock lies before the newest token in a module's log; '' where it does not.

        The limit counts here too: the token may be another host's, whose clock may be off as much.
        """
        with self.reading() as reader:
            behind = newest_at(reader) - self.sources.now_us()
        if behind <= self.limit_us:
            return ""
        return (
            f"this host's clock lies {_seconds(behind)} before the last token that a security "
            "module made: no token is made here until it has passed that instant. If the clock was "
            "ahead then and is right now, wait, or set [tokens] clock_limit_s above the difference."
        )


def ahead(reader: Reader, sources: Sources) -> float:
    """How far the host's clock is ahead of the database's, in seconds, as near as one question
    tells."""
    before = sources.machine_us()
    theirs = int(reader.rows(_DATABASE_NOW)[0][0])
    return ((before + sources.machine_us()) // 2 - theirs) / 1e6


def _seconds(us: int) -> str:
    return f"{us / 1_000_000:,.1f} s"


@dataclass(slots=True)
class ClockedSource:
    """A worker's source that gives nothing while the clock is wrong."""

    source: Source
    guard: ClockGuard

    def take(self, limit: int) -> Taken | None:
        """See :class:`hub.bus.Source`."""
        return self.source.take(limit) if self.guard.right() else None

    def assign(self, partitions: Sequence[int]) -> None:
        """See :class:`hub.bus.Source`."""
        self.source.assign(partitions)
