"""What was typed is recognised, whatever blanks and hyphens stand in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.searching import ACCOUNT, MESSAGE, METER, PHONE, RECEIPT, TOKEN, Guess, recognise

UUID = "01a1fcb0-b6d0-701c-8000-000000000005"


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("+256700000001", Guess(PHONE, "+256700000001")),
        ("0700 000 001", Guess(PHONE, "+256700000001")),
        ("256-700-000001", Guess(PHONE, "+256700000001")),
        ("0412 3456 784", Guess(METER, "04123456784")),
        ("0412-3456-784", Guess(METER, "04123456784")),
        ("04123456789", Guess(METER, "04123456789", "its check digit does not fit")),
        ("1234 5678 9012 3456 7890", Guess(TOKEN, "12345678901234567890")),
        ("1234-5678-9012-3456-7890", Guess(TOKEN, "12345678901234567890")),
        ("DP-00000001", Guess(RECEIPT, "DP-00000001")),
        ("100001", Guess(ACCOUNT, "100001")),
        (UUID, Guess(MESSAGE, UUID)),
        (UUID.upper(), Guess(MESSAGE, UUID)),
    ],
)
def test_the_likeliest_reading_comes_first(typed: str, first: Guess) -> None:
    assert recognise(typed, "256")[0] == first


def test_what_can_be_several_things_is_taken_for_all_of_them() -> None:
    kinds = {guess.kind for guess in recognise("08031234567", "234")}
    assert kinds == {METER, PHONE, ACCOUNT, RECEIPT}


def test_a_receipt_of_digits_is_looked_for_as_it_is_written() -> None:
    values = {guess.value for guess in recognise("2026-0001", "256") if guess.kind == RECEIPT}
    assert values == {"20260001", "2026-0001"}


@pytest.mark.parametrize("typed", ["", "   ", "x" * 65])
def test_what_is_nothing(typed: str) -> None:
    assert recognise(typed, "256") == ()


@settings(max_examples=100)
@given(st.text(max_size=70))
def test_no_input_raises(typed: str) -> None:
    for guess in recognise(typed, "256"):
        assert guess.value
