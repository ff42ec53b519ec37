"""What agents earn: exact, rounded once, divided whole; and the file that says it."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.agents.load import load_file
from core.agents.states import MOVES, AgentMove, AgentState
from core.agents.terms import E8, Fee, Rate, Rule, Tier, divided
from core.documents import DocumentError
from tests.core.agents.shop import done, float_of, opened, sell, shop, whole

FILE = Path(__file__).parent.parent.parent.parent / "mappings" / "agents" / "demo.yaml"
DAY = date(2026, 1, 1)
MONEY = st.integers(0, 10**9)
RATES = st.integers(0, E8)


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    """Tiers from 0 on, rising."""
    above = sorted({0, *draw(st.lists(MONEY, max_size=4))})
    tiers = tuple(Tier(above=each, rate_e8=draw(RATES)) for each in above)
    return Rate(valid_from=DAY, fixed=draw(st.integers(0, 1_000)), tiers=tiers)


def _exactly(rate: Rate, base: int) -> Fraction:
    """The commission of a month's whole base, tier by tier."""
    ends = [tier.above for tier in rate.tiers[1:]] + [10**30]
    return sum(
        (
            Fraction(max(0, min(end, base) - tier.above) * tier.rate_e8, E8)
            for tier, end in zip(rate.tiers, ends, strict=True)
        ),
        Fraction(0),
    )


@settings(max_examples=150)
@given(rates(), MONEY, MONEY)
def test_a_sale_earns_what_it_adds_to_the_month(rate: Rate, base: int, month: int) -> None:
    exact = _exactly(rate, month + base) - _exactly(rate, month)
    assert abs(rate.gross(base, month) - rate.fixed - exact) <= Fraction(1, 2)
    assert rate.gross(0, month) == rate.fixed


@settings(max_examples=150)
@given(
    st.integers(0, 10**9), st.lists(st.integers(0, E8 // 4), max_size=4), RATES, st.integers(1, 6)
)
def test_the_parts_are_the_whole(gross: int, above: list[int], tax: int, agents: int) -> None:
    rule = Rule(
        code="r", base=frozenset({"own"}), rates={}, settle="paid", above_e8=tuple(above),
        tax_e8=tax,
    )  # fmt: skip
    parts = divided(rule, gross, range(1, agents + 1))
    assert sum(part.gross for part in parts) == gross
    assert len({part.agent_id for part in parts}) == len(parts) <= agents
    assert all(0 <= part.tax <= part.gross and part.gross for part in parts)


def test_halves_are_rounded_up() -> None:
    rate = Rate(valid_from=DAY, tiers=(Tier(above=0, rate_e8=E8 // 2),))
    assert [rate.gross(base, 0) for base in (1, 2, 3)] == [1, 1, 2]


def test_only_our_own_income_earns(tmp_path: Path) -> None:
    machine = shop(tmp_path)
    opened(machine, "TOP")
    opened(machine, money=50_000, commission="own", parent="TOP")
    sold = done(machine, sell(20_000))
    taxes = sum(line["amount"] for line in sold["lines"] if line["code"] == "vat")
    base = 20_000 - taxes - sold["carried_forward"]
    rows = machine.rows(
        "SELECT a.number, c.base, c.gross, c.tax, c.settle FROM agent_commission c "
        "JOIN agent a ON a.id = c.agent_id ORDER BY a.number"
    )
    gross = (base * 2 + 50) // 100
    up = (gross * 25 + 50) // 100
    own = gross - up
    assert rows == [
        ("A1", base, own, (own * 6 + 50) // 100, "withheld"),
        ("TOP", base, up, (up * 6 + 50) // 100, "paid"),
    ]
    assert float_of(machine) == (30_000 + own - rows[0][3], 0)
    assert float_of(machine, "TOP") == (0, 0)
    whole(machine)


def test_a_new_month_begins_its_tiers_anew(tmp_path: Path) -> None:
    machine = shop(tmp_path)
    opened(machine, money=90_000, commission="own")
    done(machine, sell(20_000))
    ((november, base),) = machine.rows("SELECT month, month_base FROM agent_float")
    assert november == 202611
    machine.time.at_us += 15 * 24 * 3_600_000_000
    done(machine, sell(20_000))
    ((december, after),) = machine.rows("SELECT month, month_base FROM agent_float")
    assert december == 202612
    assert 0 < after < 2 * base
    whole(machine)


# --- the file ------------------------------------------------------------------------------------


def test_the_demonstration_keeps_its_cases() -> None:
    found = load_file(FILE.read_text(), "agents")
    assert found.currency == "UGX"
    assert sorted(found.terms.rules) == ["direct", "third-party"]
    assert (found.terms.fees, found.terms.tells) == ({}, False)
    assert (found.terms.transfer_most, found.terms.transfer_per_day) == (1_000_000, 5_000_000)


def test_what_floats_bear_is_read() -> None:
    fees = "fees: [{of: topup, fixed: 100, percent: 0.5}, {of: statement, fixed: 900, percent: 0}]"
    found = load_file(FILE.read_text().replace("fees: []", fees), "agents").terms
    assert {name: fee.of(10_000) for name, fee in found.fees.items()} == {
        "topup": 150, "statement": 900,
    }  # fmt: skip


def test_a_fee_is_rounded_once_half_up() -> None:
    fee = Fee(fixed=3, share_e8=E8 // 2)
    assert [fee.of(amount) for amount in (0, 1, 2, 3)] == [3, 4, 4, 5]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("base: [own, collected]", "base: [own, all]", "collected"),
        ("base: [own, collected]", "base: []", "what it is a share of"),
        ("settle: withheld", "settle: kept", "withheld"),
        ("above_percent: [10, 5]", "above_percent: [60, 50]", "at most 100"),
        ("tax_percent: 6\n", "tax_percent: six\n", "tax_percent"),
        ("{above: 10000000, percent: 1.5}", "{above: 0, percent: 1.5}", "tiers must rise"),
        ("- {above: 0, percent: 2}", "- {above: 5, percent: 2}", "begins at 0"),
        ("valid_from: 2026-07-01\n", "valid_from: 2024-07-01\n", "must be after"),
        ("service: bills", "service: heat", "bills"),
        ("code: direct", "code: third-party", "is there already"),
        ("gross: [375]", "gross: [376]", "it comes to [375]"),
        ("format: agents", "format: collection", "agents"),
        ("fees: []", "fees: [{of: sale, fixed: 1, percent: 0}]", "statement"),
        ("fees: []", "fees: [{of: topup, fixed: -1, percent: 0}]", "fixed"),
        ("fees: []", "fees: [{of: topup, fixed: 1, percent: 101}]", "percent"),
        ("fees: []", "fees: [{of: statement, fixed: 1, percent: 1}]", "moves nothing"),
        (
            "fees: []",
            "fees: [{of: topup, fixed: 1, percent: 0}, {of: topup, fixed: 1, percent: 0}]",
            "is there already",
        ),
        ("topup_hours: 72", "topup_hours: 0", "topup_hours"),
        ("surrender_hours: 24", "surrender_hours: 9999", "surrender_hours"),
        ("{most: 1000000,", "{most: lots,", "most"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, said: str) -> None:
    text = FILE.read_text()
    assert old in text
    with pytest.raises(DocumentError) as caught:
        load_file(text.replace(old, new, 1), "agents")
    problems = [str(problem) for problem in caught.value.problems]
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith("agents:") and ":1:" not in problem for problem in problems)


def test_the_life_of_an_agent() -> None:
    ends = {AgentState.CLOSED}
    assert {state for state, _ in MOVES} == set(AgentState) - ends
    assert {move for _, move in MOVES} == set(AgentMove)
