"""Figures as a person reads them, on screens and in texts of every shape that the story shows."""

import pytest

from simulators.demo.expected import Expected
from simulators.demo.reading import figures, receipt_in, tenths, token_in

QUOTE = """TEST 04123456784 Home
UGX 20,000 = 28.1 units
Service 3,360
VAT 3,051
Energy 13,587
Carried fwd 2
1 Pay from account 100001
2 Cancel
0 Back 00 Home"""
SMS = """TEST Token 3252 3107 0099 8303 7104
28.1 kWh, meter 04123456784
Service 3,360, VAT 3,051, Energy 13,587, carried fwd 2
UGX 20,000, receipt DP-00000001"""
SOLD = """TEST Token for 04123456784
3252 3107 0099 8303 7104
28.1 units for UGX 20,000. Receipt DP-00000001. The token also comes by SMS."""
BALANCE = "Account 100001\nCredit UGX 10,056\nLeft at the first price this month: 0 kWh"


def test_a_quote_and_a_text_have_every_line() -> None:
    whole = Expected().first.figures()
    assert figures(QUOTE) == whole
    assert figures(SMS) == whole


def test_the_screen_of_a_sale_has_what_it_cost_and_gave() -> None:
    assert figures(SOLD) == {"tender": 20_000, "units": 281}


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("UGX 500", 500),
        ("UGX 5000.", 5_000),
        ("UGX 1,234,567,", 1_234_567),
        ("UGX\n20,000", 20_000),
    ],
)
def test_amounts_with_and_without_marks(text: str, amount: int) -> None:
    assert figures(text)["tender"] == amount


def test_credit_is_not_a_price() -> None:
    assert figures(BALANCE)["credit"] == 10_056


def test_tokens_and_receipts() -> None:
    assert token_in(SMS) == token_in(SOLD) == "3252 3107 0099 8303 7104"
    assert receipt_in(SMS) == receipt_in(SOLD) == "DP-00000001"
    assert (token_in(QUOTE), receipt_in(QUOTE)) == ("", "")
    assert token_in("no 12345 3252 3107 0099 8303 71045") == ""


def test_tenths() -> None:
    assert [tenths(281), tenths(5), tenths(0)] == ["28.1", "0.5", "0.0"]
