from dataclasses import replace
from typing import Any

import msgspec
import pytest

from adapters.prismtoken.check import check
from adapters.prismtoken.orders import Order, Wanted
from tests.adapters.prismtoken.orders import (
    CHANGE,
    CREDIT,
    EA07,
    METER,
    numbered,
    sections,
    token,
)

CHANGED = replace(CREDIT, change=CHANGE)


def wrong(order: Order, *tokens: Any) -> list[str]:
    return [each.field for each in check(order, tokens).wrong]


def test_what_was_asked_for_is_good() -> None:
    found = check(CREDIT, [token(CREDIT)])
    assert (found.key_change, found.token, found.wrong) == ((), token(CREDIT), ())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("drn", "04123456792"),
        ("pan", "600727041234567925"),
        ("ea", 7),
        ("tct", 1),
        ("sgc", 201458),
        ("krn", 2),
        ("ti", 2),
        ("token_class", 2),
        ("subclass", 1),
        ("tid", 6_266_185),
        ("transfer_amount", 282.0),
        ("transfer_amount", 280.99999999999994),
        ("transfer_amount", float("nan")),
        ("is_reserved_tid", True),
    ],
)
def test_every_field_that_the_order_fixes_is_compared(field: str, value: Any) -> None:
    (name,) = wrong(CREDIT, token(CREDIT, **{field: value}))
    assert name.lower() == field.replace("_", "")


def test_a_difference_says_what_was_asked_and_what_came_but_no_digits() -> None:
    other = token(CREDIT, drn="04123456792")
    (each,) = check(CREDIT, [other]).wrong
    assert each == ("drn", "04123456784", "04123456792")
    broken = msgspec.structs.replace(other, token_dec=other.token_dec[1:])
    assert not any(
        other.token_dec[5:] in text for each in check(CREDIT, [broken]).wrong for text in each
    )


@pytest.mark.parametrize(
    "change",
    [
        {"token_dec": "1234"},
        {"token_dec": "9" * 20},
        {"token_dec": "١" * 20},
        {"token_hex": "0" * 17},
        {"token_hex": "x"},
    ],
)
def test_digits_that_are_no_token_or_differ_from_their_hex(change: dict[str, str]) -> None:
    assert wrong(CREDIT, msgspec.structs.replace(token(CREDIT), **change))


def test_the_class_that_lies_open_in_the_digits() -> None:
    inside = msgspec.structs.replace(token(CREDIT), token_class=2)
    digits = numbered(inside, 99)
    mixed = msgspec.structs.replace(
        token(CREDIT), token_dec=digits.token_dec, token_hex=digits.token_hex
    )
    assert check(CREDIT, [mixed]).wrong == (("[0].tokenDec", "class 0", "class 2"),)


def test_none_or_two_are_wrong() -> None:
    assert wrong(CREDIT) == ["tokens"]
    assert wrong(CREDIT, token(CREDIT), token(CREDIT, 1)) == ["tokens"]
    assert wrong(CREDIT, token(CREDIT), token(CREDIT)) == ["tokens", "tokenDec"]


def test_a_key_change_in_front_of_the_credit_in_any_order() -> None:
    tokens = [token(CHANGED), *sections(CHANGED)[::-1]]
    found = check(CHANGED, tokens)
    assert found.wrong == ()
    assert [one.subclass for one in found.key_change] == [3, 4, 8, 9]
    assert found.token == token(CHANGED)
    assert found.token.ti == 5  # under the new key


def test_a_key_change_that_nobody_asked_for() -> None:
    assert "key change" in wrong(CREDIT, *sections(CHANGED), token(CREDIT))


def test_a_key_change_that_is_missing_short_or_leads_elsewhere() -> None:
    assert wrong(CHANGED, token(CHANGED)) == ["key change", "newConfig"]
    assert wrong(CHANGED, *sections(CHANGED)[:3], token(CHANGED)) == ["key change"]
    elsewhere = replace(CHANGED, change=replace(CHANGE, ti="06"))
    assert wrong(CHANGED, *sections(elsewhere), token(CHANGED)) == ["newConfig.toTi"]
    other = replace(CHANGED, meter=replace(METER, krn=2))
    assert wrong(CHANGED, *sections(other), token(CHANGED)) == [
        f"key change[{place}].krn" for place in range(4)
    ]


@pytest.mark.parametrize(("three", "subclasses"), [(False, (3, 4)), (True, (3, 4, 8))])
def test_the_shorter_sets_of_ea07(three: bool, subclasses: tuple[int, ...]) -> None:
    order = Order("m", EA07, change=CHANGE, three_tokens=three)
    assert wrong(order, *sections(order, subclasses)) == []
    assert wrong(order, *sections(order)) == ["key change"]


def test_currency_is_compared_to_the_last_decimal() -> None:
    order = Order("m", METER, Wanted(0, 4, 1_234_567, 5))
    assert wrong(order, token(order, transfer_amount=12.34567)) == []
    assert wrong(order, token(order, transfer_amount=12.34568)) == ["transferAmount"]


def test_management_amounts_are_whole() -> None:
    order = Order("m", METER, Wanted(2, 5, 0, 5))
    assert wrong(order, token(order)) == []
    assert wrong(order, token(order, transfer_amount=0.4)) == ["transferAmount"]
