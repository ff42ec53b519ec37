"""How values look: whole numbers with the marks of a language and the places of a currency."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.formats import CONVERTERS, Style, number

ENGLISH = Style(
    thousands=",",
    decimal=".",
    money="{currency} {amount}",
    time="DD/MM/YYYY HH:mm",
    zone=ZoneInfo("Africa/Kampala"),
    currency="UGX",
    exponent=0,
)
FRENCH = Style(
    thousands=" ",
    decimal=",",
    money="{amount} {currency}",
    time="DD/MM/YY HH:mm",
    zone=ZoneInfo("Africa/Kinshasa"),
    currency="CDF",
    exponent=2,
)


@pytest.mark.parametrize(
    ("converter", "value", "style", "currency", "expected"),
    [
        ("amount", 0, ENGLISH, "", "0"),
        ("amount", 1234567, ENGLISH, "UGX", "1,234,567"),
        ("amount", -1234567, ENGLISH, "", "-1,234,567"),
        ("amount", 1234567, ENGLISH, "KES", "12,345.67"),
        ("amount", 1234567, ENGLISH, "nowhere's", "1,234,567"),
        ("amount", 1234567, FRENCH, "UGX", "1 234 567"),
        ("amount", -5, FRENCH, "", "-0,05"),
        ("amount", "as sent", ENGLISH, "", "as sent"),
        ("money", 20000, ENGLISH, "", "UGX 20,000"),
        ("money", 2000000, FRENCH, "CDF", "20 000,00 CDF"),
        ("money", "20 k", ENGLISH, "", "20 k"),
        ("kwh", 281, FRENCH, "", "28,1"),
        ("kwh_milli", 12500, ENGLISH, "", "12.5"),
        ("kwh_milli", 12000, ENGLISH, "", "12"),
        ("token", "54321098765432109876", ENGLISH, "", "5432 1098 7654 3210 9876"),
        ("time", 1_793_529_000_000_000, ENGLISH, "", "01/11/2026 13:30"),
        ("time", "today", ENGLISH, "", "today"),
        ("masked", "Jane Okello", ENGLISH, "", "J*** O***"),
        ("masked", "+256772123456", ENGLISH, "", "+256***456"),
        ("text", "two\n lines ", ENGLISH, "", "two lines"),
    ],
)
def test_how_a_value_looks(
    converter: str, value: Any, style: Style, currency: str, expected: str
) -> None:
    assert CONVERTERS[converter](value, style, currency) == expected


@given(st.integers(-(10**15), 10**15), st.integers(0, 3))
def test_a_number_can_be_read_back(value: int, places: int) -> None:
    shown = number(value, ENGLISH, places)
    assert int(shown.replace(",", "").replace(".", "")) == value
    assert shown.count(".") == (1 if places else 0)
