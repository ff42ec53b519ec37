"""Our codec and pyiso8583 on random messages that both can express: same fields, same octets."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from adapters.iso8583.codec import Codec, Layout
from adapters.iso8583.errors import DecodeError
from adapters.iso8583.message import Message, plain
from adapters.iso8583.profiles import named
from adapters.iso8583.spec import Field
from tests.adapters.iso8583.strategies import message
from tests.interop.peers import Peer, python_peer

pytestmark = pytest.mark.slow
NAMES = [
    "ascii87_hexbitmap",
    "ascii87_binbitmap",
    "ascii93_hexbitmap",
    "ebcdic87_hexbitmap",
    "bcd87_binbitmap",
    "bcd93_binbitmap",
    "bcd87 with DE24 left pad F",
]
MESSAGES = 200


@pytest.fixture(scope="module")
def library() -> Iterator[Peer]:
    started = Peer(python_peer("iso8583_peer.py"))
    yield started
    started.stop()


def shared(name: str) -> Layout:
    """A layout without what the library cannot say: a letter before BCD digits, and hex text whose
    length counts what it stands for."""
    layout = named(name)
    fields = {
        number: field
        for number, field in layout.fields.items()
        if not (field.kind == "x+n" and field.form == "bcd")
        and not (field.form == "hex" and not field.fixed)
        and number != 52
    }
    return replace(layout, fields=fields)


def spec_of(layout: Layout) -> dict[str, Any]:
    """A layout as the library wants it."""
    text = {"ebcdic": "cp500"}.get(layout.digits, "ascii")
    mapped = {"binary": ("b", 8), "hex": ("ascii", 16), "ebcdic": ("cp500", 16)}[layout.bitmap]
    spec: dict[str, Any] = {"h": entry("ascii", 0), "p": entry(*mapped), "1": entry(*mapped)}
    spec["t"] = entry("b", 2) if layout.digits == "bcd" else entry(text, 4)
    unknown = {str(number): entry(text, 0) for number in range(2, 129)}
    return {**unknown, **spec, **{str(n): field_of(each) for n, each in layout.fields.items()}}


def entry(encoding: str, size: int) -> dict[str, Any]:
    return {
        "data_enc": encoding,
        "len_enc": "ascii",
        "len_type": 0,
        "max_len": size,
        "desc": "",
    }


def field_of(field: Field) -> dict[str, Any]:
    packed = field.form == "bcd"
    size = field.size * 2 if field.form == "hex" else field.size + (field.kind == "x+n")
    encoding = "b" if packed or field.form == "binary" else field.form
    said = entry("ascii" if encoding == "hex" else encoding, size)
    lengths = {"bcd": "b", "ebcdic": "cp500", "ascii": "ascii"}[field.prefix]
    octets = (field.digits + 1) // 2 if lengths == "b" else field.digits
    said |= {"len_enc": "bcd" if lengths == "b" else lengths, "len_type": octets}
    if packed:
        said |= {"len_count": "nibbles", f"{field.pad}_pad": field.fill}
    return said


def as_told(codec: Codec, sent: Message) -> dict[str, str]:
    """Fields as the library tells them: a track's separator is the nibble that it is."""
    told = {str(number): plain(value) for number, value in sent.fields.items()}
    if "35" in told and codec.layout.fields[35].form == "bcd":
        told["35"] = told["35"].replace("=", "D")
    if "36" in told and codec.layout.fields[36].form == "bcd":
        told["36"] = told["36"].replace("=", "D")
    return {"t": sent.mti, **told}


def asked(library: Peer, raw: bytes) -> dict[str, Any]:
    library.order(hex=raw.hex())
    line: dict[str, Any] = library.next_line()
    return line


@pytest.mark.parametrize("name", NAMES)
def test_both_read_and_write_the_same(library: Peer, name: str) -> None:
    codec, chance = Codec(shared(name)), Random(name)
    library.order(spec=spec_of(codec.layout))
    for _ in range(MESSAGES):
        sent = message(codec.layout, chance)
        raw = codec.encode(sent)
        told = asked(library, raw)
        assert "error" not in told, (sent.fields, told)
        read = {key: value for key, value in told["fields"].items() if key not in ("h", "p", "1")}
        assert read == as_told(codec, sent)
        assert bytes.fromhex(told["hex"]) == raw


@pytest.mark.parametrize("name", NAMES)
def test_what_we_take_of_strange_octets_it_reads_as_we_do(library: Peer, name: str) -> None:
    codec, chance = Codec(shared(name)), Random(name)
    library.order(spec=spec_of(codec.layout))
    taken = 0
    for _ in range(MESSAGES):
        raw = bytearray(codec.encode(message(codec.layout, chance)))
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        try:
            read = codec.decode(bytes(raw))
        except DecodeError:
            continue
        told = asked(library, bytes(raw))
        fields = told["fields"]
        assert {key: fields[key] for key in as_told(codec, read)} == as_told(codec, read)
        taken += 1
    assert taken
