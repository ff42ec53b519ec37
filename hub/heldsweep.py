"""The clock of money that waits: what came by wallet and could not be booked is tried again, and
what is over its deadline goes on. A stage that only asks: the decision is a command like any
other, journaled under the instant that had come, so that it is made once and can be made again."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from core.messages import SweepHeld
from core.store.tables.held import RUNNING
from core.store.tx import Row, Tx
from core.store.upgrade import Store
from hub.channel import Arrival
from hub.clock import Sources
from hub.journal import Entry, Journal
from hub.routing import Routing

#: How often it looks: a deadline is hours away, a purchase that waits for its token a minute.
EVERY_US: Final = 5_000_000
#: Rows of one look: each is a sale tried on its account, and customers' own come in between.
AT_ONCE: Final = 100
#: Under which name it is in the journal and the tallies.
ORIGIN: Final = "held-money"
#: A key is of one instant; a day later nobody says it again.
_VALID_S: Final = 86_400.0

# What was asked for is not asked for again: it is on its way, or dead and waits for people. It is
# left out here, so that a hundred such rows do not keep the clock from all others.
_DUE: Final = (
    "SELECT h.id, h.company, h.wallet, h.receipt, h.next_at FROM held_money h "
    f"WHERE {RUNNING} AND h.next_at <= :now AND h.company IN :companies AND NOT EXISTS "
    "(SELECT 1 FROM request r WHERE r.company = h.company AND r.channel = :channel "
    "AND r.key = 'held/' || h.id || '/' || h.next_at AND r.valid_until > :now) "
    "ORDER BY h.next_at, h.id LIMIT :count"
)


@dataclass(slots=True)
class HeldSweep:
    """A stage that works by the clock. ``companies``: of which money may be held."""

    store: Store
    routing: Routing
    sources: Sources = field(default_factory=Sources)
    companies: frozenset[str] = frozenset()
    doorbell: Callable[[Tx], None] = lambda _tx: None
    count: int = AT_ONCE
    _next: int = 0

    def step(self) -> bool:
        """Ask for what is due if it is time; True when there may be more."""
        now = self.sources.now_us()
        if not self.companies or 0 < self._next - now <= EVERY_US:  # a clock may be set back
            return False
        self._next = now + EVERY_US
        with self.store.reader_on_writer() as reader:
            rows = reader.rows(
                _DUE, now=now, count=self.count, channel=ORIGIN, companies=sorted(self.companies)
            )
        entries = [self._entry(row) for row in rows]
        if not entries:
            return False
        journal = Journal(ORIGIN, self.sources)
        with self.store.transaction() as tx:
            journal.write(tx, entries)
            self.doorbell(tx)
        return True

    def _entry(self, row: Row) -> Entry:
        id_, company, wallet, receipt, at = row
        message = SweepHeld(held=id_, at=at)
        arrival = Arrival(
            key=f"held/{id_}/{at}",  # as _DUE has it
            message=message,
            raw=msgspec.json.encode(message).decode(),
            partition_ref=f"wallet/{wallet}/{receipt}",
            valid_for_s=_VALID_S,
        )
        return Entry(company, ORIGIN, arrival, self.routing.routes(company, message))
