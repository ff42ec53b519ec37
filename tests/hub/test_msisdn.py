"""However a network writes a phone, there is one form of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.msisdn import e164


@pytest.mark.parametrize(
    ("label", "written", "ton", "expected"),
    [
        ("international", "256772123456", 1, "+256772123456"),
        ("plus", "+256772123456", 0, "+256772123456"),
        ("double nought", "00256772123456", 0, "+256772123456"),
        ("unknown type, country code given", "256772123456", 0, "+256772123456"),
        ("trunk prefix", "0772123456", 0, "+256772123456"),
        ("trunk prefix, national type", "0772123456", 2, "+256772123456"),
        ("without trunk prefix", "772123456", 0, "+256772123456"),
        ("national type", "772123456", 2, "+256772123456"),
        ("signs", "+256 (772) 12-34-56", 1, "+256772123456"),
        ("another country", "+254700000001", 1, "+254700000001"),
        ("another country, unknown type", "254700000001", 0, "+254700000001"),
        ("short code", "8888", 0, ""),
        ("short code of the network", "8888", 3, ""),
        ("name", "MTN", 5, ""),
        ("name of digits", "772123456", 5, ""),
        ("letters", "Bank256772123", 0, ""),
        ("other digits", "٧٧٢١٢٣٤٥٦", 0, ""),
        ("nothing", "", 0, ""),
        ("too long", "2567721234567890", 1, ""),
        ("noughts", "0000", 0, ""),
    ],
)
def test_numbers(label: str, written: str, ton: int, expected: str) -> None:
    assert e164(written, "256", ton) == expected, label


def test_without_a_country_code() -> None:
    assert e164("0772123456", "", 0) == ""
    assert e164("256772123456", "", 0) == "+256772123456"


@given(st.text(max_size=20), st.integers(0, 6))
def test_it_never_raises_and_is_final(written: str, ton: int) -> None:
    number = e164(written, "+256", ton)
    assert number == "" or e164(number, "256", 0) == number
