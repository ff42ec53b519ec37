"""What depends on the calendar and on closed months: time of use, seasons, categories."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from core.tariffs.billing import bill
from core.tariffs.bills import BillInput
from core.tariffs.compiling import CompiledTariff, compile_tariff
from core.tariffs.errors import BillError, NoTariffError
from core.tariffs.readings import consumption
from core.tariffs.segments import category_of
from core.tariffs.shapes import (
    E8,
    Block,
    CatchUp,
    Category,
    Energy,
    Fixed,
    Proration,
    Season,
    Tariff,
    TariffVersion,
    TouPeriod,
    When,
)
from core.tariffs.tou import period_of_time, totals

OWN: dict[str, Any] = {"tax_class": "s", "payee": "own", "rounding": "half_up"}
SEASONS = (Season("summer", (6, 1), (8, 31)), Season("rest", (9, 1), (5, 31)))
CLOCK = (
    TouPeriod(name="peak", weekdays=(0, 1, 2, 3, 4), holidays="never", hours=((420, 1380),)),
    TouPeriod(name="feast", holidays="only"),
    TouPeriod(name="off"),
)
BANDS = ((100_000, "small"), (None, "large"))
CATEGORY = Category(
    quantity="units",
    months=3,
    least_months=2,
    default="small",
    limits="inclusive",
    bands=BANDS,
)


def version(**more: Any) -> TariffVersion:
    said = {"valid_from": date(2026, 1, 1), "catch_up": None, "components": ()} | more
    return TariffVersion(**said)


def energy(code: str, rate: int, **more: Any) -> Energy:
    return Energy(
        code=code,
        label=code,
        structure="graduated",
        period="calendar_month",
        blocks=(Block(None, rate * E8),),
        **(OWN | more),
    )


def test_the_first_period_that_fits_counts() -> None:
    clock = version(tou=CLOCK, holidays=(date(2026, 5, 1),))
    assert period_of_time(clock, date(2026, 4, 30), 419) == "off"
    assert period_of_time(clock, date(2026, 4, 30), 420) == "peak"
    assert period_of_time(clock, date(2026, 4, 30), 1380) == "off"
    assert period_of_time(clock, date(2026, 5, 1), 720) == "feast"
    assert period_of_time(clock, date(2026, 5, 2), 720) == "off"
    with pytest.raises(BillError, match="in no period"):
        period_of_time(version(tou=CLOCK[:1]), date(2026, 5, 2), 60)


def test_quarters_of_an_hour_become_units_and_power() -> None:
    clock = version(tou=CLOCK)
    found = totals(clock, date(2026, 4, 30), 15, [250] * 28 + [500] * 4)
    assert found == {
        "units.off": 7_000,
        "units.peak": 2_000,
        "max_kw": 2_000,
        "max_kw.off": 1_000,
        "max_kw.peak": 2_000,
    }


def given(**more: Any) -> BillInput:
    said = {"first": date(2026, 5, 1), "last": date(2026, 5, 31), "quantities": {"units": 30_000}}
    return BillInput(**(said | more))


@pytest.mark.parametrize(
    ("history", "category"),
    [
        ({}, "small"),
        ({202604: 900_000}, "small"),
        ({202603: 100_000, 202604: 100_000}, "small"),
        ({202603: 100_000, 202604: 100_001}, "large"),
        ({202601: 900_000, 202603: 100_000, 202604: 100_000}, "small"),
        ({202602: 900_000, 202603: 0, 202605: 0}, "large"),
    ],
)
def test_the_trailing_average_of_closed_months(history: dict[int, int], category: str) -> None:
    assert category_of(CATEGORY, given(history={"units": history})) == category
    assert category_of(CATEGORY, given(history={"units": history}, category="large")) == "large"


def test_a_season_that_changes_within_the_bill_divides_it() -> None:
    rule = Proration(method="quantity_first", resolution_milli=1000)
    summer = energy("energy", 2, when=When(seasons=("summer",)), proration=rule)
    rest = energy("rest", 1, when=When(seasons=("rest",)), proration=rule)
    tariff = compile_tariff(
        Tariff(
            "t",
            "T",
            "KES",
            "kWh",
            (version(components=(summer, rest), seasons=SEASONS),),
            mode="postpaid",
        )
    )
    lines = bill(tariff, given(first=date(2026, 5, 22), last=date(2026, 6, 20)))
    assert [(line.code, line.quantity_milli, line.amount, line.first) for line in lines] == [
        ("rest", 10_000, 10_00, date(2026, 5, 22)),
        ("energy", 20_000, 40_00, date(2026, 6, 1)),
    ]


def sold_by_category() -> CompiledTariff:
    small = energy("energy", 1, when=When(categories=("small",)))
    large = energy("energy2", 2, when=When(categories=("large",)))
    rent = Fixed(code="rent", label="R", rate_e8=E8, quantity="one", unit="month", **OWN)
    made = version(components=(small, large, rent), category=CATEGORY, catch_up=CatchUp(0, "lapse"))
    return compile_tariff(Tariff("t", "T", "KES", "kWh", (made,)))


def test_a_sale_knows_the_category_or_takes_the_default() -> None:
    tariff = sold_by_category()
    day = date(2026, 2, 1)
    assert tariff.at(day).energy.code == "energy"
    assert tariff.at(day, "large").energy.code == "energy2"
    assert tariff.of_period(202602, "large").energy.code == "energy2"
    with pytest.raises(NoTariffError):
        tariff.at(date(2025, 2, 1))


def test_registers_that_pass_their_end() -> None:
    def advance(before: int, now: int, most: int | None = None) -> Fraction:
        return consumption(Fraction(before), Fraction(now), 5, most and Fraction(most))

    assert advance(10, 25) == 15
    assert advance(99_950, 120, 1000) == 170
    for wrong, message in (
        ((99_950, 120), "went back"),
        ((99_950, 120, 100), "more than the plausible 100"),
        ((10, 500, 100), "more than the plausible 100"),
        ((10, 100_000), "does not show"),
    ):
        with pytest.raises(BillError, match=message):
            advance(*wrong)
