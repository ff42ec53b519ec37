"""One SMS in, one token out: one trace, whatever processes the work went through."""

from collections.abc import Callable

import pytest

from hub.partitions import NEW as PARTITIONS
from simulators.demo.children import until
from tests.hub.collector import Collector, Seen, collecting
from tests.journeys.town import SOON_S, Town, buys, token_in

pytestmark = pytest.mark.slow

#: Worker processes have started within this time, on a machine that is busy with others.
UP_S = 120.0
#: (span, its parent's, the process: the channels' or a worker's) of a sale by SMS.
SALE = {
    ("arrive", "", "hub"),
    ("journal", "arrive", "hub"),
    ("wait", "arrive", "worker"),
    ("decide", "arrive", "worker"),
    ("wait", "decide", "hub"),
    ("send", "decide", "hub"),
}


def shape(spans: list[Seen], workers: bool) -> set[tuple[str, str, str]]:
    names = {span.span: span.name for span in spans}
    kinds = {"hub": "hub", "worker": "worker" if workers else "hub"}
    found = set()
    for span in spans:
        kind = span.process.rpartition("/")[2].partition("-")[0]
        found.add((span.name, names.get(span.parent, span.parent), kinds.get(kind, kind)))
    return found


def traced(town: Town, collector: Collector) -> list[Seen]:
    """The trace of the one purchase, by the id of its message."""
    rows = town.house.rows(
        "SELECT id FROM message WHERE type LIKE '%.CreditVend.%' AND causationid = ''"
    )
    ((message_id,),) = rows
    return collector.trace(message_id.replace("-", ""))


def _leased(town: Town) -> bool:
    ((count,),) = town.house.rows("SELECT count(*) FROM partition_lease WHERE owner <> ''")
    return int(count) == PARTITIONS


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_sale_by_sms_is_one_trace(open_town: Callable[..., Town], engine: str) -> None:
    workers = engine != "sqlite"
    wanted = {(a, b, c if workers else "hub") for a, b, c in SALE}
    with collecting() as collector:
        section = f'\n[traces]\nendpoint = "{collector.url}"\nratio = 1.0\n'
        town = open_town(edit=lambda text: text + section, engine=engine)
        if workers:  # processes of their own: on a busy machine they are up long after the hub
            until(lambda: _leased(town), UP_S, "workers hold every partition")
        buyer = town.household()
        buys(town, buyer, 20_000)
        assert token_in(town.reads(buyer))
        until(lambda: wanted <= shape(traced(town, collector), workers), SOON_S, "the whole trace")
        spans = traced(town, collector)
        assert len({span.span for span in spans}) == len(spans)
        # the network's receipt of the SMS is another arrival, with a trace of its own
        assert {span.trace for span in collector.spans} > {spans[0].trace}
        shown = b"".join(collector.requests)
        for private in (buyer.msisdn, buyer.meter, buyer.account, *town.sold):
            assert private.encode() not in shown
        town.books_are_right()
