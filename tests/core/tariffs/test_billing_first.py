"""The entry point of bill runs: its contract in a few hand-worked bills."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from core.tariffs.billing import bill
from core.tariffs.bills import BillInput, Overdue, reversed_lines, total
from core.tariffs.compiling import CompiledTariff, compile_tariff
from core.tariffs.errors import BillError, MissingQuantityError, NoTariffError
from core.tariffs.shapes import (
    E8,
    Block,
    Component,
    Energy,
    Fixed,
    Tariff,
    TariffVersion,
    TaxIncluded,
    TaxOnLines,
)

OWN: dict[str, Any] = {"tax_class": "s", "payee": "own", "rounding": "half_up"}
ENERGY = Energy(
    code="energy",
    label="Energy",
    structure="graduated",
    period="calendar_month",
    blocks=(Block(50_000, 2 * E8), Block(None, 13 * E8)),
    **OWN,
)
SERVICE = Fixed(code="service", label="S", rate_e8=10 * E8, quantity="one", unit="month", **OWN)
VAT = TaxOnLines(code="vat", label="VAT", rate_e8=16_000_000, of=("energy", "service"), **OWN)


def postpaid(*components: Component, day: date = date(2026, 1, 1)) -> CompiledTariff:
    version = TariffVersion(day, None, components)
    return compile_tariff(Tariff("t", "T", "KES", "kWh", (version,), mode="postpaid"))


def month(units: int, **more: Any) -> BillInput:
    given = {"first": date(2026, 2, 1), "last": date(2026, 2, 28), "quantities": {"units": units}}
    return BillInput(**(given | more))


def test_a_month() -> None:
    lines = bill(postpaid(ENERGY, SERVICE, VAT), month(60_000))
    came = [(line.code, line.amount, line.quantity_milli, line.block) for line in lines]
    assert came == [
        ("energy", 100_00, 50_000, 1),
        ("energy", 130_00, 10_000, 2),
        ("service", 10_00, 1_000, 0),
        ("vat", 38_40, 0, 0),
    ]
    assert total(lines) == 278_40
    mirrored = reversed_lines(lines)
    assert [a.amount + b.amount for a, b in zip(lines, mirrored, strict=True)] == [0] * 4


def test_two_whole_months_stretch_limits_and_charges() -> None:
    lines = bill(postpaid(ENERGY, SERVICE), month(120_000, first=date(2026, 1, 1)))
    assert [line.amount for line in lines] == [200_00, 260_00, 20_00]


def test_a_tax_inside_moves_between_payees_and_adds_nothing() -> None:
    tax = TaxIncluded(code="vat", label="VAT", rate_e8=5_000_000, of=("energy", "service"), **OWN)
    lines = bill(postpaid(ENERGY, SERVICE, tax), month(60_000))
    assert total(lines) == 240_00
    assert [line.included for line in lines] == [-4_76, -6_19, -48, 11_43]
    assert sum(line.included for line in lines) == 0


def test_what_cannot_be_billed_says_why() -> None:
    tariff = postpaid(ENERGY, SERVICE)
    with pytest.raises(NoTariffError, match="not in force on 2025-12-01"):
        bill(tariff, month(1, first=date(2025, 12, 1)))
    with pytest.raises(MissingQuantityError, match="units is not given"):
        bill(tariff, month(1, quantities={}))
    with pytest.raises(BillError, match="proration"):
        bill(tariff, month(1, first=date(2026, 2, 3)))
    with pytest.raises(BillError, match="no day"):
        bill(tariff, month(1, last=date(2026, 1, 3)))
    with pytest.raises(BillError, match="less than nothing"):
        bill(tariff, month(-1))
    with pytest.raises(NoTariffError, match="billed, not sold"):
        tariff.at(date(2026, 2, 1))


def test_days_overdue_are_told_by_year() -> None:
    assert Overdue.since(5, date(2025, 12, 30), date(2026, 1, 3)) == Overdue(5, 1, 3)
    assert Overdue.since(5, date(2026, 1, 30), date(2026, 1, 3)) == Overdue(5, 0, 0)
