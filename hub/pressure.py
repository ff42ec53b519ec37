"""Back-pressure: how many messages of a channel are open, and whether it may take in more.

Counted in the database now and then and in memory between the counts, so that the edge can say
"come again" (SMPP 0x14, HTTP 503, POS 91) before anything is accepted that would wait for long.
"""

from collections import Counter
from dataclasses import dataclass, field

from core.store.upgrade import Store
from hub.clock import Sources

#: How often the open rows are counted while there is traffic.
EVERY_US = 1_000_000


@dataclass(slots=True)
class Pressure:
    """A stage that counts, and the gate that the intake asks."""

    store: Store
    limit: int
    sources: Sources = field(default_factory=Sources)
    counted: Counter[str] = field(default_factory=Counter)
    since: Counter[str] = field(default_factory=Counter)
    _next: int = 0

    def open_for(self, channel: str) -> bool:
        """Whether a channel may take in one more (and counts it)."""
        if self.counted[channel] + self.since[channel] >= self.limit:
            return False
        self.since[channel] += 1
        return True

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
        self.counted = Counter({origin: int(n) for origin, n in rows})
        return False
