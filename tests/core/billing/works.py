"""A tariff that asks for everything, and what its tests share: periods, facts, bills one by one."""

from collections.abc import Mapping
from contextlib import closing
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from core.billing import categories, periods
from core.billing.commons import CommonTotal, state_commons
from core.billing.facts import Stated, state_facts
from core.billing.periods import Reported
from core.billing.states import RunMove
from core.calendars import add_months, first_day
from core.tariffs.billing import bill
from core.tariffs.bills import BillInput, total
from core.tariffs.compiling import CompiledTariff
from core.tariffs.load import load_file
from hub.billruns import Books, open_desk, run_phase
from tests.core.billing.village import approve, books, planned, rows, settle, tariff
from tests.hub.machine import fresh_sqlite

TARIFF = """
mapping: works
format: tariff
version: 1
effective: 2026-01-01
source: own example
tariff:
  code: works
  title: Works
  currency: UGX
  unit: kWh
  mode: postpaid
  versions:
    - valid_from: 2026-01-01
      category:
        by: trailing_average
        quantity: units
        months: 3
        least_months: 2
        default: new
        limits: inclusive
        bands: [{up_to: 0.001, category: new}, {up_to: 100, category: small}, {category: large}]
      components:
        - {kind: energy, code: energy, label: Energy, structure: graduated,
           period: calendar_month, blocks: [{up_to: 50, rate: 100}, {rate: 200}],
           proration: {method: quantity_first, month: calendar, resolution: exact},
           tax_class: standard, payee: own, rounding: half_up}
        - {kind: premium, code: beyond, label: Beyond, structure: graduated,
           period: calendar_year, blocks: [{up_to: 300, rate: 0}, {rate: 7}],
           proration: {method: quantity_first, month: calendar, resolution: 1},
           tax_class: standard, payee: own, rounding: half_up}
        - {kind: demand, code: demand, label: Demand, quantity: max_kw, unit: kW,
           per: billing_period, rate: 1000,
           ratchet: {percent: 80, months: 11, current_month: counts},
           at_least: [{quantity: contracted_kw, percent: 40}],
           tax_class: standard, payee: own, rounding: half_up}
        - {kind: fixed, code: large, label: Large customers, rate: 5000, per: billing_period,
           when: {categories: [large]}, tax_class: standard, payee: own, rounding: half_up}
        - {kind: fixed, code: new, label: New customers, rate: 300, per: billing_period,
           when: {categories: [new]}, tax_class: standard, payee: own, rounding: half_up}
        - {kind: late_fee, code: late, label: Delay, percent_per_day: 0.1,
           percent_per_day_later_years: 0.2, least: 0, tax_class: none, payee: own,
           rounding: half_up}
tests: []
"""
LIFT = """
        - {kind: allocation, code: lift, label: Lift, share: lift, what: amount,
           tax_class: none, payee: third_party:house, rounding: half_up}
"""


@cache
def works(lift: bool = False) -> CompiledTariff:
    """The tariff; ``lift``: with a share of something common."""
    text = TARIFF.replace("tests: []", "").rstrip() + (LIFT if lift else "") + "\ntests: []\n"
    return load_file(text, "works.yaml").tariff


def place(folder: Path, households: int = 3, *, lift: bool = False) -> Books:
    """Agreements under the tariff; period 202610 is open, with usage that bills nothing yet."""
    return place_at(fresh_sqlite(folder), households, lift=lift)


def place_at(url: str, households: int = 3, *, lift: bool = False) -> Books:
    """The same in a database that is there."""
    made = settle(url, households)
    made = books(made.url, {"village": tariff(), "works": works(lift)})
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE agreement SET tariff = 'works'")
    return made


def opened(made: Books, *periods_: int) -> None:
    for period in periods_:
        with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
            periods.open_period(tx, "demo", period, 1)
            categories.evaluate(tx, "demo", period, made.tariffs, made.zone)


def used(
    made: Books, period: int, registers: Mapping[int, Mapping[str, int]],
    days: tuple[date, date] | None = None,
) -> None:  # fmt: skip
    """Usage of a whole month, or of these days."""
    first, last = days or whole(period)
    reported = [
        Reported(agreement=id_, first=first, last=last, registers=dict(of), source="test")
        for id_, of in registers.items()
    ]
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        periods.record_usage(tx, "demo", period, reported, draw, made.now_us())


def whole(period: int) -> tuple[date, date]:
    return first_day(period), first_day(add_months(period, 1)) - timedelta(days=1)


def billed(made: Books, period: int, **more: Any) -> int:
    """A run of a period from plan to issue."""
    run = planned(made, period=period, **more)
    run_phase(made, run, RunMove.FREEZE)
    run_phase(made, run, RunMove.CALCULATE)
    approve(made, run)
    run_phase(made, run, RunMove.ISSUE)
    return run


def fact(agreement: int, kind: str, name: str, day: str, **more: Any) -> Stated:
    return Stated(
        agreement=agreement, kind=kind, name=name, from_day=date.fromisoformat(day), **more
    )


def state(made: Books, *facts: Stated) -> None:
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        state_facts(tx, "demo", facts, (draw, made.now_us()), "grace")


def common(made: Books, period: int, *totals: CommonTotal) -> None:
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        state_commons(tx, "demo", period, totals, (draw, made.now_us(), "grace"))


def lines(made: Books, agreement: int, period: int) -> dict[str, int]:
    """The live bill's amounts by code."""
    return dict(rows(
        made, "SELECT l.code, sum(l.amount) FROM bill b JOIN bill_line l ON l.bill_id = b.id "
        "WHERE b.agreement_id = :id AND b.period = :period AND b.live = 1 GROUP BY l.code",
        id=agreement, period=period,
    ))  # fmt: skip


def bill_of(made: Books, agreement: int, period: int) -> tuple[str, int, str]:
    """State, total and why it was held of the newest bill."""
    return rows(  # type: ignore[return-value]
        made, "SELECT state, total, outsort FROM bill WHERE agreement_id = :id "
        "AND period = :period ORDER BY id DESC LIMIT 1", id=agreement, period=period,
    )[0]  # fmt: skip


def by_engine(given: BillInput) -> int:
    """What the engine makes of inputs that a test says itself."""
    return total(bill(works(), given))
