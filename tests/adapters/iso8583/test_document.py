"""Dialects as integrators write them: what they change, and what is wrong with them, by line."""

from pathlib import Path

import pytest

from adapters.iso8583.errors import DecodeError
from adapters.iso8583.message import Message
from core.documents import DocumentError
from hub.iso8583 import checked, load, shipped
from tests.adapters.iso8583.dialects import HEAD, dialect

SHIPPED = shipped()


@pytest.mark.parametrize("file", SHIPPED.values(), ids=SHIPPED)
def test_every_shipped_dialect_holds_its_own_cases(file: Path) -> None:
    assert checked(file.read_text(), file.name) >= 6


def test_three_ship() -> None:
    assert set(SHIPPED) == {"ascii-1993", "generic-1987-ascii", "tpdu-1987-bcd"}
    assert {load(file.read_text()).name for file in SHIPPED.values()} == set(SHIPPED)


def test_a_field_is_what_the_dialect_makes_of_it() -> None:
    spoken = dialect(
        """
fields:
  3: {is: an6}
  43: {trim: true}
  48: {is: ans..20, prefix: binary, form: utf-8}
  60: {is: b..8, count: octets}
  61: {is: n..9, form: bcd, prefix: bcd, pad: left, fill: F}
  62: {is: n..9, form: bcd, count: octets, pad: right, fill: F}
"""
    )
    fields = {3: "9A0000", 43: "shop", 48: "é", 60: b"\x01\x02", 61: "123", 62: "1234"}
    raw = spoken.codec.encode(Message("0200", fields))
    assert raw[20:] == (
        b"9A0000"
        + b"shop".ljust(40)
        + b"\x02\xc3\xa9"
        + b"040102"
        + b"\x03\xf1\x23"
        + b"02\x12\x34"
    )
    assert spoken.codec.decode(raw).fields == fields


def test_a_length_in_octets_may_not_end_inside_a_unit() -> None:
    spoken = dialect("fields: {60: {is: b..8, count: octets}}")
    with pytest.raises(DecodeError, match="ends inside a unit"):
        spoken.codec.decode(b"0200" + b"0000000000000010" + b"03010")


def test_an_error_below_a_field_has_its_place_in_the_message() -> None:
    spoken = dialect("fields: {48: {parts: {row: [{name: a, is: n2}, {name: b, is: n2}]}}}")
    raw = spoken.codec.encode(Message("0200", {3: "380000", 48: {"a": "12", "b": "34"}}))
    with pytest.raises(DecodeError) as caught:
        spoken.codec.decode(raw[:-2] + b"x4")
    assert (caught.value.path, caught.value.offset) == ("48.b", len(raw) - 2)
    assert caught.value.partial == {3: "380000"}
    assert caught.value.evidence == b"x4"


@pytest.mark.parametrize(
    ("more", "line", "says"),
    [
        ("fields: {3: {is: nn6}}", 9, "no field like n6"),
        ("fields: {3: {is: ans..999}}", 9, "cannot say 999"),
        ("fields: {1: {is: n6}}", 9, "which is a bitmap"),
        ("fields: {65: {is: n6}}", 9, "which is a bitmap"),
        ("fields: {193: {is: n6}}", 9, "2 to 192"),
        ("fields: {150: {name: far}}", 9, "say what it `is`"),
        ("fields: {3: {form: klingon}}", 9, "no charset"),
        ("fields: {3: {form: hex}}", 9, "does not stand as hex"),
        ("fields: {64: {form: ascii}}", 9, "does not stand as ascii"),
        ("fields: {3: {form: bcd, fill: x}}", 9, "a nibble is"),
        ("fields: {3: {pad: up}}", 9, "left, right"),
        ("fields: {41: {fill: ab}}", 9, "one character"),
        ("fields: {48: {parts: {}}}", 9, "exactly one of"),
        ("fields: {48: {parts: {ber_tlv: true}}}", 9, "stand in octets"),
        ("fields: {64: {parts: {text_tlv: {tag: 1, digits: 1}}}}", 9, "stand in text"),
        ("fields: {3: {form: bcd, parts: {row: [{name: a, is: n6}]}}}", 9, "not in bcd"),
        ("fields: {48: {parts: {row: [{name: rest}, {name: a, is: n6}]}}}", 9, "the last part"),
        ("fields: {48: {parts: {groups: [{name: rest}]}}}", 9, "the last part"),
        ("fields: {48: {parts: {mapped: {2: q5}}}}", 9, "no field like"),
        ("framing: smoke", 9, "no framing like"),
        ("mac: {algorithm: crc}", 9, "algorithm is one of"),
        ("longest: 100000", 9, "longest"),
        ("colour: red", 9, "unknown"),
        ('responses: {aproved: "00"}', 9, "no outcome is called so"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(more: str, line: int, says: str) -> None:
    with pytest.raises(DocumentError) as caught:
        dialect(more)
    (problem, *_) = caught.value.problems
    assert problem.line == line
    assert says in str(problem)


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(DocumentError) as caught:
        dialect("framing: smoke\nfields: {3: {is: q}, 4: {form: klingon}}")
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("{name: a, hex: xx}", "no hex"),
        ('{name: a, hex: "30", mti: "0200"}', "must be read"),
        ('{name: a, hex: "30", refused: "3"}', "must be refused at 3, but mti"),
        ('{name: a, hex: "3032303030303030303030303030303030303030", refused: "3"}', "was read"),
        ('{name: a, hex: "3032303030303030303030303030303030303030", mti: "0100"}', "mti: exp"),
        (
            '{name: a, hex: "3032303030303030303030303030303030303030", mti: "0200",'
            ' fields: {3: "1"}}',
            "field 3: expected '1', got 'nothing'",
        ),
    ],
)
def test_a_case_that_does_not_hold_is_named(case: str, says: str) -> None:
    text = "\n".join(line for line in HEAD.splitlines() if not line.startswith("tests"))
    with pytest.raises(DocumentError, match=says):
        checked(f"{text}\ntests: [{case}]\n")


def test_a_dialect_without_cases_is_not_taken() -> None:
    text = "\n".join(line for line in HEAD.splitlines() if not line.startswith("tests"))
    with pytest.raises(DocumentError, match="a case of its own"):
        load(f"{text}\ntests: []\n")
