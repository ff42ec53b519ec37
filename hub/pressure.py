"""Back-pressure: how many messages of a channel are open, and whether it may take in more.

Counted in the database now and then and in memory between the counts, so that the edge can say
"come again" (SMPP 0x14, HTTP 503, POS 91) before anything is accepted that would wait for long.
Where a broker carries the bus there is a second, lower limit: while it takes nothing (its alarm is
on, it is away, its relay stands still), what waits for it may only be so many. It is read from the
rows themselves, so that every node knows it, whoever holds the relay.
"""

from collections import Counter
from dataclasses import dataclass, field

import structlog

from core.store.upgrade import Store
from hub.clock import Sources
from hub.outbox import EVENTS, WORKER

#: How often the open rows are counted while there is traffic.
EVERY_US = 1_000_000
#: A row that the broker has not confirmed for so long says that it takes nothing now: a confirm
#: takes milliseconds, and the relay looks around twice a second.
STALLED_US = 5_000_000

log = structlog.get_logger("hub.pressure")


@dataclass(slots=True)
class Pressure:
    """A stage that counts, and the gate that the intake asks.

    ``backlog``: how many may wait for a broker that takes nothing; 0: there is no broker.
    """

    store: Store
    limit: int
    sources: Sources = field(default_factory=Sources)
    backlog: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    since: Counter[str] = field(default_factory=Counter)
    waiting: int = 0  # for a broker that takes nothing; 0 while it takes
    _next: int = 0

    def open_for(self, channel: str) -> bool:
        """Whether a channel may take in one more (and counts it)."""
        if self.counted[channel] + self.since[channel] >= self.limit or self._stalled():
            return False
        self.since[channel] += 1
        return True

    def _stalled(self) -> bool:
        return bool(self.waiting) and self.waiting + self.since.total() >= self.backlog

    def step(self) -> bool:
        """Count the open rows, if it is time (the first time in any case: the start)."""
        now = self.sources.now_us()
        idle = self._next and not (self.since or self.counted)
        early = 0 < self._next - now <= EVERY_US  # a clock set back must not stop the count
        if early or idle:
            return False
        self._next = now + EVERY_US
        self.since = Counter()
        with self.store.reader_on_writer() as reader:
            rows = reader.rows(
                "SELECT origin, count(*) FROM delivery WHERE state = 0 GROUP BY origin"
            )
            unsent, since = (
                (0, None)
                if not self.backlog
                else reader.rows(
                    "SELECT count(*), min(updated) FROM delivery WHERE state = 0 AND published = 0 "
                    "AND target IN :targets",
                    targets=[WORKER, EVENTS],
                )[0]
            )
        self.counted = Counter({origin: int(n) for origin, n in rows})
        stands = since is not None and abs(now - since) > STALLED_US
        self._say(int(unsent) if stands else 0)
        return False

    def _say(self, waiting: int) -> None:
        """The gate's moves belong into the log: they are what a counterpart will ask about."""
        was, self.waiting = self._stalled(), waiting
        if self._stalled() != was:
            say = log.info if was else log.error
            say("pressure.open" if was else "pressure.shut", waiting=waiting, limit=self.backlog)
