"""Key change sets: the worked blocks, and what is refused."""

from dataclasses import replace

import pytest

from core.sts.errors import (
    AlgorithmPairError,
    FieldRangeError,
    KeyChangeRuleError,
    KeyLengthError,
)
from core.sts.key_change import NewKey, check_order, encode_set, sections
from core.sts.token import clear_block
from tests.core.sts.samples import cipher, decoder_key


def new_key(ea: int) -> NewKey:
    return NewKey(decoder_key(ea, ti="02"), kt=2, sgc="201457", ti="02", krn=1, ken=255)


@pytest.mark.parametrize(
    ("ea", "three", "blocks"),
    [
        (7, False, "3F127F78CDD2C8CC 4F0220BE39B836F9"),
        (7, True, "3F167F78CDD2390C 4F0220BE39B836F9 80312F10000053D5"),
        (
            11,
            False,
            "3F12B199270AE928 4F02964A8782A0F0 82F177AF96D35E9F 9031156C51B0A061",
        ),
    ],
)
def test_the_blocks_of_the_worked_samples(ea: int, three: bool, blocks: str) -> None:
    parts = sections(new_key(ea), ea, three_tokens=three)
    assert " ".join(f"{clear_block(part, ea):016X}" for part in parts) == blocks


def test_the_four_tokens_of_ea11() -> None:
    assert encode_set(cipher(11), new_key(11)) == [
        "03854447086453451911",
        "02791799436242461152",
        "67118070329353977190",
        "19019128690902932218",
    ]


def test_the_same_change_gives_the_same_digits() -> None:
    assert encode_set(cipher(7), new_key(7)) == encode_set(cipher(7), new_key(7))


def test_sets_that_cannot_be_made() -> None:
    with pytest.raises(AlgorithmPairError):
        sections(new_key(11), 11, three_tokens=True)
    with pytest.raises(KeyLengthError):
        sections(new_key(7), 11)
    with pytest.raises(FieldRangeError):
        sections(replace(new_key(7), ken=256), 7)


@pytest.mark.parametrize(("old", "new"), [(1, 0), (2, 3), (2, 0), (3, 2), (3, 1)])
def test_key_types_have_an_order(old: int, new: int) -> None:
    with pytest.raises(KeyChangeRuleError):
        check_order(old, new)
    check_order(0, new)
    check_order(old, old)
