"""Streams cut into messages: in pieces, many at once, too long, with keep-alives."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.iso8583.errors import DialectError, EncodeError
from adapters.iso8583.framing import (
    Framer,
    Framing,
    Tpdu,
    frame,
    framing,
    keepalive,
    reply_header,
)

KINDS = [
    "len2be",
    "len3be",
    "len4be",
    "ascii4",
    "asciihex4",
    "bcd2",
    "vml",
    "len2be_inclusive",
    "ascii4_inclusive",
    "len2be_pad2",
    "len2be_inclusive_pad2",
    "len2be_etx",
    "ascii4_inclusive_etx",
]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_framed_comes_out_however_it_is_cut(kind: str, seed: int) -> None:
    chance, how = Random(seed), framing(kind)
    messages = [chance.randbytes(chance.randint(1, 60)) for _ in range(chance.randint(0, 5))]
    stream = b"".join(frame(how, each) for each in messages)
    framer, got = Framer(how), []
    while stream:
        size = chance.randint(1, 40)
        got += framer.feed(stream[:size])
        stream = stream[size:]
    assert got == messages
    assert (framer.waiting, framer.defect) == (0, None)


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(KINDS), chunks=st.lists(st.binary(max_size=30), max_size=8))
def test_strange_octets_never_raise(kind: str, chunks: list[bytes]) -> None:
    framer = Framer(framing(kind))
    for chunk in chunks:
        assert all(framer.feed(chunk))


def test_a_frame_over_the_limit_is_dropped_before_it_is_collected() -> None:
    framer = Framer(framing("len2be", longest=100))
    assert framer.feed(b"\x00\x65") == []
    assert framer.defect == "a frame of 101 octets is over 100"
    assert framer.feed(b"x" * 1000) == []
    assert framer.waiting == 0


def test_what_is_good_before_a_bad_length_still_counts() -> None:
    framer = Framer(framing("ascii4"))
    assert framer.feed(b"0002ab00x1cd") == [b"ab"]
    assert framer.defect == "its length is not a number"


@pytest.mark.parametrize(
    ("kind", "stream", "why"),
    [
        ("bcd2", b"\x00\x0a", "not a number"),
        ("asciihex4", b"00G0", "not a number"),
        ("len2be_inclusive", b"\x00\x01", "does not hold itself"),
        ("len2be_etx", b"\x00\x03abc", "trailer"),
        ("vml", b"\x08\x01\x00\x00", "over 2048"),
    ],
)
def test_a_broken_frame_says_why(kind: str, stream: bytes, why: str) -> None:
    framer = Framer(framing(kind))
    framer.feed(stream)
    assert why in (framer.defect or "")


@pytest.mark.parametrize("kind", KINDS)
def test_keepalives_are_counted_and_never_handed_on(kind: str) -> None:
    how = framing(kind)
    framer = Framer(how)
    stream = keepalive(how) + frame(how, b"hello") + keepalive(how)
    assert framer.feed(stream) == [b"hello"]
    assert (framer.keepalives, framer.waiting) == (2, 0)


def test_what_does_not_fit_is_not_framed() -> None:
    for how, message in [
        (Framing(), b""),
        (Framing(longest=5), b"123456"),
        (Framing("ascii4", longest=20_000), bytes(10_000)),
        (Framing("bcd2", longest=20_000), bytes(10_000)),
        (Framing("len2be", longest=70_000), bytes(66_000)),
    ]:
        with pytest.raises(EncodeError):
            frame(how, message)


@pytest.mark.parametrize("name", ["len5be", "", "len2be_pad0", "ascii4_tail"])
def test_an_unknown_framing_is_refused(name: str) -> None:
    with pytest.raises(DialectError):
        framing(name)


def test_an_answer_goes_back_to_where_the_request_came_from() -> None:
    header = bytes.fromhex("6000030001603100310100")
    assert reply_header(header).hex() == "6000010003603100310100"
    assert reply_header(b"") == b""
    assert Tpdu.read(header).destination == b"\x00\x03"
    with pytest.raises(EncodeError):
        Tpdu.read(b"\x60")
