"""What people type: read by rules, mended where it is sure, and nobody's where it is not."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.sts.meter_id import luhn_digit
from core.wallets.routing import (
    MAX_CLEAN,
    MAX_READINGS,
    NOBODY,
    Reading,
    Target,
    cleaned,
    readings,
    route,
)
from core.wallets.terms import ReferenceRule
from tests.core.wallets.purse import METER, REFERENCES

#: Whose a number is, in a small town.
LOST_ZERO = METER.removeprefix("0")
LONG = "1234567890" + "12"
LONG += str(luhn_digit(LONG))
TOWN = {
    ("meter", METER): 1,
    ("meter", LONG): 2,
    ("account", "100001"): 1,
    ("account", "100002"): 2,
    ("bill", "77"): 1,
    ("order", "78"): 2,
}


def look_up(reading: Reading) -> Target | None:
    if reading.names == "agent":
        return Target(names="agent", number=reading.number) if reading.number == "A7" else None
    owner = TOWN.get((reading.names, reading.number))
    if owner is None:
        return None
    item = int(reading.number) if reading.names in ("bill", "order") else 0
    return Target(
        names=reading.names, number=reading.number, account_id=owner, item_id=item,
        mended=reading.mended,
    )  # fmt: skip


def typed(text: str) -> tuple[str, str]:
    target = route(REFERENCES, text, look_up)
    return str(target.names), target.number


@pytest.mark.parametrize(
    "text",
    [
        METER,
        f" {METER[:4]} {METER[4:7]} {METER[7:]} ",
        "-".join(METER),
        METER.replace("0", "O"),
        METER.replace("0", "o"),
        METER.replace("1", "l"),
        METER.replace("1", "I").replace("0", "O"),
        LOST_ZERO,
        f"meter {METER}",
        f"M:{LOST_ZERO}",
        "\uff10\uff14\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff14",
        "\u0660\u0664\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0664",
        f"\u200e{METER}\u200f\n",
        f"{METER}.",
    ],
)
def test_ways_to_type_a_meter(text: str) -> None:
    assert typed(text) == ("meter", METER)


@pytest.mark.parametrize(
    ("text", "names", "number"),
    [
        (LONG, "meter", LONG),
        ("100001", "account", "100001"),
        ("acc 100001", "account", "100001"),
        ("1OOOO1", "account", "100001"),
        ("INV77", "bill", "77"),
        ("inv-77", "bill", "77"),
        ("Bill No 77", "", ""),
        ("ORD 78", "order", "78"),
        ("a7", "agent", "A7"),
        ("A8", "", ""),
        ("77", "", ""),  # a number alone is no bill's
    ],
)
def test_what_else_can_be_typed(text: str, names: str, number: str) -> None:
    assert typed(text) == (names, number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "for my mother",
        METER[:-1] + "5",  # fails its check digit
        LOST_ZERO[1:],  # two digits lost are no slip of a keypad
        METER + "0",
        METER * 9,
        "\U0001f600",
        "100003",
    ],
)
def test_what_names_nobody(text: str) -> None:
    assert route(REFERENCES, text, look_up) is NOBODY


def test_a_doubt_is_nobodys() -> None:
    """Ten digits that are an account, and with a zero before them another's meter."""
    rules = (*REFERENCES, ReferenceRule(names="account", pattern="[0-9]{10}"))
    town = {**TOWN, ("account", LOST_ZERO): 2}

    def ask(reading: Reading) -> Target | None:
        owner = town.get((reading.names, reading.number))
        return (
            Target(names=reading.names, number=reading.number, account_id=owner) if owner else None
        )

    assert route(rules, LOST_ZERO, ask) is NOBODY
    town["account", LOST_ZERO] = 1  # his own: the meter's rule comes first
    assert route(rules, LOST_ZERO, ask).names == "meter"


def test_what_was_typed_is_not_called_mended() -> None:
    exact = route(REFERENCES, METER, look_up)
    assert (exact.mended, route(REFERENCES, LOST_ZERO, look_up).mended) == (False, True)


@given(st.text(max_size=200))
@settings(max_examples=300)
def test_any_text_is_read_or_not_and_never_a_fault(text: str) -> None:
    found = readings(REFERENCES, text)
    assert len(found) <= MAX_READINGS
    for reading in found:
        assert len(reading.number) <= MAX_CLEAN
        assert reading.names != "meter" or len(reading.number) in (11, 13)
    assert cleaned(cleaned(text)) == cleaned(text)


@given(st.text("0123456789OoIl| -", min_size=9, max_size=15))
@settings(max_examples=300)
def test_a_meter_is_only_found_where_its_digits_were_typed(text: str) -> None:
    """Whatever is mended: the digits that were typed are the meter's, in their order."""
    target = route(REFERENCES, text, look_up)
    if target.names == "meter":
        sure = [sign for sign in text if sign in string.digits]
        rest = iter(target.number)
        assert all(sign in rest for sign in sure)
        assert target.number in (METER, LONG)


@given(st.integers(0, 10), st.sampled_from(string.digits))
def test_one_wrong_digit_is_nobodys_meter(place: int, digit: str) -> None:
    wrong = METER[:place] + digit + METER[place + 1 :]
    assert typed(wrong) == (("meter", METER) if wrong == METER else ("", ""))
