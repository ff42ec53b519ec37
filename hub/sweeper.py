"""The sweeper: opens what became due, is no longer held back, or has expired while held back; and
presumes key changes that nobody speaks of any more."""

from collections.abc import Callable
from dataclasses import dataclass, field

from core.store.tx import Tx
from core.store.upgrade import Store
from core.vending.key_change_sweep import AT_ONCE, presume
from hub.clock import Sources

#: How often it looks.
EVERY_US = 500_000
#: Key changes are presumed after weeks: once an hour is early enough.
PRESUME_EVERY_US = 3_600_000_000

# What is opened waits from now on: by ``updated`` it is told how long a broker has taken nothing
# (hub.pressure), and what has been open for long.
#
# Each statement names the states of the partial index of held deliveries as the index has them:
# SQLite sees no other way that it may use it, and would look at every delivery that ever was.
_DUE = (
    "UPDATE delivery SET state = 0, published = 0, updated = :now "
    "WHERE state IN (1, 2, 3) AND state = 1 AND due <= :now"
)
_RELEASED = (
    "UPDATE delivery SET state = 0, published = 0, updated = :now "
    "WHERE state IN (1, 2, 3) AND state = 2 "
    "AND NOT EXISTS (SELECT 1 FROM delivery b WHERE b.partitionkey = delivery.partitionkey "
    "AND b.handler = delivery.handler AND b.state IN (1, 2, 3) AND b.state IN (1, 3) "
    "AND b.seq < delivery.seq)"
)
# A command behind one that is dead may wait for days. When it expires it goes to the worker, who
# refuses it where it stands; what is behind it stays parked.
_EXPIRED = (
    "UPDATE delivery SET state = 0, published = 0, updated = :now "
    "WHERE state IN (1, 2, 3) AND state = 2 "
    "AND target = 'worker' AND due > 0 AND due < :now"
)
_ANY = (
    "SELECT count(*) FROM delivery "
    "WHERE state IN (1, 2, 3) AND (state = 2 OR (state = 1 AND due <= :now))"
)


@dataclass(slots=True)
class Sweeper:
    """A stage that works by the clock."""

    store: Store
    sources: Sources = field(default_factory=Sources)
    doorbell: Callable[[Tx], None] = lambda _tx: None
    _next: int = 0
    _presume_next: int = 0

    def step(self) -> bool:
        """Sweep if it is time; True when something was opened."""
        now = self.sources.now_us()
        if 0 < self._next - now <= EVERY_US:  # a clock set back must not stop it for hours
            return False
        self._next = now + EVERY_US
        if not 0 < self._presume_next - now <= PRESUME_EVERY_US:
            with self.store.transaction() as tx:
                more = presume(tx, now) == AT_ONCE
            self._presume_next = now if more else now + PRESUME_EVERY_US
        with self.store.transaction() as tx:
            if not tx.rows(_ANY, now=now)[0][0]:
                return False
            opened = sum(tx.run(each, now=now) for each in (_DUE, _RELEASED, _EXPIRED))
            if opened:
                self.doorbell(tx)
            return opened > 0
