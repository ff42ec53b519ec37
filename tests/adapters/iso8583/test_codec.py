"""Octets to messages and back, in every layout; what is wrong has a place."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.iso8583.codec import LONGEST, Codec, with_fields
from adapters.iso8583.errors import (
    DecodeError,
    DialectError,
    EncodeError,
    IsoError,
    PinBlockError,
)
from adapters.iso8583.message import Message
from adapters.iso8583.profiles import named
from adapters.iso8583.spec import Field
from tests.adapters.iso8583.strategies import message

NAMES = [
    "ascii87_hexbitmap",
    "ascii87_binbitmap",
    "ascii93_hexbitmap",
    "ascii03_hexbitmap",
    "bcd87_binbitmap",
    "bcd93_binbitmap",
    "bcd03",
    "ebcdic87_hexbitmap",
    "ebcdic93_binbitmap",
    "unionpay_pos_bcd",
    "bcd87 with DE24 left pad F, DE2 left pad 0 and DE48 binary",
]
CODECS = {name: Codec(named(name)) for name in NAMES}
ASCII = CODECS["ascii87_hexbitmap"]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_written_is_read(name: str, seed: int) -> None:
    codec = CODECS[name]
    sent = message(codec.layout, Random(seed))
    raw = codec.encode(sent)
    assert codec.decode(raw) == sent
    assert codec.encode(codec.decode(raw)) == raw


def read_or_refused(codec: Codec, octets: bytes) -> Message | DecodeError:
    try:
        return codec.decode(octets)
    except DecodeError as error:
        return error


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(raw=st.binary(max_size=200), seed=st.integers(0, 2**32))
def test_strange_octets_raise_only_our_error(name: str, raw: bytes, seed: int) -> None:
    codec, chance = CODECS[name], Random(seed)
    good = bytearray(codec.encode(message(codec.layout, chance)))
    at = chance.randrange(len(good))
    good[at] ^= chance.randint(1, 255)
    for octets in (raw, bytes(good), bytes(good[:at])):
        outcome = read_or_refused(codec, octets)
        if isinstance(outcome, DecodeError):
            assert 0 <= outcome.offset <= len(octets)
            assert len(outcome.evidence) <= 32
        else:
            assert codec.decode(codec.encode(outcome)) == outcome


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_spans_cover_every_octet_once(seed: int) -> None:
    codec = CODECS["unionpay_pos_bcd"]
    raw = codec.encode(message(codec.layout, Random(seed)))
    _, spans = codec.spans(raw)
    at = 0
    for span in spans:
        assert span.offset == at
        at += span.length
    assert at == len(raw)


@pytest.mark.parametrize("map_", ["hex", "bin"])
def test_a_third_bitmap_stands_where_field_65_does(map_: str) -> None:
    base = named(f"ascii87_{map_}bitmap")
    codec = Codec(with_fields(base, {130: Field(130, "far", "n", 4, pad="left", fill="0")}))
    sent = Message("0200", {11: "000001", 66: "1", 130: "0042"})
    raw = codec.encode(sent)
    third = raw.index(b"000001") + 6
    width = 16 if map_ == "hex" else 8
    bits = bytes.fromhex(raw[third : third + 16].decode()) if map_ == "hex" else raw[third:][:8]
    assert bits == bytes.fromhex("4000000000000000")
    assert raw[third + width :] == b"10042"
    read = codec.decode(raw)
    assert read.fields[130] == "0042"
    assert codec.encode(read) == raw
    with pytest.raises(DecodeError, match="bitmap") as caught:
        codec.decode(raw[: third + 3])
    assert caught.value.partial == {11: "000001"}


def test_an_error_has_a_path_a_place_evidence_and_what_was_read_before() -> None:
    raw = ASCII.encode(Message("0200", {3: "380000", 4: "000000000100", 32: "123"}))
    with pytest.raises(DecodeError) as caught:
        ASCII.decode(raw[:-2])
    error = caught.value
    assert (error.path, error.offset) == ("32", 40)
    assert error.partial == {3: "380000", 4: "000000000100"}
    assert error.evidence == b"1"
    assert "000000000100" not in str(error)


@pytest.mark.parametrize(
    ("raw", "path", "why"),
    [
        (b"", "mti", "promised"),
        (b"02A0" + b"0" * 16, "mti", "not digits"),
        (b"0200" + b"0" * 15, "bitmap", "ends inside"),
        (b"0200" + b"Z" * 16, "bitmap", "not hex"),
        (b"0200" + b"8000000000000000" + b"00", "1", "ends inside"),
        (b"0200" + b"2000000000000000" + b"12a456", "3", "not digits"),
        (b"0200" + b"4000000000000000" + b"20" + b"1" * 20, "2", "over 19"),
        (b"0200" + b"4000000000000000" + b"1", "2", "inside its length"),
        (b"0200" + b"0000000000000000" + b"x", "message", "follow"),
        (b"0200" + b"0000000000010000" + b"003A\xe9B", "48", "not ascii"),
        (b"0" * (LONGEST + 1), "message", "over"),
    ],
)
def test_what_is_wrong_is_named(raw: bytes, path: str, why: str) -> None:
    with pytest.raises(DecodeError, match=why) as caught:
        ASCII.decode(raw)
    assert caught.value.path == path


def test_digits_of_other_scripts_are_no_digits() -> None:
    with pytest.raises(EncodeError):
        ASCII.encode(Message("0200", {3: "٣٨٠٠٠٠"}))
    with pytest.raises(EncodeError):
        CODECS["bcd87_binbitmap"].encode(Message("0200", {3: "٣٨٠٠٠٠"}))


def test_a_pin_block_is_never_taken_nor_sent() -> None:
    keeping = Codec(replace(named("ascii87_hexbitmap"), keep_pin=True))
    raw = keeping.encode(Message("0200", {3: "380000", 52: bytes(range(8))}))
    with pytest.raises(PinBlockError) as caught:
        ASCII.decode(raw)
    assert caught.value.partial == {3: "380000"}
    assert caught.value.evidence == b""
    with pytest.raises(EncodeError):
        ASCII.encode(Message("0200", {52: bytes(8)}))


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({3: "12"}, None),
        ({3: "1234567"}, "3"),
        ({2: "1" * 20}, "2"),
        ({41: "123456789"}, "41"),
        ({64: "text"}, "64"),
        ({64: b"short"}, "64"),
        ({11: 7}, "11"),
        ({28: "X00000001"}, "28"),
        ({28: "C1"}, "28"),
        ({48: "é"}, "48"),
        ({200: "1"}, "200"),
        ({129: "1"}, "129"),
        ({0: "1"}, "0"),
    ],
)
def test_what_does_not_fit_is_not_sent(fields: dict[int, object], path: str | None) -> None:
    if path is None:
        assert ASCII.decode(ASCII.encode(Message("0200", fields))).fields[3] == "000012"
        return
    with pytest.raises(EncodeError):
        ASCII.encode(Message("0200", fields))


def test_a_header_is_as_long_as_the_dialect_says() -> None:
    with pytest.raises(EncodeError, match="header"):
        CODECS["unionpay_pos_bcd"].encode(Message("0800"))
    with pytest.raises(DecodeError, match="header"):
        CODECS["unionpay_pos_bcd"].decode(b"\x60")


def test_a_pad_nibble_is_the_one_that_was_agreed() -> None:
    codec = Codec(named("bcd87 with DE24 left pad F"))
    raw = bytes.fromhex("0800 0000 0100 0000 0000 F333")
    assert codec.decode(raw).fields == {24: "333"}
    with pytest.raises(DecodeError, match="pads it is not F"):
        codec.decode(raw[:-2] + b"\x03\x33")


def test_a_track_in_bcd_has_its_separator() -> None:
    codec = CODECS["bcd87_binbitmap"]
    raw = codec.encode(Message("0200", {35: "4000000000000002=2912"}))
    assert b"\x40\x00\x00\x00\x00\x00\x00\x02\xd2\x91\x20" in raw
    assert codec.decode(raw).fields[35] == "4000000000000002=2912"


@pytest.mark.parametrize(
    "name", ["ascii88_hexbitmap", "", "bcd87 with DE1 binary", "bcd87 with DE24 up", "x" * 200]
)
def test_a_name_that_says_nothing_is_refused(name: str) -> None:
    with pytest.raises(DialectError):
        named(name)


def test_many_bitmaps_do_not_fill_the_memory() -> None:
    codec = Codec(named("ascii87_hexbitmap"))
    for bits in range(3000):
        with pytest.raises(IsoError):
            codec.decode(b"0200" + f"{bits << 8:016X}".encode() + b"!")
    assert len(codec._plans) <= 512
