"""Purchases straight into the journal, as a channel's would come, without any wire."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from core.messages import CreditVend, Recipient
from core.store.upgrade import Store
from hub.channel import Arrival
from hub.clock import Sources
from hub.journal import Entry, Journal
from hub.routing import Routing
from hub.wakeups import WORK, notify
from hub.worker import MAX_BATCH
from simulators.bench import town

CHANNEL = "sms"
HANDLER = "vending.credit-vend"
#: The first round's purchase in minor units; each round one more, so that none looks like a repeat.
_TENDER = 20_000


def routing() -> Routing:
    """Notices by SMS, as the town's configuration has it."""
    return Routing({(town.COMPANY, "sms"): CHANNEL})


def purchase(house: int, tender: int) -> Arrival:
    """What the SMS channel makes of a household's text."""
    meter, phone = town.meter_of(house), town.phone_of(house)
    return Arrival(
        key=f"bench/{house}/{tender}",
        message=CreditVend(
            meter=meter,
            tender=tender,
            currency=town.CURRENCY,
            phone=phone,
            reply=(Recipient(way="sms", address=phone, channel=CHANNEL),),
            answer_by_notice=True,
        ),
        raw=f"{phone} > 8080: BUY {meter} {tender}",
        partition_ref=f"meter/{meter}",
        expires_in_s=3_600.0,
        valid_for_s=600.0,
    )


@dataclass(slots=True)
class Feeder:
    """Takes in one purchase per household and round; each call of :meth:`step` is one commit."""

    store: Store
    households: int
    taken_in: int = 0
    journal: Journal = field(default_factory=lambda: Journal("bench", Sources()))
    routing: Routing = field(default_factory=routing)
    handler: str = HANDLER

    def step(self, limit: int) -> int:
        """Take in up to ``limit`` of this round; how many it were."""
        entries = [self._entry(number) for number in self._next(min(limit, MAX_BATCH))]
        with self.store.transaction() as tx:
            self.journal.write(tx, entries)
            notify(tx, WORK)
        self.taken_in += len(entries)
        return len(entries)

    def _next(self, count: int) -> Iterator[int]:
        yield from range(self.taken_in, self.taken_in + count)

    def _entry(self, number: int) -> Entry:
        arrival = purchase(number % self.households, _TENDER + number // self.households)
        routes = self.routing.routes(town.COMPANY, arrival.message)
        return Entry(town.COMPANY, CHANNEL, arrival, routes, test=True)


def sold(store: Store, handler: str = HANDLER) -> int:
    """Purchases that came to an end so far, from the tallies: a handful of rows."""
    with store.reader_on_writer() as reader:
        rows = reader.rows(
            "SELECT coalesce(sum(n), 0) FROM tally WHERE handler = :handler AND outcome = 'done'",
            handler=handler,
        )
    return int(rows[0][0])
