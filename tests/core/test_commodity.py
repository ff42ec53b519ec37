"""Commodities: the subclasses of the standard, the units, and heat, which has no token."""

import pytest

from core.commodity import BY_TOKEN, COMMODITIES, subclass_of, wrong_unit
from core.refusals import Refusal
from core.sts.layouts import title
from core.units import SIGNS, quantity, sign_of
from core.vending.act_kinds import REGISTERS


def test_the_subclasses_are_those_of_the_standard() -> None:
    assert [subclass_of(name, "1") for name in BY_TOKEN] == [0, 1, 2, 3]
    for subclass, name in enumerate(BY_TOKEN):
        assert title(0, subclass).lower().startswith(name)
        assert REGISTERS[name] == subclass


def test_heat_has_no_token() -> None:
    with pytest.raises(Refusal) as caught:
        subclass_of("heat", "04123456784")
    assert caught.value.code == "heat-not-by-token"
    assert "balance" in caught.value.operator()


@pytest.mark.parametrize(
    ("commodity", "unit", "fits"),
    [
        ("electricity", "kWh", True),
        ("electricity", "m3", False),
        ("water", "m3", True),
        ("water", "m³", True),
        ("gas", "m3", True),
        ("gas", "kWh", False),
        ("time", "min", True),
        ("time", "h", False),  # a token carries tenths of a minute
        ("heat", "GJ", True),
    ],
)
def test_a_tariff_counts_in_the_unit_of_the_meter(commodity: str, unit: str, fits: bool) -> None:
    wrong = wrong_unit(commodity, "04123456784", "t", unit)
    assert (wrong is None) is fits
    if wrong is not None:
        assert wrong.code == "tariff-unit-wrong"
        assert "?" not in wrong.operator()


def test_each_commodity_has_its_sign() -> None:
    assert SIGNS.keys() == COMMODITIES.keys()
    assert all(each.sign in each.priced_in for each in COMMODITIES.values())
    assert quantity(281) == "28.1 kWh"
    assert quantity(87, "water") == "8.7 m³"
    assert sign_of(None) == "kWh"
    assert sign_of("steam") == "units"
