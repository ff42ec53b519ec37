"""A town for bill runs: postpaid agreements with what they used, nothing else."""

from collections.abc import Callable
from contextlib import closing
from datetime import date
from typing import Final

from core.billing import periods
from core.billing.periods import Reported
from core.store.ids import take
from core.store.pg import connect
from core.store.upgrade import is_sqlite, open_store, upgrade
from core.tariffs.load import load_file
from hub.billphases import Books
from hub.billruns import Desk, open_desk
from hub.clock import Sources
from simulators.bench.town import analyze

COMPANY, CURRENCY, PERIOD = "demo", "UGX", 202610
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
#: Agreements of one transaction while loading.
CHUNK = 5_000
#: Three blocks, a levy for somebody else, a monthly fee, tax: six lines and five postings a bill.
TARIFF: Final = """
mapping: bench-domestic
format: tariff
version: 1
effective: 2026-01-01
source: for measuring
tariff:
  code: bench-domestic
  title: Domestic, postpaid
  currency: UGX
  unit: kWh
  mode: postpaid
  versions:
    - valid_from: 2026-01-01
      components:
        - {kind: energy, code: energy, label: Energy, structure: graduated,
           period: calendar_month, tax_class: standard, payee: own, rounding: half_up,
           blocks: [{up_to: 15, rate: 250}, {up_to: 80, rate: 750.9}, {rate: 810.25}]}
        - {kind: levy, code: rural, label: Rural electrification, rate: 12.5,
           tax_class: none, payee: "third_party:rural-fund", rounding: half_up}
        - {kind: fixed, code: service, label: Service fee, rate: 3360, per: calendar_month,
           tax_class: standard, payee: own, rounding: half_up}
        - {kind: tax, code: vat, label: VAT 18 %, percent: 18, basis: lines,
           of: [energy, service], tax_class: standard, payee: tax_authority, rounding: half_up}
tests: []
"""
Progress = Callable[[str], None]


def books(url: str) -> Books:
    """The books of the town at this database."""
    tariff = load_file(TARIFF, "bench-domestic.yaml").tariff
    tariffs = {tariff.tariff.code: tariff}
    return Books(url, COMPANY, "Africa/Kampala", CURRENCY, tariffs, Sources().now_us)


def settle(url: str, accounts: int, say: Progress) -> None:
    """Schema and ``accounts`` agreements with usage of one open period; analyzed."""
    upgrade(url)
    with closing(open_desk(books(url))) as desk:
        with desk.transaction() as (tx, _):
            periods.open_period(tx, COMPANY, PERIOD, 1)
        for base in range(0, accounts, CHUNK):
            ids = _agreements(desk, min(CHUNK, accounts - base))
            report(desk, ids, 1_000)
    _stand_a_while(url)
    say(f"{accounts:,} agreements have used something")


def _agreements(desk: Desk, count: int) -> range:
    with desk.store.transaction() as tx:
        ids, accounts = take(tx, "agreement", count), take(tx, "account", count)
        tx.load("account", ("id", "company", "number", "customer_id", "currency"), [
            (id_, COMPANY, f"B{id_}", id_, CURRENCY) for id_ in accounts
        ])  # fmt: skip
        columns = ("id", "company", "account_id", "service_point_id", "tariff", "mode", "since",
                   "from_us")  # fmt: skip
        tx.load("agreement", columns, [
            (id_, COMPANY, account, id_, "bench-domestic", "postpaid", "2026-01-01", 1)
            for id_, account in zip(ids, accounts, strict=True)
        ])  # fmt: skip
    return ids


def report(desk: Desk, ids: range, step: int) -> None:
    """What these used: from nothing to 240 units, so that every block is met."""
    rows = [
        Reported(agreement=id_, first=FIRST, last=LAST, source="bench",
                 registers={"units": id_ * 7_919 % 240 * step})
        for id_ in ids
    ]  # fmt: skip
    with desk.transaction() as (tx, draw):
        periods.record_usage(tx, COMPANY, PERIOD, rows, draw, 1)


def correct(url: str, accounts: int) -> None:
    """Every reading is corrected upwards by a tenth."""
    with closing(open_desk(books(url))) as desk:
        for base in range(1, accounts + 1, CHUNK):
            report(desk, range(base, min(base + CHUNK, accounts + 1)), 1_100)
    _stand_a_while(url)


def _stand_a_while(url: str) -> None:
    """As a server leaves rows that have been there for some time: looked through and counted.

    Whoever reads a row first after its commit marks its page, and the page is written again; in
    a city that is larger than the server's buffers that would be the bill run.
    """
    if is_sqlite(url):
        with closing(open_desk(books(url))) as desk:
            analyze(desk.store)
        return
    with connect(url) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("VACUUM (ANALYZE)")


def counted(url: str) -> int:
    """Bills that are live and issued."""
    store = open_store(url, "wattbus-bench")
    with closing(store), store.reader() as reader:
        found = reader.rows("SELECT count(*) FROM bill WHERE live = 1 AND state = 'issued'")
        return int(found[0][0])
