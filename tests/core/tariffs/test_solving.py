"""Sales by hand: the published Uganda case and the edges around it."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import msgspec
import pytest

from core.tariffs.compiling import NoTariffError, compile_tariff
from core.tariffs.encoding import sts_encodable
from core.tariffs.pricing import MissingQuantityError
from core.tariffs.sale import Limits, Overflow, SaleState, TooSmall
from core.tariffs.shapes import E8, CatchUp, Percent, Tariff, TariffVersion, TaxOnLines
from core.tariffs.solving import price, solve

from .uganda import (
    DAY,
    FIRST,
    OWN_LINE,
    POLICY,
    STATE,
    UGANDA,
    YAKA,
    amounts,
    energy,
    sell,
    service,
    sold,
    tariff_of,
)

LATER = SaleState(on=DAY, units_milli=28_100, fixed_through=202602)
PLAIN = tariff_of(energy((100, 4_700), (300, 8_500), (None, 19_400)), code="ZMW")


def test_uganda_first_purchase() -> None:
    sale = sold(20_000)
    assert amounts(sale) == [
        ("service", 3360),
        ("vat", 3051),
        ("energy", 3750),
        ("energy", 9837),
    ]
    assert sale.sum_of("energy") == 13_587
    assert sale.units_milli == 28_100
    assert sale.carried_forward == 2
    assert round(sale.units_exact, 4) == Fraction("28.1031")
    first, second = sale.lines[2:]
    assert (first.block, first.quantity_milli, first.rate_e8) == (1, 15_000, 250 * E8)
    assert (second.block, second.quantity_milli, second.rate_e8) == (2, 13_100, 75_090_000_000)
    assert (sale.units_this_period, sale.fixed_through) == (28_100, 202602)


def test_the_second_purchase_of_the_month_buys_fewer_units() -> None:
    sale = sold(20_000, LATER)
    assert amounts(sale) == [("vat", 3051), ("energy", 16_895)]
    assert sale.units_milli == 22_500
    assert sale.units_this_period == 50_600
    assert sale.fixed_through == 202602


def test_missed_months_are_one_line() -> None:
    sale = sold(20_000, msgspec.structs.replace(FIRST, fixed_due=(202512, 202601, 202602)))
    (line,) = [line for line in sale.lines if line.step == "fixed"]
    assert (line.amount, line.quantity_milli) == (10_080, 3_000)
    assert line.periods == (202512, 202601, 202602)


def test_each_missed_month_costs_what_it_cost_then() -> None:
    old = TariffVersion(date(2025, 3, 15), CatchUp(12, "lapse"), (YAKA, service(3000)))
    new = TariffVersion(date(2026, 1, 15), CatchUp(12, "lapse"), (YAKA, service(3360)))
    tariff = compile_tariff(Tariff("t", "t", "UGX", "kWh", (old, new)))
    due = (202503, 202601, 202602)
    sale = sold(20_000, SaleState(on=DAY, fixed_due=due), tariff)
    fixed = [(line.amount, line.periods) for line in sale.lines if line.step == "fixed"]
    assert fixed == [(6000, (202503, 202601)), (3360, (202602,))]
    assert sale.valid_from == date(2026, 1, 15)
    before = sold(20_000, SaleState(on=date(2026, 1, 14)), tariff)
    assert before.valid_from == date(2025, 3, 15)
    with pytest.raises(NoTariffError, match="2025-03-15"):
        sell(20_000, SaleState(on=date(2025, 3, 14)), tariff)
    with pytest.raises(NoTariffError):
        sell(20_000, SaleState(on=DAY, fixed_due=(202502,)), tariff)


def test_a_charge_per_kilowatt_needs_the_kilowatts() -> None:
    per_kw = msgspec.structs.replace(service(42), quantity="sanctioned_kw")
    tariff = tariff_of(YAKA, per_kw)
    sale = sold(20_000, msgspec.structs.replace(FIRST, attributes={"sanctioned_kw": 2500}), tariff)
    assert amounts(sale)[0] == ("service", 105)
    with pytest.raises(MissingQuantityError, match="sanctioned_kw"):
        sell(20_000, FIRST, tariff)


def test_the_limit_belongs_to_its_block() -> None:
    assert amounts(sold(4700, SaleState(on=DAY), PLAIN)) == [("energy", 4700)]
    assert sold(4700, SaleState(on=DAY), PLAIN).units_milli == 100_000
    next_unit = sold(9, SaleState(on=DAY, units_milli=100_000), PLAIN)
    assert [(line.block, line.amount) for line in next_unit.lines] == [(2, 9)]


def test_a_purchase_that_ends_on_the_tender_carries_nothing() -> None:
    sale = sold(30_000, SaleState(on=DAY), PLAIN)
    assert sale.units_milli == 342_700
    assert sale.carried_forward == 16
    whole = sold(21_700, SaleState(on=DAY), PLAIN)
    assert (whole.units_milli, whole.carried_forward) == (300_000, 0)


def test_lines_that_round_up_cost_a_step() -> None:
    """Two blocks of 0.5 shillings each, rounded up to 1 each: 1 does not pay for both."""
    tariff = tariff_of(energy((1, 5_000), (None, 5_000)))
    sale = sold(1, SaleState(on=DAY), tariff)
    assert sale.units_exact == 2
    assert amounts(sale) == [("energy", 1), ("energy", 0)]
    assert sale.units_milli == 1_900
    assert sold(2, SaleState(on=DAY), tariff).units_milli == 3_900


def test_a_step_cheaper_than_the_smallest_coin_is_bisected() -> None:
    tariff = tariff_of(energy((1, 1), (2, 1), (3, 1), (4, 1), (None, 1)))  # 0.0001 a unit
    rounded_up = msgspec.structs.replace(tariff.versions[0].energy, rounding="up")
    sale = sold(3, SaleState(on=DAY), tariff_of(rounded_up))
    assert sale.units_exact == 30_000
    assert sale.units_milli == 3_000  # three blocks begun, each rounded up to one shilling


def test_free_units_before_paid_ones() -> None:
    tariff = tariff_of(energy((10, 0), (None, 5_000_000)))
    sale = sold(500, SaleState(on=DAY), tariff)
    assert sale.units_milli == 11_000
    assert sell(0, SaleState(on=DAY), tariff) == TooSmall(0, 1, "energy")
    assert sold(1, SaleState(on=DAY), tariff).units_milli == 10_000


def test_falling_blocks() -> None:
    sale = sold(20_000, SaleState(on=DAY), tariff_of(energy((20, 7_500_000), (None, 2_500_000))))
    assert sale.units_milli == 40_000


def test_large_sales_go_in_the_steps_of_the_token() -> None:
    state = SaleState(on=DAY)
    tariff = tariff_of(energy((None, 10_000)))
    assert sold(1638, state, tariff).units_milli == 1_638_000
    assert sold(1640, state, tariff).units_milli == 1_639_400
    assert sold(1640, state, tariff).carried_forward == 1  # 1639.4 → 1639
    assert sold(200_000, state, tariff).units_milli == 199_962_400


def test_what_a_token_cannot_say_is_refused_with_the_largest_tender() -> None:
    state = SaleState(on=DAY)
    tariff = tariff_of(energy((None, 10_000)))
    refused = sell(1_820_163, state, tariff)
    assert refused == Overflow(1_820_163, 1_820_162, 1_820_162_400)
    assert sold(1_820_162, state, tariff).units_milli == 1_820_062_400


def test_what_the_meter_cannot_take_is_refused() -> None:
    state = SaleState(on=DAY, limits=Limits(500_000))
    tariff = tariff_of(energy((None, 10_000)))
    assert sold(500, state, tariff).units_milli == 500_000
    assert sell(501, state, tariff) == Overflow(501, 500, 500_000)


def test_too_small_names_the_exact_amount() -> None:
    assert sell(3_000) == TooSmall(3_000, 3_995, "fixed")
    assert sell(3_994) == TooSmall(3_994, 3_995, "energy")
    assert sold(3_995).units_milli == 100
    assert sell(88, LATER) == TooSmall(88, 89, "energy")
    assert sold(89, LATER).carried_forward == 0


@pytest.mark.parametrize("tender", [-1, 10**15 + 1])
def test_a_tender_is_within_reason(tender: int) -> None:
    with pytest.raises(ValueError, match="tender"):
        sell(tender)


def test_a_meter_that_takes_nothing_is_a_mistake_of_its_data() -> None:
    with pytest.raises(ValueError, match="can be encoded"):
        solve(UGANDA, 10, FIRST, POLICY, lambda tenths: 0)


def test_price_of_given_units() -> None:
    least = price(UGANDA, 28_100, FIRST, POLICY)
    assert (least.tender, least.carried_forward) == (19_997, 0)  # VAT on 19,997 is 3,050
    zero = price(UGANDA, 0, FIRST, POLICY)
    assert amounts(zero) == [("service", 3360), ("vat", 605)]
    assert zero.tender == 3965
    with pytest.raises(ValueError, match="limit"):
        price(UGANDA, -1, FIRST, POLICY)


def test_percentages_upon_percentages_and_tax_on_lines() -> None:
    levy = Percent(code="levy", label="Levy", rate_e8=5_000_000, of=("energy",), **OWN_LINE)
    tax = TaxOnLines(
        code="vat", label="VAT", rate_e8=16_000_000, of=("service", "energy", "levy"), **STATE
    )
    tariff = tariff_of(tax, levy, energy((None, 2_000_000)), service(1000))
    sale = sold(10_000, FIRST, tariff)
    assert dict(amounts(sale)) == {"service": 1000, "energy": 7240, "levy": 362, "vat": 1376}
    assert sale.units_milli == 36_200
    assert sale.carried_forward == 22
    (vat,) = [line for line in sale.lines if line.code == "vat"]
    assert (vat.base, vat.step, vat.payee) == (8602, "tax", "tax_authority")


def test_a_rebate_on_the_month_charge_counts_before_the_charge_is_called_too_high() -> None:
    """Charge 28.5 → 29, rebate 2.5 % of it → -1: a tender of 28 pays for the month and a step."""
    charge = msgspec.structs.replace(service(0), rate_e8=2_850_000_000)
    rebate = Percent(code="rebate", label="Rebate", rate_e8=-2_500_000, of=("service",), **OWN_LINE)
    tariff = tariff_of(energy((None, 10_000)), charge, rebate)
    sale = sold(28, FIRST, tariff)
    assert amounts(sale) == [("service", 29), ("energy", 0), ("rebate", -1)]
    assert sell(27, FIRST, tariff) == TooSmall(27, 28, "fixed")


def test_months_of_different_payees_are_different_lines() -> None:
    theirs = msgspec.structs.replace(service(3360), payee="third_party:operator")
    versions = (
        TariffVersion(date(2025, 1, 1), CatchUp(12, "lapse"), (YAKA, theirs)),
        TariffVersion(date(2026, 2, 1), CatchUp(12, "lapse"), (YAKA, service(3360))),
    )
    tariff = compile_tariff(Tariff("t", "t", "UGX", "kWh", versions))
    sale = sold(20_000, msgspec.structs.replace(FIRST, fixed_due=(202601, 202602)), tariff)
    assert [line.payee for line in sale.lines][:2] == ["third_party:operator", "own"]


def test_rebate_mirrors_its_rounding() -> None:
    """Case BD-CATCHUP: 0.5 % of 583.30 is -2.92."""
    rebate = Percent(code="rebate", label="Rebate", rate_e8=-500_000, of=("energy",), **OWN_LINE)
    tariff = tariff_of(energy((None, 10_000)), rebate, code="BDT")
    (line,) = [x for x in price(tariff, 583_300, LATER, POLICY).lines if x.code == "rebate"]
    assert line.amount == -292


def test_the_same_inputs_give_the_same_bytes() -> None:
    once, again = (
        msgspec.json.encode(solve(UGANDA, 20_000, FIRST, POLICY, sts_encodable)) for _ in range(2)
    )
    assert once == again
