"""What holds for every tariff, tender and state."""

from __future__ import annotations

from fractions import Fraction

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.tariffs.compiling import CompiledTariff
from core.tariffs.reference import exact_cost, exact_units
from core.tariffs.reference_sale import Amounts, SlowSale
from core.tariffs.sale import (
    DeductionPolicy,
    Encodable,
    Overflow,
    Priced,
    SaleResult,
    SaleState,
    TooSmall,
)
from core.tariffs.solving import price, solve

from .random_tariffs import ENCODINGS, ON, TENDERS, policies, states, tariffs

few = settings(max_examples=60, deadline=None)  # a shared machine may pause in any example
encodings = st.sampled_from(ENCODINGS)


def sold(result: SaleResult) -> int:
    """Milli-units, as a number that never falls with the tender."""
    if isinstance(result, Priced):
        return result.units_milli
    return 0 if isinstance(result, TooSmall) else 10**18


def next_encodable(tenths: int, encodable: Encodable) -> int:
    after = tenths + 1
    while encodable(after) <= tenths:
        after += 1
    return after


@few
@given(tariffs(), TENDERS, states(), policies(), encodings)
def test_a_sale_adds_up_and_is_the_largest(
    tariff: CompiledTariff,
    tender: int,
    state: SaleState,
    policy: DeductionPolicy,
    encodable: Encodable,
) -> None:
    result = solve(tariff, tender, state, policy, encodable)
    if not isinstance(result, Priced):
        return
    assert sum(line.amount for line in result.lines) + result.carried_forward == tender
    assert result.carried_forward >= 0
    tenths, rest = divmod(result.units_milli, 100)
    assert rest == 0
    assert encodable(tenths) == tenths > 0
    assert result.units_milli <= result.units_exact * 1000
    step = next_encodable(tenths, encodable) * 100
    assert step > result.units_exact * 1000 or price(tariff, step, state, policy).tender > tender
    steps = [policy.order.index(line.step) for line in result.lines]
    assert steps == sorted(steps)
    owed = {debt.code: debt for debt in state.debts}
    for debt in result.debts:
        before = owed[debt.code].outstanding
        most = before if debt.cap_per_sale is None else min(before, debt.cap_per_sale)
        assert 0 <= before - debt.outstanding <= most


@few
@given(tariffs(), TENDERS, states(), policies(), encodings)
def test_it_equals_the_slow_sale_and_the_exact_reference(
    tariff: CompiledTariff,
    tender: int,
    state: SaleState,
    policy: DeductionPolicy,
    encodable: Encodable,
) -> None:
    result = solve(tariff, tender, state, policy, encodable)
    assume(not isinstance(result, Overflow))
    units, amounts, carried = SlowSale(tariff.tariff, state, policy, encodable).sell(tender)
    assert sold(result) == (units if tender else 0)
    if isinstance(result, Priced):
        assert result.units_exact == exact_units(tariff.tariff, tender, state, policy)
        came: Amounts = {}
        for line in result.lines:
            came[line.code, line.block] = came.get((line.code, line.block), 0) + line.amount
        assert {key: amount for key, amount in came.items() if amount} == amounts
        assert result.carried_forward == carried


@few
@given(tariffs(), TENDERS, st.integers(1, 5), states(), policies(), encodings)
def test_more_money_never_buys_less(
    tariff: CompiledTariff,
    tender: int,
    more: int,
    state: SaleState,
    policy: DeductionPolicy,
    encodable: Encodable,
) -> None:
    results = [sold(solve(tariff, tender + i * more, state, policy, encodable)) for i in range(6)]
    assert results == sorted(results)


@few
@given(tariffs(), states(), policies(), encodings)
def test_the_smallest_useful_amount_is_exact(
    tariff: CompiledTariff, state: SaleState, policy: DeductionPolicy, encodable: Encodable
) -> None:
    refused = solve(tariff, 0, state, policy, encodable)
    assert isinstance(refused, TooSmall)
    useful = refused.smallest_useful
    assert sold(solve(tariff, useful, state, policy, encodable)) > 0
    assert solve(tariff, useful - 1, state, policy, encodable) == msgspec.structs.replace(
        refused, tender=useful - 1, short_at=_short_at(tariff, useful - 1, state, policy, encodable)
    )


def _short_at(
    tariff: CompiledTariff, tender: int, state: SaleState, policy: DeductionPolicy, e: Encodable
) -> str:
    result = solve(tariff, tender, state, policy, e)
    assert isinstance(result, TooSmall)
    return result.short_at


@few
@given(tariffs(), TENDERS, states(), policies(), policies())
def test_the_order_of_deductions_changes_no_amount(
    tariff: CompiledTariff,
    tender: int,
    state: SaleState,
    policy: DeductionPolicy,
    other: DeductionPolicy,
) -> None:
    reordered = msgspec.structs.replace(policy, order=other.order)
    one, two = (solve(tariff, tender, state, p, ENCODINGS[0]) for p in (policy, reordered))
    assert sold(one) == sold(two)
    if isinstance(one, Priced) and isinstance(two, Priced):
        assert sorted(one.lines, key=repr) == sorted(two.lines, key=repr)
        assert one.debts == two.debts


@few
@given(tariffs(), states(), policies(), st.integers(1, 10**5))
def test_the_largest_useful_amount_is_exact(
    tariff: CompiledTariff, state: SaleState, policy: DeductionPolicy, tenths: int
) -> None:
    limits = msgspec.structs.replace(state.limits, max_units_milli=tenths * 100)
    state = msgspec.structs.replace(state, limits=limits)
    refused = solve(tariff, 10**13, state, policy, ENCODINGS[1])
    assert isinstance(refused, Overflow)
    assert refused.max_units_milli == tenths * 100
    most = refused.largest_useful
    assume(most > 0)  # free units alone may be more than the limit
    assert not isinstance(solve(tariff, most, state, policy, ENCODINGS[1]), Overflow)
    assert isinstance(solve(tariff, most + 1, state, policy, ENCODINGS[1]), Overflow)


@few
@given(tariffs(), st.integers(1, 10**6), st.integers(1, 10**6), states())
def test_exact_solutions_of_split_sales_add_up(
    tariff: CompiledTariff, first: int, second: int, state: SaleState
) -> None:
    """Exactly, whatever the components, if there are no debts and no fee: the month charges fall
    on the first purchase, and the second goes on along the same cost line."""
    state = msgspec.structs.replace(state, debts=())
    policy = DeductionPolicy()
    whole = exact_units(tariff.tariff, first + second, state, policy)
    one = exact_units(tariff.tariff, first, state, policy)
    assume(one > 0)
    after = msgspec.structs.replace(state, fixed_due=())
    before = one + Fraction(state.units_milli, 1000)
    assert one + exact_units(tariff.tariff, second, after, policy, before) == whole


@few
@given(tariffs(plain=True), st.integers(1, 10**6), st.integers(1, 10**6))
def test_split_sales_cost_the_same_to_a_step_and_the_rounding(
    tariff: CompiledTariff, first: int, second: int
) -> None:
    """With the first's carried forward added to the second tender, the units of two sales cost
    exactly what those of one do, to within one encodable step at the dearest block and one minor
    unit for each rounded line."""
    state, policy, encodable = SaleState(on=ON), DeductionPolicy(), ENCODINGS[1]
    whole = solve(tariff, first + second, state, policy, encodable)
    one = solve(tariff, first, state, policy, encodable)
    assume(isinstance(one, Priced) and isinstance(whole, Priced))
    assert isinstance(one, Priced)
    assert isinstance(whole, Priced)
    after = msgspec.structs.replace(state, units_milli=one.units_this_period)
    two = solve(tariff, second + one.carried_forward, after, policy, encodable)
    assume(isinstance(two, Priced))
    assert isinstance(two, Priced)

    def cost(units: int) -> Fraction:
        return exact_cost(tariff.tariff, state, Fraction(0), Fraction(units, 1000))

    difference = abs(cost(whole.units_milli) - cost(two.units_this_period))
    version = tariff.at(state.on)
    dearest = Fraction(max(version.slopes) * 100, version.q)
    lines = sum(len(sale.lines) for sale in (whole, one, two))
    assert difference <= dearest + lines
