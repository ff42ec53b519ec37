import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.smpp import codec
from adapters.smpp.framing import LONGEST_PDU, Framer
from adapters.smpp.pdu import EnquireLink, Pdu
from tests.adapters.smpp.strategies import any_pdu


@given(pdus=st.lists(any_pdu, min_size=1, max_size=5), data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_split_of_the_stream_gives_the_same_frames(
    pdus: list[Pdu], data: st.DataObject
) -> None:
    frames = [codec.encode(pdu, number) for number, pdu in enumerate(pdus)]
    stream = b"".join(frames)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12).map(sorted))
    framer = Framer()
    got: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += framer.feed(stream[start:end])
    assert got == frames
    assert framer.waiting == 0
    assert framer.defect is None


def test_octet_by_octet() -> None:
    raw = codec.encode(EnquireLink(), 1) * 2
    framer = Framer()
    assert [frame for octet in raw for frame in framer.feed(bytes((octet,)))] == [raw[:16]] * 2


@pytest.mark.parametrize("length", [0, 8, 15, LONGEST_PDU + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_impossible_length_ends_the_stream(length: int) -> None:
    good = codec.encode(EnquireLink(), 1)
    framer = Framer()
    assert framer.feed(good + struct.pack(">I", length) + good) == [good]
    assert framer.defect is not None
    assert str(length) in framer.defect
    assert framer.feed(good) == []
    assert framer.waiting == 0


def test_the_longest_pdu_passes() -> None:
    raw = struct.pack(">IIII", LONGEST_PDU, 5, 0, 1) + bytes(LONGEST_PDU - 16)
    framer = Framer()
    assert framer.feed(raw[:-1]) == []
    assert framer.waiting == LONGEST_PDU - 1
    assert framer.feed(raw[-1:]) == [raw]
