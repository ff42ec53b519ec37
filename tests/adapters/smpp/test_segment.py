import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.smpp import segment, tlv
from adapters.smpp.errors import LocalError
from adapters.smpp.pdu import DataSm, DeliverSm
from adapters.smpp.segment import Incomplete, Part, Reassembly, Text
from adapters.smpp.tlv import Tag, Tlv

METHODS: list[segment.Method] = ["udh8", "udh16", "sar", "payload"]


def message(part: Part, source: str = "254700000001") -> DeliverSm:
    return DeliverSm(
        source_addr=source,
        destination_addr="12345",
        esm_class=part.esm_class,
        data_coding=part.data_coding,
        short_message=part.short_message,
        tlvs=part.tlvs,
    )


@pytest.mark.parametrize(
    ("text", "alphabet", "method", "sizes"),
    [
        ("x" * 160, "gsm", "udh8", [160]),
        ("x" * 161, "gsm", "udh8", [153 + 6, 8 + 6]),
        ("x" * 161, "gsm", "udh16", [152 + 7, 9 + 7]),
        ("x" * 161, "gsm", "sar", [153, 8]),
        ("x" * 161, "gsm", "payload", [0]),
        ("€" * 80, "gsm", "udh8", [160]),
        ("€" * 81, "gsm", "udh8", [152 + 6, 10 + 6]),
        ("é" * 140, "latin1", "udh8", [140]),
        ("é" * 141, "latin1", "udh8", [134 + 6, 7 + 6]),
        ("Ж" * 70, "gsm", "udh8", [140]),
        ("Ж" * 71, "gsm", "udh8", [134 + 6, 8 + 6]),
        ("Ж" * 71, "gsm", "udh16", [132 + 7, 10 + 7]),
        ("", "gsm", "udh8", [0]),
    ],
)
def test_sizes(
    text: str, alphabet: segment.Alphabet, method: segment.Method, sizes: list[int]
) -> None:
    parts = segment.segment(text, 1, alphabet, method)
    assert [len(part.short_message) for part in parts] == sizes
    assert all(len(part.short_message) <= 160 for part in parts)


def test_headers_on_the_wire() -> None:
    first, second = segment.segment("x" * 161, 0x1234, "gsm", "udh8")
    assert first.esm_class == 0x40
    assert first.short_message[:6].hex() == "050003340201"
    assert second.short_message[:6].hex() == "050003340202"
    (first, _) = segment.segment("x" * 161, 0x1234, "gsm", "udh16")
    assert first.short_message[:7].hex() == "06080412340201"
    (_, second) = segment.segment("x" * 161, 0x1234, "gsm", "sar")
    assert tlv.encode(second.tlvs).hex() == "020c00021234" + "020e000102" + "020f000102"
    (only,) = segment.segment("x" * 161, 1, "gsm", "payload")
    assert tlv.raw(only.tlvs, Tag.message_payload) == b"x" * 161


@given(
    text=st.text(st.sampled_from("abc€[]Ж🔌é"), max_size=700),
    method=st.sampled_from(METHODS),
    seed=st.integers(),
)
@settings(max_examples=60, deadline=None)
def test_parts_in_any_order_and_twice_give_the_text_once(
    text: str, method: segment.Method, seed: int
) -> None:
    parts = segment.segment(text, 7, "gsm", method)
    twice = parts * 2 if len(parts) > 1 else parts
    random.Random(seed).shuffle(twice)
    reassembly = Reassembly()
    found = [one for part in twice for one in reassembly.add(message(part), 0.0)]
    wholes = [one for one in found if isinstance(one, Text)]
    assert wholes
    assert {one.text for one in wholes} == {text}
    assert all(isinstance(one, Text) for one in reassembly.expire(1000.0))


@given(text=st.text(st.sampled_from("ab€🔌"), min_size=150, max_size=600))
@settings(max_examples=60, deadline=None)
def test_no_part_ends_inside_a_character(text: str) -> None:
    for method in ("udh8", "udh16", "sar"):
        for part in segment.segment(text, 1, "gsm", method):  # type: ignore[arg-type]
            _, data = segment.split_header(message(part))
            if part.data_coding == 8:
                data.decode("utf-16-be")
            else:
                assert not data.endswith(b"\x1b")


def test_too_many_parts_are_refused() -> None:
    with pytest.raises(LocalError, match="at most 255"):
        segment.segment("x" * 153 * 256, 1)


def test_other_elements_may_come_before_the_reference() -> None:
    udh = bytes.fromhex("0b0504158a00000003aa0201")
    pdu = DeliverSm(esm_class=0x40, short_message=udh + b"hi")
    assert segment.place_of(pdu) == (0xAA, 2, 1)
    assert segment.split_header(pdu)[1] == b"hi"


@pytest.mark.parametrize(
    "raw",
    ["", "05", "ff0003010201", "05000301", "0500030100010a", "050003010302", "0500030101016869"],
)
def test_broken_headers_lose_nothing(raw: str) -> None:
    pdu = DeliverSm(esm_class=0x40, short_message=bytes.fromhex(raw))
    (found, *_) = Reassembly().add(pdu, 0.0) or [None]
    assert found is None or isinstance(found, Text)


_SAR = st.sampled_from([0x20C, 0x20E, 0x20F, 0x424])


@given(
    data=st.binary(max_size=30),
    esm_class=st.integers(0, 255),
    tlvs=st.lists(st.builds(Tlv, _SAR, st.binary(max_size=3)), max_size=4),
)
def test_any_message_is_taken(data: bytes, esm_class: int, tlvs: list[Tlv]) -> None:
    reassembly = Reassembly()
    reassembly.add(DeliverSm(esm_class=esm_class, short_message=data, tlvs=tuple(tlvs)), 0.0)
    reassembly.add(DataSm(esm_class=esm_class, tlvs=tuple(tlvs)), 1.0)
    reassembly.expire(1000.0)
    assert reassembly.deadline() is None


def test_missing_parts_are_told_in_time() -> None:
    first, _, third = segment.segment("a" * 153 + "b" * 153 + "c", 1)
    reassembly = Reassembly(seconds=60)
    assert reassembly.add(message(first), 0.0) == []
    assert reassembly.add(message(third), 10.0) == []
    assert reassembly.deadline() == 60.0
    assert reassembly.expire(59.0) == []
    (found,) = reassembly.expire(60.0)
    assert found == Incomplete(
        "254700000001", "12345", "a" * 153 + "…c", (2,), "no more parts in 60 s"
    )
    assert reassembly.deadline() is None


def test_memory_is_bounded_and_the_oldest_gives_way() -> None:
    first, _ = segment.segment("x" * 200, 1)
    reassembly = Reassembly(limit=2)
    assert reassembly.add(message(first, "1"), 0.0) == []
    assert reassembly.add(message(first, "2"), 0.0) == []
    (found,) = reassembly.add(message(first, "3"), 0.0)
    assert isinstance(found, Incomplete)
    assert found.source == "1"


def test_a_repeated_part_of_a_finished_text_is_no_news() -> None:
    first, second = segment.segment("x" * 200, 1)
    reassembly = Reassembly(seconds=60)
    reassembly.add(message(first), 0.0)
    assert len(reassembly.add(message(second), 0.0)) == 1
    assert reassembly.add(message(second), 1.0) == []
    assert reassembly.expire(100.0) == []


def test_a_new_text_with_the_same_reference_is_not_lost() -> None:
    reassembly = Reassembly()
    for text in ("x" * 160 + "first", "x" * 160 + "second"):
        found = [one for p in segment.segment(text, 1) for one in reassembly.add(message(p), 0.0)]
        assert [one.text for one in found] == [text]


def test_a_character_that_a_peer_cut_in_two_is_healed() -> None:
    whole = "🔌".encode("utf-16-be")
    reassembly = Reassembly()
    for number, half in enumerate((whole[:2], whole[2:]), 1):
        udh = bytes((5, 0, 3, 1, 2, number))
        found = reassembly.add(
            DeliverSm(esm_class=0x40, data_coding=8, short_message=udh + half), 0.0
        )
    assert found == [Text("", "", "🔌", 2)]
