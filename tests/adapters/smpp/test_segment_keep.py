"""What must stay in one part of a long text: the digits of a token."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.smpp import gsm0338
from adapters.smpp.segment import Part, segment

TOKEN = "1234 5678 9012 3456 7890"
PATTERN = re.compile(r"\b[0-9]{4}(?: [0-9]{4}){4}\b")


def read(part: Part) -> str:
    data = part.short_message
    text = data[data[0] + 1 :] if part.esm_class & 0x40 else data
    return gsm0338.decode(text, part.data_coding, "gsm")


@pytest.mark.parametrize("method", ["udh8", "udh16", "sar"])
@pytest.mark.parametrize("filler", ["x", "€", "ж", "🔌"])
def test_a_token_at_every_place(method: Any, filler: str) -> None:
    for before in range(170):
        text = f"{filler * before} {TOKEN} {filler * 100}"
        parts = segment(text, 1, "gsm", method, PATTERN)
        assert "".join(read(part) for part in parts) == text
        assert any(TOKEN in read(part) for part in parts), before


def test_what_does_not_fit_one_part_is_cut() -> None:
    parts = segment("x" * 400, 1, "gsm", "udh8", re.compile("x+"))
    assert [len(read(part)) for part in parts] == [153, 153, 94]


@settings(max_examples=100)
@given(st.text("a€[é1 \n", max_size=700), st.sampled_from(["gsm", "latin1", "ascii"]))
def test_keeping_loses_nothing(text: str, alphabet: Any) -> None:
    parts = segment(text, 1, alphabet, "udh8", re.compile("1 1|a+"))
    whole = "".join(
        gsm0338.decode(
            p.short_message[6:] if p.esm_class & 0x40 else p.short_message, p.data_coding, alphabet
        )
        for p in parts
    )
    assert whole == text
