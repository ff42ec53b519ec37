"""A holder's name as a stranger may see it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.vending.checks import masked


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Okello Daniel", "O***** D*****"),
        ("Bo", "B*****"),
        ("  Akello   Grace ", "A***** G*****"),
        ("", ""),
        ("李 小龍", "李***** 小*****"),
        ("O'Neil-Smith", "O*****"),
    ],
)
def test_a_letter_a_word_is_all_that_shows(name: str, shown: str) -> None:
    assert masked(name) == shown


@settings(max_examples=100)
@given(st.text(max_size=60))
def test_the_length_of_a_word_does_not_show(name: str) -> None:
    assert all(len(word) == 6 for word in masked(name).split(" ") if word)
    assert len(masked(name).split()) == len(name.split())
