"""A dialect compiled: octets to a message and back.

Decoding is a walk over the fields that the bitmap names. Which ones those are is worked out once
for each bitmap that is met: a partner sends a handful of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from adapters.iso8583 import wire
from adapters.iso8583.errors import DecodeError, DialectError, EncodeError, PinBlockError
from adapters.iso8583.message import Message
from adapters.iso8583.spec import Field

#: A partner sends some ten kinds of message; a stranger who sends all bitmaps gains nothing.
_PLANS_KEPT: Final = 512
#: The largest frame of any switch that is known has 8 KiB; nothing here is longer.
LONGEST: Final = 16 * 1024
PIN_BLOCK: Final = 52

Step = tuple[int, wire.Decoder]
Order = tuple[bytes, tuple[int, ...], bytes]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a codec is made of. ``header``: octets before the MTI. ``digits``: how the MTI stands:
    ``ascii``, ``bcd`` or ``ebcdic``; ``bitmap``: ``binary``, ``hex``, or ``ebcdic`` hex."""

    name: str
    fields: Mapping[int, Field]
    digits: Literal["ascii", "bcd", "ebcdic"] = "ascii"
    bitmap: Literal["binary", "hex", "ebcdic"] = "hex"
    header: int = 0
    keep_pin: bool = False  # only for vectors: a hub never takes a PIN block


@dataclass(frozen=True, slots=True)
class Span:
    """Where a field stands: ``offset`` and ``length`` in octets, its length prefix included."""

    path: str
    offset: int
    length: int


class Codec:
    """Decodes and encodes the messages of one dialect; holds no state of any conversation."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._mti = wire.decoder(_mti_field(layout.digits), "mti")
        self._write_mti = wire.encoder(_mti_field(layout.digits), "mti")
        self._map_octets = 8 if layout.bitmap == "binary" else 16
        self._readers = {n: _reader(each) for n, each in layout.fields.items()}
        if not layout.keep_pin:
            self._readers[PIN_BLOCK] = _no_pin
        self._writers = {n: _writer(each) for n, each in layout.fields.items()}
        self._plans: dict[bytes, tuple[Step, ...]] = {}
        self._written: dict[tuple[int, ...], Order] = {}

    def decode(self, data: bytes) -> Message:
        """The message. DecodeError: where it fails, with what was decoded before."""
        return self._walk(data, None)

    def mti(self, data: bytes) -> str:
        """The type alone: what an answer to an unreadable message begins with. DecodeError."""
        return str(self._mti(data, self.layout.header)[0])

    def spans(self, data: bytes) -> tuple[Message, list[Span]]:
        """The message, and where each part of it stands in the octets."""
        seen: list[Span] = []
        return self._walk(data, seen), seen

    def _walk(self, data: bytes, seen: list[Span] | None) -> Message:
        if len(data) > LONGEST:
            raise DecodeError(f"{len(data)} octets are over {LONGEST}", "message", 0, data)
        header = self.layout.header
        if len(data) < header:
            raise DecodeError("the message ends inside its header", "header", 0, data)
        mti, at = self._mti(data, header)
        plan, after = self._plan(data, at)
        if seen is not None:
            seen += _frame(header, at, after)
            plan = _noting(plan, seen)
        at = after
        fields: dict[int, Any] = {}
        try:
            for number, read in plan:
                fields[number], at = read(data, at)
        except DecodeError as error:
            error.partial = fields
            raise
        if at != len(data):
            why = f"{len(data) - at} octets follow the last field"
            raise DecodeError(why, "message", at, data[at:], fields)
        return Message(mti, fields, data[:header])

    def _plan(self, data: bytes, at: int) -> tuple[tuple[Step, ...], int]:
        """The fields that the bitmaps name, and the place after the bitmaps.

        The third bitmap stands where field 65 does; its fields come in its plan.
        """
        wide = self._map_octets
        bits = self._bits(data, at, "bitmap")
        after = at + wide
        if bits[0] & 0x80:
            bits += self._bits(data, after, "1")
            after += wide
        if len(bits) == 16 and bits[8] & 0x80:
            return self._third(data, bits, after), after
        plan = self._plans.get(bits)
        if plan is None:
            plan = self._steps(_numbers(bits), at)
            if len(self._plans) < _PLANS_KEPT:
                self._plans[bits] = plan
        return plan, after

    def _third(self, data: bytes, bits: bytes, at: int) -> tuple[Step, ...]:
        """The plan of a message with three bitmaps; the third stands after the fields to 64."""
        numbers = [number for number in _numbers(bits) if number != 65]
        low = self._steps([number for number in numbers if number < 65], at)
        fields: dict[int, Any] = {}
        try:
            for number, read in low:
                fields[number], at = read(data, at)
            third = self._bits(data, at, "65")
        except DecodeError as error:
            error.partial = fields
            raise
        high = [number for number in numbers if number > 65]
        high += [number + 128 for number in _numbers(third, first=1)]
        return (*low, (65, self._third_reader), *self._steps(high, at))

    def _third_reader(self, data: bytes, at: int) -> tuple[bytes, int]:
        return self._bits(data, at, "65"), at + self._map_octets

    def _steps(self, numbers: Sequence[int], at: int) -> tuple[Step, ...]:
        for number in numbers:
            if number not in self._readers:
                why = f"the bitmap names field {number}, which {self.layout.name} does not know"
                raise DecodeError(why, "bitmap", at)
        return tuple((number, self._readers[number]) for number in numbers)

    def _bits(self, data: bytes, at: int, path: str) -> bytes:
        raw = data[at : at + self._map_octets]
        if len(raw) < self._map_octets:
            raise DecodeError("the message ends inside a bitmap", path, at, raw)
        if self.layout.bitmap == "binary":
            return raw
        try:
            bits = bytes.fromhex(raw.decode("cp500" if self.layout.bitmap == "ebcdic" else "ascii"))
        except ValueError:
            bits = b""
        if len(bits) != 8:
            raise DecodeError("not hex digits", path, at, raw)
        return bits

    def encode(self, message: Message) -> bytes:
        """The octets of a message. EncodeError names the field that does not fit."""
        if len(message.header) != self.layout.header:
            raise EncodeError(f"{self.layout.header} octets are needed", "header")
        if PIN_BLOCK in message.fields and not self.layout.keep_pin:
            raise EncodeError("a PIN block is never sent", str(PIN_BLOCK))
        fields = message.fields
        present = tuple(fields)
        plan = self._written.get(present)
        if plan is None:
            plan = self._order(present)
            if len(self._written) < _PLANS_KEPT:
                self._written[present] = plan
        maps, numbers, third = plan
        parts = [message.header, self._write_mti(message.mti), maps]
        writers = self._writers
        parts += [writers[number](fields[number]) if number != 65 else third for number in numbers]
        data = b"".join(parts)
        if len(data) > LONGEST:
            raise EncodeError(f"{len(data)} octets are over {LONGEST}", "message")
        return data

    def octets(self, number: int, value: Any) -> bytes:
        """One field as it stands in a message. EncodeError: it does not fit."""
        return self._writers[number](value)

    def _order(self, present: Sequence[int]) -> Order:
        """What stands before the fields, the fields in their order, and the third bitmap."""
        numbers = sorted(set(present) - {1, 65})
        maps = [self._map_text(each) for each in _maps(numbers)]
        for number in numbers:
            if number not in self._writers:
                raise EncodeError(f"{self.layout.name} does not know it", str(number))
        if len(maps) < 3:
            return b"".join(maps), tuple(numbers), b""
        low = [number for number in numbers if number < 65]
        return b"".join(maps[:2]), (*low, 65, *numbers[len(low) :]), maps[2]

    def _map_text(self, bits: bytes) -> bytes:
        if self.layout.bitmap == "binary":
            return bits
        text = bits.hex().upper()
        return text.encode("cp500" if self.layout.bitmap == "ebcdic" else "ascii")


def _mti_field(digits: str) -> Field:
    form = "cp500" if digits == "ebcdic" else digits
    return Field(0, "message type", "n", 4, form=form, pad="left", fill="0")


def _reader(field: Field) -> wire.Decoder:
    read = wire.decoder(field)
    return read if field.parts is None else field.parts.reader(read, str(field.number))


def _no_pin(_data: bytes, at: int) -> tuple[Any, int]:
    raise PinBlockError("a PIN block is not taken here", str(PIN_BLOCK), at)


def _noting(plan: tuple[Step, ...], seen: list[Span]) -> tuple[Step, ...]:
    """The same steps; each notes where its field stood."""

    def noting(number: int, read: wire.Decoder) -> wire.Decoder:
        def inner(data: bytes, at: int) -> tuple[Any, int]:
            value, after = read(data, at)
            seen.append(Span(str(number), at, after - at))
            return value, after

        return inner

    return tuple((number, noting(number, read)) for number, read in plan)


def _writer(field: Field) -> Callable[[Any], bytes]:
    write = wire.encoder(field)
    return write if field.parts is None else field.parts.writer(write, str(field.number))


def _frame(header: int, bitmap: int, after: int) -> list[Span]:
    spans = [Span("header", 0, header)] if header else []
    return [*spans, Span("mti", header, bitmap - header), Span("bitmap", bitmap, after - bitmap)]


def _numbers(bits: bytes, first: int = 2) -> list[int]:
    """The numbers of the set bits, from 1 on; 1 itself says that there is a second bitmap."""
    whole, size = int.from_bytes(bits, "big"), len(bits) * 8
    return [n for n in range(first, size + 1) if whole >> (size - n) & 1]


def _maps(numbers: Sequence[int]) -> list[bytes]:
    """The bitmaps for these fields: one, two or three of eight octets."""
    highest = numbers[-1] if numbers else 0
    count = 3 if highest > 128 else 2 if highest > 64 else 1
    set_bits = {*numbers, *((1,) if count > 1 else ()), *((65,) if count > 2 else ())}
    if highest > 192 or (numbers and numbers[0] < 2):
        raise EncodeError("fields have the numbers 2 to 192", str(highest))
    whole = sum(1 << (count * 64 - number) for number in set_bits)
    bits = whole.to_bytes(count * 8, "big")
    return [bits[at : at + 8] for at in range(0, len(bits), 8)]


def with_fields(layout: Layout, changed: Mapping[int, Field]) -> Layout:
    """The layout with some fields put in the place of its own. DialectError: a bitmap's number."""
    for number in changed:
        if number in (1, 65) or not 2 <= number <= 192:
            raise DialectError("2 to 192 without 65, which is a bitmap", f"fields.{number}")
    return replace(layout, fields={**layout.fields, **changed})
