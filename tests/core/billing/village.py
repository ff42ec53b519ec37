"""What the tests of billing share: a postpaid village, its tariff, a run from plan to issue."""

from collections.abc import Mapping
from contextlib import closing
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from core.billing import issue, periods, runs
from core.billing.periods import Reported
from core.billing.runs import Plan
from core.billing.states import RunMove
from core.store.ids import take
from core.store.invariants import Offence, offences
from core.store.tx import Row
from core.tariffs.compiling import CompiledTariff
from core.tariffs.load import load_file
from hub.billphases import Books
from hub.billruns import open_desk, run_phase
from tests.hub.machine import MORNING_US, fresh_sqlite

PERIOD = 202610
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
TARIFF = """
mapping: village
format: tariff
version: 1
effective: 2026-01-01
source: own example
tariff:
  code: village
  title: Village, postpaid
  currency: UGX
  unit: kWh
  mode: postpaid
  versions:
    - valid_from: 2026-01-01
      components:
        - kind: energy
          code: energy
          label: Energy
          structure: graduated
          period: calendar_month
          blocks:
            - {up_to: 15, rate: 250}
            - {up_to: 80, rate: 750.9}
            - {rate: 810}
          tax_class: standard
          payee: own
          rounding: half_up
        - kind: levy
          code: rural
          label: Rural electrification
          rate: 12.5
          tax_class: none
          payee: third_party:rural-fund
          rounding: half_up
        - kind: fixed
          code: service
          label: Service fee
          rate: 3360
          per: calendar_month
          tax_class: standard
          payee: own
          rounding: half_up
        - kind: tax
          code: vat
          label: VAT 18 %
          percent: 18
          basis: lines
          of: [energy, service]
          tax_class: standard
          payee: tax_authority
          rounding: half_up
tests: []
"""


@cache
def tariff() -> CompiledTariff:
    """The village's tariff."""
    return load_file(TARIFF, "village.yaml").tariff


class Clock:
    """Moves by a microsecond when it is looked at."""

    def __init__(self) -> None:
        self.at_us = MORNING_US

    def __call__(self) -> int:
        self.at_us += 1
        return self.at_us


def books(url: str, tariffs: Mapping[str, CompiledTariff] | None = None) -> Books:
    """The books of company demo on this database."""
    known = {"village": tariff()} if tariffs is None else tariffs
    return Books(url, "demo", "Africa/Kampala", "UGX", known, Clock())


def settle(url: str, households: int = 7, units: int = 100_000) -> Books:
    """Postpaid agreements 1 … n (accounts the same), period 202610 open, each with its usage."""
    made = books(url)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        ids = list(take(tx, "agreement", households))
        assert list(take(tx, "account", households)) == ids
        points = take(tx, "service_point", households)
        tx.insert("account", ("id", "company", "number", "customer_id", "currency"), [
            (id_, "demo", f"V{id_}", id_, "UGX") for id_ in ids
        ])  # fmt: skip
        tx.insert("agreement", ("id", "company", "account_id", "service_point_id", "tariff",
                                "mode", "since", "from_us"), [
            (id_, "demo", id_, point, "village", "postpaid", "2026-01-01", 1)
            for id_, point in zip(ids, points, strict=True)
        ])  # fmt: skip
        periods.open_period(tx, "demo", PERIOD, 1)
    report(made, {id_: units + 1_000 * id_ for id_ in ids})
    return made


def village(folder: Path, **more: Any) -> Books:
    """The same on SQLite."""
    return settle(fresh_sqlite(folder), **more)


def report(made: Books, units: Mapping[int, int], period: int = PERIOD) -> None:
    """Usage of these agreements: the next version of it."""
    rows = [
        Reported(agreement=id_, first=FIRST, last=LAST, registers={"units": milli}, source="test")
        for id_, milli in units.items()
    ]
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        assert periods.record_usage(tx, "demo", period, rows, draw, 1) == len(rows)


def planned(made: Books, **more: Any) -> int:
    """A run in partitions of three."""
    wanted = Plan(**{"company": "demo", "period": PERIOD, "currency": "UGX", "operator": "grace",
                     "size": 3, **more})  # fmt: skip
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        return runs.plan(tx, wanted, draw, made.now_us())


def calculated(made: Books, workers: int = 1, **more: Any) -> int:
    """A run that is validated."""
    run = planned(made, **more)
    run_phase(made, run, RunMove.FREEZE, workers)
    run_phase(made, run, RunMove.CALCULATE, workers)
    return run


def approve(made: Books, run: int, who: str = "henry") -> None:
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        runs.approve(tx, run, who, made.now_us())


def issued(made: Books, workers: int = 1, **more: Any) -> int:
    """A run whose bills are out."""
    run = calculated(made, workers, **more)
    approve(made, run)
    run_phase(made, run, RunMove.ISSUE, workers)
    return run


def decide(made: Books, bill: int, what: Any) -> None:
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        issue.decide(tx, bill, what)


def rows(made: Books, sql: str, **params: Any) -> list[Row]:
    """What is in the tables."""
    with closing(open_desk(made)) as desk, desk.store.reader() as reader:
        return reader.rows(sql, **params)


def wrongs(made: Books) -> list[Offence]:
    """Every invariant of the books that does not hold."""
    with closing(open_desk(made)) as desk, desk.store.reader() as reader:
        return list(offences(reader, desk.store.dialect))
