"""What the numbers say, what amounts come to, and what is never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.iso8583 import vocabulary
from adapters.iso8583.amounts import from_wire, to_wire
from adapters.iso8583.errors import DecodeError, EncodeError
from adapters.iso8583.message import Message, mask_pan, masked, plain

PAN = "4000001234567899"


@pytest.mark.parametrize(
    ("mti", "reply", "repeat"),
    [
        ("0200", "0210", False),
        ("0201", "0210", True),
        ("0421", "0430", True),
        ("0800", "0810", False),
        ("1804", "1814", False),
        ("2221", "2230", True),
    ],
)
def test_an_answer_has_its_type(mti: str, reply: str, repeat: bool) -> None:
    assert vocabulary.reply_mti(mti) == reply
    assert vocabulary.is_repeat(mti) is repeat


@pytest.mark.parametrize("mti", ["0210", "0230", "0240"])
def test_an_answer_is_not_answered(mti: str) -> None:
    with pytest.raises(EncodeError):
        vocabulary.reply_mti(mti)


def test_types_have_words() -> None:
    assert vocabulary.describe("0401") == "1987 reversal request, acquirer repeat"
    assert vocabulary.describe("9999") == "private reserved reserved, reserved"


def test_codes_have_a_form_in_each_version() -> None:
    told = [vocabulary.response("insufficient_float", year) for year in (1987, 1993, 2003)]
    assert told == ["51", "116", "0116"]
    assert vocabulary.response("duplicate", 1987, {"duplicate": "26"}) == "26"
    with pytest.raises(KeyError):
        vocabulary.response("no_action", 1993)


@pytest.mark.parametrize(
    ("digits", "wire", "currency", "minor"),
    [
        ("000000050000", 2, 2, 50_000),
        ("000000050000", 2, 0, 500),  # UGX: a switch's two decimals are not the currency's
        ("000000050000", None, 0, 50_000),
        ("000000000500", 0, 2, 50_000),
        ("000000000005", 2, 3, 50),
        ("000000000000", 2, 0, 0),
    ],
)
def test_an_amount_is_what_the_profile_says(
    digits: str, wire: int | None, currency: int, minor: int
) -> None:
    assert from_wire(digits, wire, currency) == minor
    assert to_wire(minor, wire, currency) == digits


def test_what_would_be_rounded_is_refused() -> None:
    with pytest.raises(DecodeError):
        from_wire("000000050001", 2, 0)
    with pytest.raises(EncodeError):
        to_wire(5, 2, 3)
    for minor in (-1, 10**12):
        with pytest.raises(EncodeError):
            to_wire(minor, 2, 2)
    with pytest.raises(DecodeError):
        from_wire("9" * 19, 0, 3)


@given(
    minor=st.integers(0, 10**10),
    wire=st.sampled_from([None, 2, 3]),
    currency=st.sampled_from([0, 2]),
)
def test_an_amount_comes_back(minor: int, wire: int | None, currency: int) -> None:
    assert from_wire(to_wire(minor, wire, currency, 16), wire, currency) == minor


def test_card_data_is_never_shown() -> None:
    fields = {
        2: PAN,
        35: f"{PAN}=2912",
        45: f"B{PAN}^NAME",
        34: PAN,
        52: bytes(8),
        55: {"5A": bytes.fromhex(PAN), "9F36": b"\x01"},
        41: "T1",
    }
    shown = repr(Message("0200", fields))
    assert PAN not in shown
    assert PAN[6:12] not in shown
    assert bytes.fromhex(PAN).hex() not in str(plain(masked(Message("0200", fields)))).lower()
    assert masked(Message("0200", fields))[52] == "redacted"
    assert PAN not in str(masked(Message("0200", {55: f"5A08{PAN}"})))


def test_what_is_no_card_number_is_shown() -> None:
    assert mask_pan("053502") == "053502"
    assert mask_pan(PAN) == "400000******7899"
    assert mask_pan("123456789012") == "********9012"
