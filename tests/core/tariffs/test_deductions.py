"""Fee, debts and the tax inside the tender, by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from core.tariffs.sale import Debt, DeductionPolicy, Fee, TooSmall
from core.tariffs.shapes import E8

from .uganda import FIRST, UGANDA, YAKA, amounts, debt, sell, service, sold, tariff_of, vat

PERCENT = E8 // 100
UNTAXED = tariff_of(YAKA, service(3360))


def taken(tender: int, *debts: Debt, **policy: Any) -> list[int]:
    """What the debts take of a tender without tax, in order of priority."""
    state = msgspec.structs.replace(FIRST, debts=debts, fixed_due=())
    sale = sold(tender, state, UNTAXED, DeductionPolicy(**policy))
    left = {debt.code: debt.outstanding for debt in sale.debts}
    return [old.outstanding - left[old.code] for old in sorted(debts, key=lambda d: d.priority)]


@pytest.mark.parametrize(
    ("how", "amount"),
    [
        ({"method": "percent_of_tender", "value": 30 * PERCENT}, 6_000),
        ({"method": "percent_of_tender", "value": 30 * PERCENT, "cap_per_sale": 4_000}, 4_000),
        ({"method": "percent_of_tender", "value": 30 * PERCENT, "outstanding": 500}, 500),
        ({"method": "percent_of_outstanding", "value": 10 * PERCENT}, 5_000),
        ({"method": "percent_of_outstanding", "value": 10 * PERCENT, "outstanding": 5}, 1),
        ({"method": "fixed", "value": 1_500}, 1_500),
        ({"method": "fixed", "value": 1_500, "outstanding": 700}, 700),
        ({"method": "all", "outstanding": 7_000}, 7_000),
        ({"method": "all", "cap_per_sale": 900}, 900),
        ({"method": "all", "outstanding": 0}, 0),
    ],
)
def test_methods_and_caps(how: dict[str, Any], amount: int) -> None:
    assert taken(20_000, debt(**how)) == [amount]


def test_a_percentage_of_the_tender_is_half_up() -> None:
    """25 % of 20,002 are 5,000.5: the debt takes 5,001, as any line that is rounded half up."""
    assert taken(20_002, debt(method="percent_of_tender", value=25 * PERCENT)) == [5_001]


def test_priority_goes_before_name() -> None:
    first = debt("z", priority=0, method="fixed", value=3_000)
    second = debt("a", priority=1, method="fixed", value=3_000)
    assert taken(20_000, second, first, debts_cap=4_000) == [3_000, 1_000]
    assert taken(20_000, second, first, debts_cap_rate_e8=10 * PERCENT) == [2_000, 0]


def test_two_percentages_together_are_rounded_once() -> None:
    """25 % and 25 % of 20,001 are 5,000.25 each and 10,000.5 together: 5,000 and 5,001."""
    half = {"method": "percent_of_tender", "value": 25 * PERCENT}
    assert taken(20_001, debt("a", **half), debt("b", **half)) == [5_000, 5_001]


def test_tax_on_the_part_that_pays_debts_is_declared() -> None:
    state = msgspec.structs.replace(
        FIRST, debts=(debt(method="percent_of_tender", value=30 * PERCENT),)
    )
    off = sold(20_000, state)
    assert amounts(off)[:3] == [("old", 6_000), ("service", 3360), ("vat", 2136)]
    on = sold(20_000, state, tariff_of(YAKA, service(3360), vat(on_debts=True)))
    assert amounts(on)[:3] == [("old", 6_000), ("service", 3360), ("vat", 3051)]
    assert off.units_milli > on.units_milli


def test_a_debt_that_takes_everything_is_named() -> None:
    state = msgspec.structs.replace(FIRST, debts=(debt(method="all"),))
    refused = sell(20_000, state)
    assert isinstance(refused, TooSmall)
    assert refused.short_at == "debts"
    assert refused.smallest_useful == 50_000 + 3_995
    cleared = sold(refused.smallest_useful, state)
    assert cleared.debts[0].outstanding == 0
    assert cleared.units_milli == 100


def test_the_order_says_who_is_short() -> None:
    state = msgspec.structs.replace(FIRST, debts=(debt(method="fixed", value=2_000),))
    assert sell(3_000, state) == TooSmall(3_000, 5_995, "fixed")
    policy = DeductionPolicy(order=("fee", "fixed", "debts", "tax", "energy"))
    assert sell(3_900, state, policy=policy) == TooSmall(3_900, 5_995, "debts")
    assert [line.step for line in sold(20_000, state, policy=policy).lines][:2] == [
        "fixed",
        "debts",
    ]


def test_the_customers_fee_comes_off_first_and_is_not_taxed_here() -> None:
    fee = Fee(code="fee", label="Service of the agent", amount=100, rate_e8=PERCENT, cap=250)
    sale = sold(20_000, policy=DeductionPolicy(fee=fee))
    assert amounts(sale)[:3] == [("fee", 250), ("service", 3360), ("vat", 3013)]
    assert amounts(sold(4_200, policy=DeductionPolicy(fee=fee)))[0] == ("fee", 142)
    refused = sell(80, policy=DeductionPolicy(fee=fee))
    assert isinstance(refused, TooSmall)
    assert refused.short_at == "fee"


def test_whose_money_a_line_is() -> None:
    state = msgspec.structs.replace(
        FIRST, debts=(debt(method="fixed", value=500, payee="third_party:lender"),)
    )
    payees = {line.code: line.payee for line in sold(20_000, state, UGANDA).lines}
    assert payees == {
        "old": "third_party:lender",
        "service": "own",
        "vat": "tax_authority",
        "energy": "own",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"order": ("fee", "debts", "fixed", "energy")},
        {"order": ("fee", "debts", "fixed", "tax", "tax")},
        {"order": ("debts", "fee", "fixed", "tax", "energy")},
        {"order": ("fee", "energy", "fixed", "tax", "debts")},
        {"debts_cap": -1},
        {"debts_cap_rate_e8": E8 + 1},
    ],
)
def test_a_policy_that_cannot_be_meant(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        DeductionPolicy(**wrong)


@pytest.mark.parametrize("wrong", [{"amount": -1}, {"rate_e8": E8}, {"cap": -1}])
def test_a_fee_that_cannot_be_meant(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="fee"):
        Fee(code="fee", label="Fee", **wrong)


@pytest.mark.parametrize("wrong", [{"outstanding": -1}, {"value": -1}, {"cap_per_sale": -1}])
def test_a_debt_that_cannot_be_meant(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="debt"):
        debt(method="all", **wrong)
