"""Commodities: the subclasses of the standard, the units, and heat, which has no token."""

import pytest

from core.commodity import BY_TOKEN, COMMODITIES, subclass_of, units_only, wrong_most, wrong_unit
from core.refusals import Refusal
from core.sts.layouts import title
from core.units import SIGNS, is_money, quantity, sign_of
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
    units = {name: each for name, each in COMMODITIES.items() if not is_money(name)}
    assert SIGNS.keys() == units.keys()
    assert all(each.sign in each.priced_in for each in units.values())
    assert quantity(281) == "28.1 kWh"
    assert quantity(87, "water") == "8.7 m³"
    assert sign_of(None) == "kWh"
    assert sign_of("steam") == "units"


def test_each_service_is_also_sold_in_money() -> None:
    for subclass, name in enumerate(BY_TOKEN, 4):
        money = f"{name}-money"
        assert subclass_of(money, "1") == subclass == REGISTERS[money]
        assert title(0, subclass).lower() == f"{name} credit in currency"
        assert wrong_unit(money, "1", "t", "KES") is None
        assert wrong_unit(name, "1", "t", "KES") is not None
        wrong = wrong_unit(money, "1", "t", "kWh")
        assert wrong is not None
        assert "counts money" in wrong.operator()


@pytest.mark.parametrize(
    ("tenths", "currency", "shown"),
    [
        (645_630, "KES", "645.63 KES"),
        (199_950, "UGX", "19,995 UGX"),
        (645_630, "", "64563 smallest coins"),
    ],
)
def test_money_is_said_as_money(tenths: int, currency: str, shown: str) -> None:
    assert quantity(tenths, "electricity-money", currency) == shown


@pytest.mark.parametrize(
    ("commodity", "tenths", "fits"),
    [
        ("electricity", 99_999, True),
        ("electricity", 0, False),
        ("electricity-money", 1_000_000, True),
        ("electricity-money", 99_999, False),  # the default of meters of units
        ("electricity-money", 0, False),
        ("electricity-money", 10_000_000_010, False),
    ],
)
def test_the_largest_credit_fits_the_meter(commodity: str, tenths: int, fits: bool) -> None:
    assert (wrong_most(commodity, tenths) == "") is fits


def test_what_is_for_units_only_says_so() -> None:
    units_only("water", "1")
    with pytest.raises(Refusal) as caught:
        units_only("water-money", "04123456784")
    assert caught.value.code == "meter-holds-money"
    assert "04123456784 holds money" in caught.value.operator()
