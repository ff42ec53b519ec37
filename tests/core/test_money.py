"""Money: exact rounding, fair division, amounts as people write them."""

from __future__ import annotations

import contextlib
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import (
    CURRENCIES,
    ENGLISH,
    FRENCH,
    Amount,
    MoneyError,
    NumberFormat,
    allocate,
    currency,
    format_amount,
    half_down,
    half_up,
    parse_amount,
)

GERMAN = NumberFormat(decimal=",", group=".")


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(1, 2, 1), (-1, 2, -1), (3, 2, 2), (-3, 2, -2), (954685, 10, 95469), (49, 100, 0), (0, 7, 0)],
)
def test_halves_go_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert half_up(numerator, denominator) == rounded


def test_heat_bill_proves_half_up() -> None:
    """46.57 m² at 20.50 are 954.685: billed as 954.69, where half-even gives 954.68."""
    assert half_up(4657 * 2050, 100) == 95469


@settings(deadline=None)
@given(st.integers(-(10**30), 10**30), st.integers(1, 10**20))
def test_half_up_equals_decimal(numerator: int, denominator: int) -> None:
    with localcontext() as context:
        context.prec = 80
        quotient = Decimal(numerator) / Decimal(denominator)
        expected = int(quotient.quantize(Decimal(1), ROUND_HALF_UP))
    assert half_up(numerator, denominator) == expected


@settings(deadline=None)
@given(st.integers(0, 10**12), st.integers(0, 100))
def test_what_half_up_takes_and_half_down_leaves_is_all(total: int, percent: int) -> None:
    assert half_up(total * percent, 100) + half_down(total * (100 - percent), 100) == total


@pytest.mark.parametrize("denominator", [0, -5])
def test_a_denominator_is_positive(denominator: int) -> None:
    with pytest.raises(MoneyError, match="denominator"):
        half_up(1, denominator)
    with pytest.raises(MoneyError, match="denominator"):
        half_down(1, denominator)


def test_shares_of_a_common_meter() -> None:
    """Case ALLOC-LARGEST-REMAINDER: equal thirds, and by area 33.3 / 33.3 / 66.6 m²."""
    assert allocate(100000, [1, 1, 1]) == [33334, 33333, 33333]
    assert allocate(100000, [333, 333, 666]) == [25000, 25000, 50000]


def test_oracle_split_of_a_period_keeps_the_quantity() -> None:
    """Case PRORATE-ORACLE: 100 kWh over 15 and 30 days are 33 and 67."""
    assert allocate(100, [15, 30]) == [33, 67]


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_shares_sum_and_are_near_their_due(total: int, weights: list[int]) -> None:
    if not sum(weights):
        with pytest.raises(MoneyError):
            allocate(total, weights)
        return
    shares = allocate(total, weights)
    assert sum(shares) == total
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - total * weight) < sum(weights)


@pytest.mark.parametrize("weights", [[], [0, 0], [3, -1]])
def test_shares_need_weights(weights: list[int]) -> None:
    with pytest.raises(MoneyError, match="weights"):
        allocate(10, weights)


def test_amounts_of_two_currencies_do_not_add_up() -> None:
    assert Amount(5, "UGX") + Amount(7, "UGX") == Amount(12, "UGX")
    assert -(Amount(5, "UGX") - Amount(7, "UGX")) == Amount(2, "UGX")
    with pytest.raises(MoneyError, match="UGX and KES"):
        Amount(5, "UGX") + Amount(5, "KES")


def test_exponents() -> None:
    assert {c: currency(c).exponent for c in ("UGX", "KES", "CNY", "KWD")} == {
        "UGX": 0,
        "KES": 2,
        "CNY": 2,
        "KWD": 3,
    }
    assert currency("KWD").scale == 1000
    with pytest.raises(MoneyError, match="XXQ"):
        currency("XXQ")


@pytest.mark.parametrize(
    ("minor", "code", "fmt", "text"),
    [
        (20000, "UGX", ENGLISH, "20,000"),
        (2000000, "KES", ENGLISH, "20,000.00"),
        (5, "KES", ENGLISH, "0.05"),
        (-123456, "KES", ENGLISH, "-1,234.56"),
        (999, "UGX", ENGLISH, "999"),
        (1234567, "EUR", GERMAN, "12.345,67"),
        (1234567, "EUR", FRENCH, "12\u202f345,67"),
        (1234567, "CNY", NumberFormat(group=""), "12345.67"),
        (1500, "KWD", ENGLISH, "1.500"),
    ],
)
def test_amounts_for_people(minor: int, code: str, fmt: NumberFormat, text: str) -> None:
    assert format_amount(minor, code, fmt) == text
    if minor >= 0:
        assert parse_amount(text, code, fmt) == minor


@pytest.mark.parametrize(
    ("text", "code", "fmt", "minor"),
    [
        ("20000", "UGX", ENGLISH, 20000),
        ("UGX 20000", "UGX", ENGLISH, 20000),
        ("ugx20,000", "UGX", ENGLISH, 20000),
        ("20 000 UGX", "UGX", ENGLISH, 20000),
        ("20k", "UGX", ENGLISH, 20000),
        ("1.5k", "UGX", ENGLISH, 1500),
        ("1.5", "KES", ENGLISH, 150),
        ("1,5", "EUR", GERMAN, 150),
        ("20.000", "EUR", GERMAN, 2000000),
        ("20.000", "KWD", ENGLISH, 20000),
    ],
)
def test_amounts_as_people_type_them(text: str, code: str, fmt: NumberFormat, minor: int) -> None:
    assert parse_amount(text, code, fmt) == minor


@pytest.mark.parametrize(
    "text",
    ["", "UGX", "k", "abc", "-5", "9" * 60, "1e5", "²", "٣", "20..0", "1,000 000", "20,000."],
)
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(MoneyError, match=r"write it like 20,000"):
        parse_amount(text, "UGX")


@pytest.mark.parametrize("text", ["20.000", "20.5", "2,00", "20,00", "1,2,3", "1.0005k"])
def test_what_could_mean_two_things_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(MoneyError, match=r"write it like 20,000"):
        parse_amount(text, "UGX")


@settings(deadline=None)
@given(st.integers(0, 10**15), st.sampled_from(sorted(CURRENCIES)))
def test_what_is_written_is_read_again(minor: int, code: str) -> None:
    for fmt in (ENGLISH, FRENCH, GERMAN):
        assert parse_amount(format_amount(minor, code, fmt), code, fmt) == minor


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_a_refusal(text: str) -> None:
    with contextlib.suppress(MoneyError):
        assert parse_amount(text, "KES") >= 0
