"""What is kept of a message holds no card and no PIN."""

from dataclasses import replace

import pytest

from adapters.iso8583.codec import Codec
from adapters.iso8583.errors import PinBlockError
from adapters.iso8583.message import Message
from adapters.iso8583.profiles import named
from adapters.iso8583.redact import Redactor

PAN = "4000001234567899"
CARD = {2: PAN, 3: "380000", 35: f"{PAN}=2912", 41: "T0000001", 52: bytes(range(8))}


@pytest.mark.parametrize("name", ["ascii87_hexbitmap", "bcd87_binbitmap", "ebcdic87_hexbitmap"])
def test_secrets_are_overwritten_where_they_stand(name: str) -> None:
    layout = named(name)
    keeping = Codec(replace(layout, keep_pin=True))
    raw = keeping.encode(Message("0200", CARD))
    with pytest.raises(PinBlockError):
        Codec(layout).decode(raw)
    kept = Redactor(Codec(layout)).redact(raw)
    assert len(kept) == len(raw)
    _, spans = keeping.spans(raw)
    for span in spans:
        same = kept[span.offset :][: span.length] == raw[span.offset :][: span.length]
        assert same is (span.path not in ("2", "35", "52"))


def test_a_product_code_is_kept() -> None:
    codec = Codec(named("bcd87"))
    raw = codec.encode(Message("0200", {2: "053502"}))
    assert Redactor(codec).redact(raw) == raw
    card = codec.encode(Message("0200", {2: "1234567890123"}))
    assert Redactor(codec).redact(card)[10:] == b"\xee" * 8


def test_of_what_cannot_be_read_only_the_length_is_kept() -> None:
    codec = Codec(named("ascii87_hexbitmap"))
    raw = codec.encode(Message("0200", {2: PAN}))[:-1]
    assert Redactor(codec).redact(raw) == b"\xee" * len(raw)
