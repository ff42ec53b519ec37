"""Keys in components: the exclusive-or of what each brings, and what is said of a slip."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.sts.components import check_value, combined, component
from core.sts.errors import KeyComponentError
from core.sts.keystore import DEMO_VK04, key_check_value

LENGTH = len(DEMO_VK04)
OF = "component 2 of the key of demo SGC 201457"


def split(key: bytes, others: list[bytes]) -> list[bytes]:
    """Components of a key: all but the last are chosen."""
    last = key
    for other in others:
        last = bytes(a ^ b for a, b in zip(last, other, strict=True))
    return [*others, last]


def as_letter(value: bytes) -> str:
    text = value.hex().upper()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4)) + "\n"


keys = st.binary(min_size=LENGTH, max_size=LENGTH)


@settings(max_examples=50)
@given(keys.filter(any), st.lists(keys, min_size=1, max_size=2))
def test_components_make_their_key(key: bytes, others: list[bytes]) -> None:
    parts = [
        component(as_letter(part), key_check_value("04", part).lower(), "04", LENGTH, OF)
        for part in split(key, others)
    ]
    assert combined(parts, key_check_value("04", key), "04", "the key") == key


def test_a_component_of_des_has_the_check_value_of_des() -> None:
    part = bytes.fromhex("0123456789ABCDEF")
    assert component("0123 4567 89AB CDEF", "D5D44F", "02", 8, OF) == part


@pytest.mark.parametrize(
    ("text", "kcv", "words"),
    [
        ("AB" * LENGTH, "000000", "gives the check value"),
        ("AB" * 19, "000000", "has 40 hex digits"),
        ("hello", "000000", "has 40 hex digits"),
        ("AB" * LENGTH, "0000", "six hex digits"),
        ("AB" * LENGTH, "zzzzzz", "six hex digits"),
    ],
)
def test_a_slip_names_the_component_and_shows_no_digit_of_it(
    text: str, kcv: str, words: str
) -> None:
    with pytest.raises(KeyComponentError, match=words) as caught:
        component(text, kcv, "04", LENGTH, OF)
    said = f"{caught.value} {caught.value.evidence} {caught.value.__cause__}"
    assert "omponent 2 of the key of demo SGC 201457" in said
    assert text[:6] not in said


def test_components_of_two_keys_make_neither() -> None:
    with pytest.raises(KeyComponentError, match="one of them belongs to another key"):
        combined([DEMO_VK04, bytes(19) + b"\1"], key_check_value("04", DEMO_VK04), "04", "the key")


def test_the_same_component_twice_is_no_key() -> None:
    with pytest.raises(KeyComponentError, match="given twice"):
        combined([DEMO_VK04, DEMO_VK04], "000000", "04", "the key")


def test_a_check_value_is_as_a_letter_prints_it() -> None:
    assert check_value(" ab c1 23\n", "the key") == "ABC123"
