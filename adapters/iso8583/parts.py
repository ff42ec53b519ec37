"""What is inside a field: parts in a row, groups that repeat, a bitmap of its own, tags.

Each is an object with ``reader`` and ``writer`` around those of the field. What they give is plain:
a dict of parts by name, number or tag, or a list of such dicts. Paths go on below the field
(``48.customer``), offsets count from the start of the message.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from adapters.iso8583 import wire
from adapters.iso8583.errors import DecodeError, EncodeError
from adapters.iso8583.spec import Field

#: DE54 holds six amounts, a batch list some dozen items: more is no list of a terminal.
MOST_GROUPS: Final = 99
#: EMV's longest tag has three octets; a loop of continuation bits ends here.
_LONGEST_TAG: Final = 4
REST: Final = "rest"
#: Closures of parts, made when a place is first met; a dialect has some hundred of them.
decoder_of: Final = lru_cache(4096)(wire.decoder)
encoder_of: Final = lru_cache(4096)(wire.encoder)


class Parts(Protocol):
    """The codec below a field; ``charset`` None: the field's value is octets."""

    @property
    def charset(self) -> str | None:
        """Of the field's text."""

    def read(self, data: bytes, path: str) -> Any:
        """The parts; DecodeError with offsets from the start of ``data``."""

    def write(self, value: Any, path: str) -> bytes:
        """The octets of the parts; EncodeError."""


@dataclass(frozen=True, slots=True)
class Below:
    """A field's parts, put around the reading and the writing of the field."""

    parts: Parts

    def reader(self, read: wire.Decoder, path: str) -> wire.Decoder:
        """Reads the field and what is in it."""
        parts = self.parts

        def inner(data: bytes, at: int) -> tuple[Any, int]:
            value, after = read(data, at)
            raw = value.encode(parts.charset) if parts.charset else value
            try:
                return parts.read(raw, path), after
            except DecodeError as error:
                offset = after - len(raw) + error.offset
                raise DecodeError(error.why, error.path, offset, data[offset:]) from None

        return inner

    def writer(self, write: wire.Encoder, path: str) -> Callable[[Any], bytes]:
        """Writes what is in the field and the field."""
        parts = self.parts

        def inner(value: Any) -> bytes:
            raw = parts.write(value, path)
            try:
                return write(raw.decode(parts.charset) if parts.charset else raw)
            except UnicodeDecodeError:
                raise EncodeError(f"not {parts.charset}", path) from None

        return inner


@dataclass(frozen=True, slots=True)
class Row:
    """Parts one after the other, each a field by itself; the name of the last may be ``rest``:
    it takes what is left."""

    fields: Sequence[Field]
    charset: str | None

    def read(self, data: bytes, path: str) -> dict[str, Any]:
        found, at = self.read_from(data, 0, path)
        if at != len(data):
            raise DecodeError(f"{len(data) - at} octets follow its last part", path, at)
        return found

    def read_from(self, data: bytes, at: int, path: str) -> tuple[dict[str, Any], int]:
        """The parts from a place on, and the place after them."""
        found: dict[str, Any] = {}
        for field in self.fields:
            if field.name == REST:
                tail = data[at:]
                found[REST], at = (tail.decode(self.charset) if self.charset else tail), len(data)
            else:
                found[field.name], at = decoder_of(field, f"{path}.{field.name}")(data, at)
        return found, at

    def write(self, value: Any, path: str) -> bytes:
        names = [field.name for field in self.fields]
        _known(value, names, path)
        out = []
        for field in self.fields:
            below = f"{path}.{field.name}"
            if field.name not in value:
                raise EncodeError("it is missing", below)
            part = value[field.name]
            if field.name == REST:
                out.append(_rest(part, self.charset, below))
            else:
                out.append(encoder_of(field, below)(part))
        return b"".join(out)


@dataclass(frozen=True, slots=True)
class Groups:
    """The same row again and again to the end, as DE54 has its amounts."""

    row: Row
    charset: str | None

    def read(self, data: bytes, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        at = 0
        while at < len(data):
            if len(found) == MOST_GROUPS:
                raise DecodeError(f"more than {MOST_GROUPS} groups", path, at)
            group, after = self.row.read_from(data, at, f"{path}[{len(found)}]")
            if after == at:
                raise DecodeError("a group of no octets", path, at)
            found.append(group)
            at = after
        return found

    def write(self, value: Any, path: str) -> bytes:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise EncodeError("a list of groups is needed", path)
        if len(value) > MOST_GROUPS:
            raise EncodeError(f"more than {MOST_GROUPS} groups", path)
        return b"".join(self.row.write(each, f"{path}[{n}]") for n, each in enumerate(value))


@dataclass(frozen=True, slots=True)
class Mapped:
    """A bitmap of its own and the fields that it names, as DE127 of some switches has it."""

    fields: Mapping[int, Field]
    hex_map: bool
    charset: str | None

    def read(self, data: bytes, path: str) -> dict[str, Any]:
        wide = 16 if self.hex_map else 8
        try:
            bits = bytes.fromhex(data[:wide].decode("ascii")) if self.hex_map else data[:8]
        except ValueError:
            bits = b""
        if len(bits) != 8:
            raise DecodeError("no bitmap", f"{path}.bitmap", 0)
        whole, at, found = int.from_bytes(bits, "big"), wide, {}
        for number in [n for n in range(1, 65) if whole >> (64 - n) & 1]:
            if number not in self.fields:
                raise DecodeError(f"part {number} is not known", f"{path}.bitmap", 0)
            read = decoder_of(self.fields[number], f"{path}.{number}")
            found[str(number)], at = read(data, at)
        if at != len(data):
            raise DecodeError(f"{len(data) - at} octets follow its last part", path, at)
        return found

    def write(self, value: Any, path: str) -> bytes:
        _known(value, [str(number) for number in self.fields], path)
        numbers = sorted(int(each) for each in value)
        bits = sum(1 << (64 - number) for number in numbers).to_bytes(8, "big")
        out = [bits.hex().upper().encode("ascii") if self.hex_map else bits]
        out += [
            encoder_of(self.fields[number], f"{path}.{number}")(value[str(number)])
            for number in numbers
        ]
        return b"".join(out)


@dataclass(frozen=True, slots=True)
class BerTlv:
    """Tags of EMV (BER): tag as upper-case hex → octets. A tag given twice is refused."""

    charset: str | None = None

    def read(self, data: bytes, path: str) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        at = 0
        while at < len(data):
            start = at
            at = _tag_end(data, at, path)
            tag = data[start:at].hex().upper()
            size, at = _ber_length(data, at, f"{path}.{tag}")
            value = data[at : at + size]
            if len(value) < size:
                why = f"{size} octets are promised, {len(value)} are left"
                raise DecodeError(why, f"{path}.{tag}", at)
            if tag in found:
                raise DecodeError("given twice", f"{path}.{tag}", start)
            found[tag] = value
            at += size
        return found

    def write(self, value: Any, path: str) -> bytes:
        if not isinstance(value, Mapping):
            raise EncodeError("octets by tag are needed", path)
        return b"".join(_ber(tag, each, path) for tag, each in value.items())


@dataclass(frozen=True, slots=True)
class TextTlv:
    """Tags and lengths as characters: ``tag`` characters, ``digits`` of length, the value."""

    tag: int
    digits: int
    charset: str | None = "ascii"

    def read(self, data: bytes, path: str) -> dict[str, str]:
        charset = self.charset or "ascii"
        found: dict[str, str] = {}
        at, head = 0, self.tag + self.digits
        while at < len(data):
            lead = data[at : at + head]
            tag, digits = lead[: self.tag].decode(charset, "replace"), lead[self.tag :]
            if len(lead) < head or not digits.isdigit():
                raise DecodeError("its length is not a number", f"{path}.{tag}", at + self.tag)
            value = data[at + head : at + head + int(digits)]
            if len(value) < int(digits):
                why = f"{int(digits)} octets are promised, {len(value)} are left"
                raise DecodeError(why, f"{path}.{tag}", at + head)
            if tag in found:
                raise DecodeError("given twice", f"{path}.{tag}", at)
            try:
                found[tag] = value.decode(charset)
            except UnicodeDecodeError:
                raise DecodeError(f"not {charset}", f"{path}.{tag}", at + head) from None
            at += head + len(value)
        return found

    def write(self, value: Any, path: str) -> bytes:
        if not isinstance(value, Mapping):
            raise EncodeError("text by tag is needed", path)
        out = []
        for tag, text in value.items():
            if not isinstance(text, str) or len(tag) != self.tag:
                raise EncodeError(f"a tag of {self.tag} characters and text", f"{path}.{tag}")
            raw = _encoded(text, self.charset or "ascii", f"{path}.{tag}")
            if len(str(len(raw))) > self.digits:
                raise EncodeError(f"{len(raw)} does not fit its length", f"{path}.{tag}")
            out += [_encoded(tag, "ascii", path), b"%0*d" % (self.digits, len(raw)), raw]
        return b"".join(out)


def _rest(part: Any, charset: str | None, path: str) -> bytes:
    if charset and isinstance(part, str):
        return _encoded(part, charset, path)
    if charset or not isinstance(part, bytes):
        raise EncodeError("text is needed" if charset else "octets are needed", path)
    return part


def _encoded(text: str, charset: str, path: str) -> bytes:
    try:
        return text.encode(charset)
    except UnicodeEncodeError:
        raise EncodeError(f"not {charset}", path) from None


def _known(value: Any, names: Sequence[str], path: str) -> None:
    if not isinstance(value, Mapping):
        raise EncodeError("parts by name are needed", path)
    for name in value:
        if name not in names:
            raise EncodeError("it is not known", f"{path}.{name}")


def _tag_end(data: bytes, at: int, path: str) -> int:
    """The place after a tag: more octets follow while their high bit is set."""
    start = at
    at += 1
    if data[start] & 0x1F == 0x1F:
        while at < len(data) and data[at] & 0x80 and at - start < _LONGEST_TAG:
            at += 1
        at += 1
    if at > len(data) or at - start > _LONGEST_TAG:
        raise DecodeError("the tag does not end", path, start)
    return at


def _ber_length(data: bytes, at: int, path: str) -> tuple[int, int]:
    if at >= len(data):
        raise DecodeError("its length is missing", path, at)
    first = data[at]
    if first < 0x80:
        return first, at + 1
    wide = first & 0x7F
    raw = data[at + 1 : at + 1 + wide]
    if not 1 <= wide <= 2 or len(raw) < wide:
        raise DecodeError("its length is not one of 1 to 3 octets", path, at)
    return int.from_bytes(raw, "big"), at + 1 + wide


def _ber(tag: str, value: Any, path: str) -> bytes:
    below = f"{path}.{tag}"
    try:
        raw = bytes.fromhex(tag)
        whole = _tag_end(raw, 0, path) == len(raw)
    except (ValueError, IndexError, DecodeError):
        whole = False
    if not whole or not isinstance(value, bytes):
        raise EncodeError("a tag in hex and octets are needed", below)
    size = len(value)
    if size > 0xFFFF:
        raise EncodeError(f"{size} octets are over 65535", below)
    if size < 0x80:
        return raw + bytes([size]) + value
    length = size.to_bytes(1 if size <= 0xFF else 2, "big")
    return raw + bytes([0x80 + len(length)]) + length + value
