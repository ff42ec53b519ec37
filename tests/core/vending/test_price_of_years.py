"""Units of earlier sales count for blocks of the month or, if the tariff says so, of the year."""

from __future__ import annotations

from datetime import date

import pytest

from core.tariffs.compiling import compile_tariff
from core.tariffs.shapes import E8, Block, CatchUp, Energy, Tariff, TariffVersion
from core.vending.price import same_limits


@pytest.mark.parametrize(
    ("period", "before", "now", "same"),
    [
        ("calendar_month", 202602, 202602, True),
        ("calendar_month", 202601, 202602, False),
        ("calendar_year", 202601, 202602, True),
        ("calendar_year", 202512, 202601, False),
    ],
)
def test_what_counts_for_the_limits(period: str, before: int, now: int, same: bool) -> None:
    energy = Energy(
        code="energy",
        label="Energy",
        structure="graduated",
        period=period,  # type: ignore[arg-type]
        blocks=(Block(10_000, E8), Block(None, 2 * E8)),
        tax_class="s",
        payee="own",
        rounding="half_up",
    )
    version = TariffVersion(date(2025, 1, 1), CatchUp(0, "lapse"), (energy,))
    tariff = compile_tariff(Tariff("t", "T", "KES", "kWh", (version,)))
    assert same_limits(tariff, date(2026, 1, 31), before, now) is same
