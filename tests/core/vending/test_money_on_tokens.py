"""Whatever was tendered: a token never carries more than what was left, and no coin is lost."""

from datetime import date
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from core.sts.amounts import coin_1e5, coins_floor, currency_floor
from core.tariffs.sale import Debt, DeductionPolicy, Limits, Priced, SaleState
from core.tariffs.solving import solve, tender_for
from tests.hub.sales import tariff
from tests.hub.test_money_tokens import RENT, document

ON = date(2026, 11, 21)
PLACES = {"UGX": 0, "KES": 2, "KWD": 3}
TARIFFS = {
    (name, parts): tariff(document(name, parts))["money"] for name in PLACES for parts in ("", RENT)
}
DEBTS = st.lists(
    st.builds(
        Debt,
        code=st.just("arrears"),
        priority=st.integers(1, 3),
        method=st.sampled_from(("percent_of_tender", "percent_of_outstanding")),
        outstanding=st.integers(0, 10**7),
        value=st.integers(0, 99_999_999),
    ),
    max_size=2,
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(sorted(TARIFFS)), DEBTS, st.booleans())
def test_tender_is_debts_charges_tax_credit_and_rest(
    tender: int, which: tuple[str, str], debts: list[Debt], due: bool
) -> None:
    places = PLACES[which[0]]
    state = SaleState(
        on=ON,
        fixed_due=(202611,) if due else (),
        debts=tuple(debts),
        limits=Limits(10**13),
    )
    found = solve(
        TARIFFS[which], tender, state, DeductionPolicy(), partial(coins_floor, exponent=places)
    )
    if not isinstance(found, Priced):
        return
    sums = dict.fromkeys(("debts", "fixed", "tax", "energy"), 0)
    for line in found.lines:
        sums[line.step] += line.amount
    assert tender == sum(sums.values()) + found.carried_forward
    assert found.carried_forward >= 0
    coins = found.units_milli // 1000
    assert sums["energy"] == coins
    on_token = currency_floor(coins * coin_1e5(places))
    rest = sums["energy"] + found.carried_forward
    assert on_token <= sums["energy"] * coin_1e5(places) <= rest * coin_1e5(places)
    assert sums["energy"] * coin_1e5(places) - on_token < coin_1e5(places)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 10**7), st.sampled_from(sorted(TARIFFS)))
def test_so_much_in_the_meter_has_a_least_tender(coins: int, which: tuple[str, str]) -> None:
    carries = partial(coins_floor, exponent=PLACES[which[0]])
    state = SaleState(on=ON, fixed_due=(202611,), limits=Limits(10**13))
    policy, priced_by = DeductionPolicy(), TARIFFS[which]
    tender = tender_for(priced_by, coins * 1000, state, policy, carries)
    assert isinstance(tender, int)
    enough = solve(priced_by, tender, state, policy, carries)
    assert isinstance(enough, Priced)
    assert enough.units_milli >= coins * 1000
    less = solve(priced_by, tender - 1, state, policy, carries)
    assert not isinstance(less, Priced) or less.units_milli < coins * 1000
