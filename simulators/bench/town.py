"""A town for measuring: thousands of households, each with a phone, a meter and money to spend.

Enrolled set-wise, straight into the tables (one statement per table and chunk), because a bench
measures sales and not enrolments. What stands in the tables afterwards is what enrolling each
and paying in would have left: the ledger's lines add up to the credits.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from core.ledger import CUSTOMER_CREDIT
from core.store.ids import take_all
from core.store.tx import Row, Tx
from core.store.upgrade import Store, open_store
from core.sts.meter_id import luhn_digit

#: Households of a bench: so many that two sales seldom meet at one account, as in a real town.
HOUSEHOLDS = 20_000
#: Households per transaction while loading: some megabytes of arrays.
CHUNK = 2_000
#: What each has to spend (minor units): no bench comes near its end.
CREDIT = 1_000_000_000

COMPANY, CURRENCY, TARIFF, SGC = "demo", "UGX", "uganda-domestic", "201457"
_DESK = "cash:desk"


@dataclass(frozen=True, slots=True)
class Land:
    """In which money a town pays, and by which tariff."""

    currency: str = CURRENCY
    tariff: str = TARIFF


UGANDA = Land()
_MOST_TENTHS = 99_999  # of one token, as the demo meters have it


def meter_of(household: int) -> str:
    """The meter's number (11 digits, the last one checks)."""
    serial = f"04{household:08d}"
    return serial + str(luhn_digit(serial))


def phone_of(household: int) -> str:
    """The registered phone, E.164."""
    return f"+25670{household:07d}"


@dataclass(frozen=True, slots=True)
class _Ids:
    """The first id of each series of a chunk."""

    first: dict[str, int]
    base: int

    def of(self, series: str, household: int) -> int:
        return self.first[series] + household - self.base


_SERIES = (
    "customer", "account", "service_point", "agreement", "meter", "meter_install", "phone",
    "ledger_txn",
)  # fmt: skip

Columns = tuple[str, ...]
Made = Callable[[_Ids, int, int], Sequence[Row]]


def _parties(ids: _Ids, house: int, now: int, land: Land) -> dict[str, tuple[Columns, list[Row]]]:
    """The rows of one household, by table."""
    of = ids.of
    number, account, meter = f"{200_000 + house}", of("account", house), of("meter", house)
    point, phone, txn = of("service_point", house), of("phone", house), of("ledger_txn", house)
    since = time.strftime("%Y-%m-01", time.gmtime(now / 1e6))
    rows: dict[str, dict[str, Any] | list[dict[str, Any]]] = {
        "customer": {"id": of("customer", house), "company": COMPANY, "number": f"C{number}",
                     "name": f"Household {house}"},
        "account": {"id": account, "company": COMPANY, "number": number, "currency": land.currency,
                    "customer_id": of("customer", house), "credit": CREDIT},
        "service_point": {"id": point, "company": COMPANY, "number": f"S{number}"},
        "agreement": {"id": of("agreement", house), "company": COMPANY, "account_id": account,
                      "service_point_id": point, "tariff": land.tariff, "since": since,
                      "from_us": now},
        "agreement_state": {"agreement_id": of("agreement", house)},
        "meter": {"id": meter, "company": COMPANY, "drn": meter_of(house), "tct": "02", "ea": 11,
                  "max_credit_tenths": _MOST_TENTHS, "dkga": "04", "sgc": SGC, "krn": 1,
                  "ti": "01", "ken": 255, "base_year": 2014},
        "meter_install": {"id": of("meter_install", house), "meter_id": meter,
                          "service_point_id": point, "from_us": now},
        "phone": {"id": phone, "company": COMPANY, "msisdn": phone_of(house), "language": "en"},
        "phone_account": {"phone_id": phone, "account_id": account, "from_us": now},
        "phone_meter": {"phone_id": phone, "meter_id": meter, "name": "Home", "from_us": now},
        "ledger_txn": {"id": txn, "company": COMPANY, "kind": "payment", "currency": land.currency,
                       "message_id": f"bench-{house}", "at": now},
        "posting": [
            {"txn_id": txn, "line": 0, "ledger": _DESK, "owner": 0, "amount": CREDIT},
            {"txn_id": txn, "line": 1, "ledger": CUSTOMER_CREDIT, "owner": account,
             "amount": -CREDIT},
        ],
    }  # fmt: skip
    found: dict[str, tuple[Columns, list[Row]]] = {}
    for table, values in rows.items():
        each = values if isinstance(values, list) else [values]
        found[table] = (tuple(each[0]), [tuple(row.values()) for row in each])
    return found


def enrol(
    url: str,
    households: int,
    now_us: int,
    progress: Callable[[int, int], None] = lambda *_: None,
    land: Land = UGANDA,
) -> None:
    """Fill an empty, migrated database with ``households``; analyzed at the end."""
    store = open_store(url, "wattbus-bench")
    try:
        for base in range(0, households, CHUNK):
            houses = range(base, min(base + CHUNK, households))
            with store.transaction() as tx:
                _chunk(tx, houses, now_us, land)
            progress(houses.stop, households)
        analyze(store)
    finally:
        store.close()


def _chunk(tx: Tx, houses: range, now_us: int, land: Land) -> None:
    first = {name: block.start for name, block in ids_for(tx, len(houses)).items()}
    write(tx, rows_of(houses, houses.start, first, Enrolment(now_us, land)))


def ids_for(tx: Tx, households: int) -> dict[str, range]:
    """The ids of so many households, by series."""
    return take_all(tx, dict.fromkeys(_SERIES, households))


@dataclass(frozen=True, slots=True)
class Enrolment:
    """When and where all are enrolled."""

    now_us: int
    land: Land = UGANDA


Tables = dict[str, tuple[Columns, list[Row]]]


def rows_of(houses: range, base: int, first: dict[str, int], when: Enrolment) -> Tables:
    """The rows of ``houses`` by table; household ``base`` has the ids ``first`` of each series."""
    ids = _Ids(first, base)
    tables: Tables = {}
    for house in houses:
        for table, (columns, rows) in _parties(ids, house, when.now_us, when.land).items():
            tables.setdefault(table, (columns, []))[1].extend(rows)
    return tables


def write(tx: Tx, tables: Tables) -> None:
    """Load them, a table at a time."""
    for table, (columns, rows) in tables.items():
        tx.load(table, columns, rows)


def analyze(store: Store) -> None:
    """Statistics: plans prepared on tables that are thought empty cost 1.8 times as much."""
    with store.reader_on_writer() as tx:
        if store.dialect == "sqlite":
            tx.rows("ANALYZE")
            return
        tx.run("SET statement_timeout = 0")  # millions of rows on a cold disk take their time
        tx.run("ANALYZE")
        tx.run("RESET statement_timeout")
