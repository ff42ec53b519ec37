"""What is inside a field: rows, groups, a bitmap, tags."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.iso8583.errors import DecodeError, EncodeError
from adapters.iso8583.parts import MOST_GROUPS, BerTlv, Groups, Mapped, Parts, Row, TextTlv
from adapters.iso8583.spec import Field


def part(name: str, kind: Any, size: int, digits: int = 0) -> Field:
    return Field(0, name, kind, size, digits)


METER = Row(
    (part("meter", "n", 3), part("owner", "ans", 9, 2), Field(0, "rest", "ans", 1)), "ascii"
)
AMOUNT = Row((part("type", "n", 2), part("amount", "x+n", 3)), "ascii")
MAPPED = Mapped({2: part("2", "n", 4), 9: part("9", "ans", 20, 2)}, True, "ascii")
BINARY = Mapped({1: part("1", "n", 2), 64: part("64", "ans", 9, 2)}, False, None)

CASES: list[tuple[Parts, bytes, Any]] = [
    (METER, b"12303abcTAIL", {"meter": "123", "owner": "abc", "rest": "TAIL"}),
    (METER, b"12300", {"meter": "123", "owner": "", "rest": ""}),
    (Groups(AMOUNT, "ascii"), b"", []),
    (
        Groups(AMOUNT, "ascii"),
        b"01C00102D002",
        [{"type": "01", "amount": "C001"}, {"type": "02", "amount": "D002"}],
    ),
    (MAPPED, b"4080000000000000" + b"001203abc", {"2": "0012", "9": "abc"}),
    (BINARY, b"\x80" + bytes(6) + b"\x01" + b"4202hi", {"1": "42", "64": "hi"}),
    (BerTlv(), bytes.fromhex("5A0112 9F360200FF"), {"5A": b"\x12", "9F36": b"\x00\xff"}),
    (BerTlv(), b"\x5a\x81\x80" + bytes(128), {"5A": bytes(128)}),
    (BerTlv(), b"\x5a\x82\x01\x00" + bytes(256), {"5A": bytes(256)}),
    (TextTlv(2, 3), b"01003abc02000", {"01": "abc", "02": ""}),
    (TextTlv(1, 2, "gbk"), b"A04\xb3\xe4\xd6\xb5", {"A": "充值"}),
]


@pytest.mark.parametrize(("parts", "raw", "value"), CASES)
def test_parts_are_read_and_written(parts: Parts, raw: bytes, value: Any) -> None:
    assert parts.read(raw, "48") == value
    assert parts.write(value, "48") == raw


@pytest.mark.parametrize(
    ("parts", "raw", "path"),
    [
        (METER, b"12", "48.meter"),
        (METER, b"12309ab", "48.owner"),
        (AMOUNT, b"01C001x", "48"),
        (Groups(AMOUNT, "ascii"), b"01C00102X002", "48[1].amount"),
        (Groups(AMOUNT, "ascii"), b"01C001" * (MOST_GROUPS + 1), "48"),
        (MAPPED, b"408", "48.bitmap"),
        (MAPPED, b"2000000000000000", "48.bitmap"),
        (MAPPED, b"4000000000000000" + b"0012x", "48"),
        (MAPPED, b"4000000000000000" + b"00", "48.2"),
        (BerTlv(), b"\x9f", "48"),
        (BerTlv(), b"\x9f\x81\x81\x81\x81\x01", "48"),
        (BerTlv(), b"\x5a", "48.5A"),
        (BerTlv(), b"\x5a\x80", "48.5A"),
        (BerTlv(), b"\x5a\x83\x00\x00\x01\x00", "48.5A"),
        (BerTlv(), b"\x5a\x02\x00", "48.5A"),
        (BerTlv(), b"\x5a\x00\x5a\x00", "48.5A"),
        (TextTlv(2, 3), b"01", "48.01"),
        (TextTlv(2, 3), b"01x03abc", "48.01"),
        (TextTlv(2, 3), b"01009abc", "48.01"),
        (TextTlv(2, 3), b"0100001000", "48.01"),
        (TextTlv(2, 3), b"01001\xff", "48.01"),
    ],
)
def test_what_is_wrong_inside_is_named(parts: Parts, raw: bytes, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        parts.read(raw, "48")
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        (METER, "text"),
        (METER, {"meter": "123"}),
        (METER, {"meter": "123", "owner": "", "rest": b"octets"}),
        (METER, {"meter": "123", "owner": "", "rest": "", "more": ""}),
        (Groups(AMOUNT, "ascii"), {"type": "01"}),
        (Groups(AMOUNT, "ascii"), [{"type": "01", "amount": "C001"}] * (MOST_GROUPS + 1)),
        (MAPPED, {"3": "1"}),
        (BerTlv(), []),
        (BerTlv(), {"5A5A": b""}),
        (BerTlv(), {"": b""}),
        (BerTlv(), {"zz": b""}),
        (BerTlv(), {"5A": "text"}),
        (BerTlv(), {"5A": bytes(70_000)}),
        (TextTlv(2, 3), {"1": "abc"}),
        (TextTlv(2, 3), {"01": "é"}),
        (TextTlv(2, 3), {"01": "x" * 1000}),
        (TextTlv(2, 3), "text"),
    ],
)
def test_what_does_not_fit_is_not_written(parts: Parts, value: Any) -> None:
    with pytest.raises(EncodeError):
        parts.write(value, "48")


def outcome(parts: Parts, raw: bytes) -> Any:
    try:
        return parts.read(raw, "48")
    except DecodeError:
        return None


@settings(max_examples=150, deadline=None)
@given(raw=st.binary(max_size=60))
def test_strange_octets_inside_raise_only_our_error(raw: bytes) -> None:
    for parts in (METER, Groups(AMOUNT, "ascii"), MAPPED, BINARY, BerTlv(), TextTlv(2, 3)):
        read = outcome(parts, raw)
        if read is not None:
            assert parts.read(parts.write(read, "48"), "48") == read
