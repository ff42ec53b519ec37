"""The clock of money that waits: what came by wallet and could not be booked is tried again, and
what is over its deadline goes on. A stage that only asks: the decision is a command like any
other, journaled under the instant that had come, so that it is made once and can be made again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from core.messages import SweepHeld
from core.store.tables.held import RUNNING
from core.store.tx import Reader, Row, Tx
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

_DUE: Final = (
    "SELECT id, company, wallet, receipt, next_at FROM held_money "
    f"WHERE {RUNNING} AND next_at <= :now ORDER BY next_at, id LIMIT :count"
)
# what was asked for is not asked for again: it is on its way, or dead and waits for people
_ASKED: Final = (
    "SELECT key FROM request WHERE channel = :channel AND key IN :keys AND valid_until > :now"
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
            due = reader.rows(_DUE, now=now, count=self.count)
            rows = _fresh(reader, due, now)
        entries = [entry for row in rows if (entry := self._entry(row))]
        if not entries:
            return False
        journal = Journal(ORIGIN, self.sources)
        with self.store.transaction() as tx:
            journal.write(tx, entries)
            self.doorbell(tx)
        return True

    def _entry(self, row: Row) -> Entry | None:
        id_, company, wallet, receipt, at = row
        if company not in self.companies:
            return None
        message = SweepHeld(held=id_, at=at)
        arrival = Arrival(
            key=_key(id_, at),
            message=message,
            raw=msgspec.json.encode(message).decode(),
            partition_ref=f"wallet/{wallet}/{receipt}",
            valid_for_s=_VALID_S,
        )
        return Entry(company, ORIGIN, arrival, self.routing.routes(company, message))


def _key(held: int, at: int) -> str:
    return f"held/{held}/{at}"


def _fresh(reader: Reader, rows: Iterable[Row], now: int) -> list[Row]:
    """Those that are not on their way already."""
    found = {_key(row[0], row[4]): row for row in rows}
    if not found:
        return []
    asked = reader.rows(_ASKED, channel=ORIGIN, keys=sorted(found), now=now)
    return [row for key, row in found.items() if key not in {each[0] for each in asked}]
