"""What cannot be priced is refused when it is compiled, with the component at fault."""

from __future__ import annotations

from datetime import date

import pytest

from core.tariffs.compiling import TariffError, compile_tariff
from core.tariffs.shapes import CatchUp, Component, Levy, Percent, Tariff, TariffVersion, TaxOnLines

from .uganda import OWN_LINE, STATE, YAKA, energy, service, tariff_of, vat


def percent(code: str, *of: str, rate: int = 5_000_000) -> Percent:
    return Percent(code=code, label=code, rate_e8=rate, of=of, **OWN_LINE)


def tax(*of: str, rate: int = 16_000_000) -> TaxOnLines:
    return TaxOnLines(code="tax", label="Tax", rate_e8=rate, of=of, **STATE)


@pytest.mark.parametrize(
    ("components", "message", "index"),
    [
        ((), "one energy", None),
        ((YAKA, energy((None, 5))), "used twice", 1),
        ((YAKA, vat(), percent("vat", "energy")), "used twice", 2),
        ((YAKA, percent("p")), "allowed: energy", 1),
        ((YAKA, percent("p", "fuel")), r"fuel.*allowed: energy", 1),
        ((YAKA, percent("p", "energy", "energy")), "allowed: energy", 1),
        ((YAKA, vat(), tax("vat")), "allowed: energy", 2),
        ((YAKA, percent("p", "p")), "of each other", None),
        ((YAKA, percent("p", "q"), percent("q", "p")), "p, q are percentages", None),
        ((energy((10, 5)),), "last block", 0),
        ((energy((None, 5), (None, 6)),), "last block", 0),
        ((energy(),), "last block", 0),
        ((energy((10, 5), (10, 6), (None, 7)),), "end above", 0),
        ((energy((0, 5), (None, 7)),), "end above", 0),
        ((service(5), energy((None, 0))), "are free", 1),
        ((energy((10, -5), (None, 5)),), "less than nothing", 0),
        ((YAKA, percent("a", "energy", rate=-10), percent("b", "energy", rate=-5)), "combine", 2),
        ((YAKA, percent("a", "energy", rate=-60_000_000), tax("a", rate=99_000_000)), "exceed", 0),
    ],
)
def test_refusals(components: tuple[Component, ...], message: str, index: int | None) -> None:
    with pytest.raises(TariffError, match=message) as caught:
        tariff_of(*components)
    assert caught.value.index == index


def test_two_taxes_inside_one_tender() -> None:
    other = type(vat())(code="gst", label="GST", rate_e8=1, on_debts=False, **STATE)
    with pytest.raises(TariffError, match="only one tax"):
        tariff_of(YAKA, vat(), other)


def test_versions_come_in_order() -> None:
    version = TariffVersion(date(2026, 1, 1), CatchUp(1, "lapse"), (YAKA,))
    for versions in ((), (version, version)):
        with pytest.raises(TariffError, match="order of their dates"):
            compile_tariff(Tariff("t", "t", "UGX", "kWh", versions))


def test_percentages_are_ordered_by_what_they_are_taken_of() -> None:
    tariff = tariff_of(percent("c", "b"), percent("b", "a"), percent("a", "energy"), YAKA)
    assert [item.code for item in tariff.versions[0].percentages] == ["a", "b", "c"]


def test_slopes_hold_everything_a_unit_costs() -> None:
    """Kenya: 2.50 × (1 + 5 % + 16 %) + (5.71 + 0.17) × 1.16 + 0.26 = 10.1058 per unit."""
    levies = [("fuel", 571), ("forex", 17), ("other", 26)]
    tariff = tariff_of(
        energy((None, 25_000)),
        *(Levy(code=c, label=c, rate_e8=rate * 10**6, **OWN_LINE) for c, rate in levies),
        percent("rep", "energy"),
        tax("energy", "fuel", "forex"),
        code="KES",
    )
    version = tariff.versions[0]
    assert version.slopes[0] * 10**5 == 101_058 * version.q  # minor units per milli-unit: 1.01058
