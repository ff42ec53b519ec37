"""Late fees against a reference that goes day by day in fractions."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core.collection.late import E8, LateRule, Paid, late_fee

DAY = timedelta(days=1)
DUE = date(2025, 12, 20)
CASES = Path(__file__).parent.parent.parent / "vectors" / "late-fees.json"


def slow(amount: int, due: date, paid: list[Paid], rules: list[LateRule], until: date) -> int:
    """One day after the other; no stretches, no integers of 10⁻⁸."""

    def at(day: date) -> LateRule | None:
        found = [rule for rule in rules if rule.valid_from <= day]
        return found[-1] if found else None

    now, total, day = at(until), Fraction(0), due
    if now is None:
        return 0
    for number in range(1, (until - due).days + 1):
        day = due + number * DAY
        rule = at(day)
        if number <= now.grace_days or rule is None:
            continue
        later = rule.later_years_e8
        rate = later if later is not None and day.year > due.year else rule.per_day_e8
        open_ = amount - sum(each.amount for each in paid if each.on < day)
        total += Fraction(open_ * rate, E8)
    if total <= 0:
        return 0
    fee = max(int(total + Fraction(1, 2)), now.minimum)
    caps = [int(Fraction(amount * now.cap_e8, E8) + Fraction(1, 2))] if now.cap_e8 else []
    return min([fee, *caps, *([now.cap] if now.cap else [])])


RATES = st.integers(0, 2_000_000)
RULES = st.builds(
    LateRule,
    valid_from=st.dates(date(2025, 6, 1), date(2027, 3, 1)),
    per_day_e8=RATES,
    later_years_e8=st.none() | RATES,
    grace_days=st.integers(0, 40),
    minimum=st.integers(0, 100),
    cap_e8=st.sampled_from([0, 0, E8 // 5]),
    cap=st.sampled_from([0, 0, 5_000]),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[Paid], list[LateRule], date]:
    amount = draw(st.integers(1, 10**9))
    rules = draw(st.lists(RULES, min_size=1, max_size=3, unique_by=lambda rule: rule.valid_from))
    left, paid = amount, []
    for _ in range(draw(st.integers(0, 4))):
        part = draw(st.integers(0, left))
        left -= part
        paid.append(Paid(DUE + draw(st.integers(-20, 500)) * DAY, part))
    until = DUE + draw(st.integers(-5, 500)) * DAY
    return amount, paid, sorted(rules, key=lambda rule: rule.valid_from), until


@settings(max_examples=300, deadline=None)
@given(histories())
def test_the_fee_is_that_of_the_slow_reference(
    history: tuple[int, list[Paid], list[LateRule], date],
) -> None:
    amount, paid, rules, until = history
    assert late_fee(amount, DUE, paid, rules, until) == slow(amount, DUE, paid, rules, until)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 10**6), st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_asking_often_costs_what_asking_once_does(amount: int, steps: list[int]) -> None:
    rules = [LateRule(valid_from=date(2020, 1, 1), per_day_e8=33_333, later_years_e8=77_777)]
    charged, day = 0, DUE
    for step in steps:
        day += step * DAY
        charged += late_fee(amount, DUE, [], rules, day) - charged
    assert charged == late_fee(amount, DUE, [], rules, day)


def test_the_due_day_is_free_and_the_day_of_payment_is_not() -> None:
    rules = [LateRule(valid_from=date(2020, 1, 1), per_day_e8=1_000_000)]
    fee = [late_fee(100, DUE, [Paid(DUE + 3 * DAY, 100)], rules, DUE + n * DAY) for n in range(6)]
    assert fee == [0, 1, 2, 3, 3, 3]


def test_the_year_boundary() -> None:
    rules = [LateRule(valid_from=date(2020, 1, 1), per_day_e8=200_000, later_years_e8=300_000)]
    in_year, next_year = 11, 5  # to the 31st of December, and into January
    assert late_fee(100_000, DUE, [], rules, date(2026, 1, 5)) == in_year * 200 + next_year * 300


def test_the_published_cases() -> None:
    cases: Sequence[dict[str, str]] = json.loads(CASES.read_text())["cases"]
    for case in cases:
        rule = LateRule(
            valid_from=date(2000, 1, 1),
            per_day_e8=int(Decimal(case["per_day"]) * E8),
            later_years_e8=int(Decimal(case["later_years"]) * E8),
            minimum=int(Decimal(case["minimum"]) * 100),
        )
        due, until = date.fromisoformat(case["due"]), date.fromisoformat(case["until"])
        overdue = int(Decimal(case["overdue"]) * 100)
        fee = late_fee(overdue, due, [], [rule], until)
        assert Decimal(fee) / 100 == Decimal(case["expected"]), case["id"]
