"""What holds when units were had on credit, debts were taxed before, and units are asked for."""

from __future__ import annotations

import itertools
from fractions import Fraction

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.tariffs.compiling import CompiledTariff
from core.tariffs.deductions import deduct
from core.tariffs.encoding import sts_encodable
from core.tariffs.reference import exact_cost, exact_units
from core.tariffs.reference_sale import Amounts, SlowSale
from core.tariffs.sale import (
    AtJump,
    Debt,
    DeductionPolicy,
    Encodable,
    Method,
    Overflow,
    Priced,
    SaleState,
    TooSmall,
)
from core.tariffs.shapes import E8
from core.tariffs.solving import solve, tender_for

from .random_tariffs import ENCODINGS, ON, TENDERS, debts, policies, states, tariffs
from .uganda import FIRST, UGANDA, YAKA, debt, service, sold, tariff_of, vat

few = settings(max_examples=25, deadline=None)
quick = settings(max_examples=60, deadline=None)
PERCENT = E8 // 100
ON_DEBTS = vat(on_debts=True)


@st.composite
def owed(draw: st.DrawFn) -> tuple[Debt, ...]:
    """Debts of every kind, among them units that were had on credit."""
    found = tuple(
        msgspec.structs.replace(each, taxed=draw(st.booleans())) for each in draw(debts())
    )
    if not draw(st.booleans()):
        return found
    amount = draw(st.integers(1, 9_000))
    return (*found, debt("advance", priority=-1, method="all", outstanding=amount, first=True))


@quick
@given(owed(), policies(), st.sampled_from((None, vat(), ON_DEBTS)), TENDERS, st.integers(1, 9))
def test_more_money_leaves_no_less_and_no_debt_takes_more_than_is_owed(
    owed_: tuple[Debt, ...], policy: DeductionPolicy, tax: object, tender: int, more: int
) -> None:
    found = [deduct(tender + i * more, owed_, policy, tax) for i in range(5)]  # type: ignore[arg-type]
    assert [each.rest for each in found] == sorted(each.rest for each in found)
    for i, each in enumerate(found):
        assert each.fee + sum(each.taken) + each.tax + each.rest == tender + i * more
        assert each.tax >= 0
        assert each.rest >= 0
        for one, taken in zip(each.debts, each.taken, strict=True):
            assert 0 <= taken <= one.outstanding
    for low, high in itertools.pairwise(found):
        assert low.exact[0] * high.exact[1] <= high.exact[0] * low.exact[1]


@quick
@given(owed(), policies(), st.sampled_from((None, vat(), ON_DEBTS)), TENDERS)
def test_credit_is_paid_before_anything_else_and_the_rest_is_an_ordinary_tender(
    owed_: tuple[Debt, ...], policy: DeductionPolicy, tax: object, tender: int
) -> None:
    policy = msgspec.structs.replace(policy, fee=None)
    first = sum(each.outstanding for each in owed_ if each.first)
    others = tuple(each for each in owed_ if not each.first)
    found = deduct(tender, owed_, policy, tax)  # type: ignore[arg-type]
    taken = sum(t for d, t in zip(found.debts, found.taken, strict=True) if d.first)
    assert taken == min(first, tender)
    plain = deduct(tender - taken, others, policy, tax)  # type: ignore[arg-type]
    assert (plain.rest, plain.tax) == (found.rest, found.tax)
    rest = [t for d, t in zip(found.debts, found.taken, strict=True) if not d.first]
    assert list(plain.taken) == rest


@few
@given(tariffs(), TENDERS, st.integers(1, 5), states(), owed(), policies())
def test_more_money_never_buys_less(
    tariff: CompiledTariff,
    tender: int,
    more: int,
    state: SaleState,
    owed_: tuple[Debt, ...],
    policy: DeductionPolicy,
) -> None:
    state = msgspec.structs.replace(state, debts=owed_)
    units = []
    for i in range(4):
        found = solve(tariff, tender + i * more, state, policy, sts_encodable)
        if isinstance(found, Priced):
            lines = sum(line.amount for line in found.lines)
            assert lines + found.carried_forward == tender + i * more
            units.append(found.units_milli)
        else:
            units.append(0 if isinstance(found, TooSmall) else 10**18)
    assert units == sorted(units)


@few
@given(tariffs(), TENDERS, states(), owed(), policies())
def test_it_equals_the_slow_sale_and_the_exact_reference(
    tariff: CompiledTariff,
    tender: int,
    state: SaleState,
    owed_: tuple[Debt, ...],
    policy: DeductionPolicy,
) -> None:
    state = msgspec.structs.replace(state, debts=owed_)
    found = solve(tariff, tender, state, policy, sts_encodable)
    assume(not isinstance(found, Overflow | AtJump))
    units, amounts, carried = SlowSale(tariff.tariff, state, policy, sts_encodable).sell(tender)
    if not isinstance(found, Priced):
        assert not units or not tender
        return
    assert found.units_milli == units
    assert found.units_exact == exact_units(tariff.tariff, tender, state, policy)
    came: Amounts = {}
    for line in found.lines:
        came[line.code, line.block] = came.get((line.code, line.block), 0) + line.amount
    assert {key: amount for key, amount in came.items() if amount} == amounts
    assert found.carried_forward == carried


@few
@given(tariffs(), states(), policies(), st.integers(1, 60_000), st.sampled_from(ENCODINGS))
def test_the_tender_for_wanted_units_is_the_least(
    tariff: CompiledTariff,
    state: SaleState,
    policy: DeductionPolicy,
    tenths: int,
    encodable: Encodable,
) -> None:
    tender = tender_for(tariff, tenths * 100, state, policy, encodable)
    assume(not isinstance(tender, Overflow))
    assert isinstance(tender, int)
    enough = solve(tariff, tender, state, policy, encodable)
    assert not isinstance(enough, TooSmall)
    if isinstance(enough, Priced):
        assert enough.units_milli >= tenths * 100
    below = solve(tariff, tender - 1, state, policy, encodable)
    assert not isinstance(below, Overflow)
    if isinstance(below, Priced):
        assert below.units_milli < tenths * 100


def test_what_twenty_units_cost() -> None:
    tender = tender_for(UGANDA, 20_000, FIRST, DeductionPolicy(), sts_encodable)
    assert isinstance(tender, int)
    assert sold(tender).units_milli == 20_000
    assert sold(tender - 1).units_milli == 19_900
    above = tender_for(UGANDA, 10**12, FIRST, DeductionPolicy(), sts_encodable)
    assert isinstance(above, Overflow)
    assert isinstance(solve(UGANDA, above.largest_useful + 10**6, FIRST, DeductionPolicy(),
                            sts_encodable), Overflow)  # fmt: skip


def test_a_tax_that_lies_on_debts_does_not_lie_on_what_was_taxed_before() -> None:
    tariff = tariff_of(YAKA, service(3360), ON_DEBTS)
    old = debt("old", method="all", outstanding=5_900)
    state = msgspec.structs.replace(FIRST, fixed_due=(), debts=(old,))
    twice = sold(20_000, state, tariff)
    taxed = msgspec.structs.replace(old, taxed=False)
    once = sold(20_000, msgspec.structs.replace(state, debts=(taxed,)), tariff)
    vats = [next(x.amount for x in sale.lines if x.code == "vat") for sale in (twice, once)]
    assert vats == [3_051, 2_151]  # 18/118 of 20,000, and of the 14,100 that are not the debt
    assert once.units_milli > twice.units_milli


@few
@given(
    tariffs(plain=True),
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.sampled_from(("percent_of_tender", "all")),
    st.integers(0, 40),
    st.integers(0, 10**5),
)
def test_split_sales_cost_the_same_also_where_debts_take_a_share_of_the_tender(
    tariff: CompiledTariff, first: int, second: int, method: Method, percent: int, left: int
) -> None:
    """To within two steps at the dearest block (what is carried forward pays its share of the debt
    once more) and one minor unit for each rounded line."""
    value = percent * PERCENT if method == "percent_of_tender" else 0
    owes = (debt(method=method, value=value, outstanding=left),)
    state, policy, encodable = SaleState(on=ON, debts=owes), DeductionPolicy(), ENCODINGS[1]
    whole = solve(tariff, first + second, state, policy, encodable)
    one = solve(tariff, first, state, policy, encodable)
    assume(isinstance(one, Priced) and isinstance(whole, Priced))
    assert isinstance(one, Priced)
    assert isinstance(whole, Priced)
    after = SaleState(on=ON, debts=one.debts, units_milli=one.units_this_period)
    two = solve(tariff, second + one.carried_forward, after, policy, encodable)
    assume(isinstance(two, Priced))
    assert isinstance(two, Priced)

    def cost(units: int) -> Fraction:
        return exact_cost(tariff.tariff, state, Fraction(0), Fraction(units, 1000))

    difference = abs(cost(whole.units_milli) - cost(two.units_this_period))
    version = tariff.at(ON)
    dearest = Fraction(max(version.slopes) * 100, version.q)
    assert difference <= 2 * dearest + sum(len(sale.lines) for sale in (whole, one, two))
