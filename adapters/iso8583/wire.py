"""One field between its octets and its value: a pair of closures, made once per dialect.

A value is ``str``; of kind ``b`` it is ``bytes``. In charsets of several octets a character, sizes
and lengths count octets, as the wire does.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from adapters.iso8583 import prefix
from adapters.iso8583.errors import DecodeError, EncodeError
from adapters.iso8583.spec import Field

#: (octets, place) → (value, place after it)
Decoder = Callable[[bytes, int], tuple[Any, int]]
Encoder = Callable[[Any], bytes]

#: Track 2 in BCD has its separator as nibble D; as text it is ``=``, as on the card.
SEPARATOR: Final = "="
_ALPHABETS: Final = {
    "n": re.compile(r"[0-9]*"),
    "a": re.compile(r"[A-Za-z ]*"),
    "an": re.compile(r"[0-9A-Za-z ]*"),
    "x+n": re.compile(r"[CD][0-9]*"),
}
_SAYS: Final = {"n": "digits", "a": "letters", "an": "letters and digits", "x+n": "C or D + digits"}


def decoder(field: Field, path: str = "") -> Decoder:
    """Reads a field, length and all. DecodeError names ``path``, or the field's number."""
    path = path or str(field.number)
    read = _data_reader(field, path)
    if field.fixed:
        size = field.size
        if field.form == "ascii" and field.kind == "n":
            return _fixed_digits(size, path)
        if field.form == "bcd" and field.kind == "n" and size % 2 == 0:
            return _fixed_bcd(size, path)
        if field.form == "ascii" and field.kind not in ("b", "x+n") and not field.trim:
            return _fixed_text(field, path)
        return lambda data, at: read(data, at, size)
    length_of, largest, units = prefix.reader(field, path), field.size, _units(field)

    def variable(data: bytes, at: int) -> tuple[Any, int]:
        length, after = length_of(data, at)
        size = units(length)
        if size < 0:
            raise DecodeError(f"a length of {length} octets ends inside a unit", path, at)
        if size > largest:
            raise DecodeError(f"its length {size} is over {largest}", path, at)
        return read(data, after, size)

    return variable


def encoder(field: Field, path: str = "") -> Encoder:
    """Writes a field, length and all. EncodeError names ``path``, or the field's number."""
    path = path or str(field.number)
    write = _data_writer(field, path)
    if field.fixed:
        return lambda value: write(value)[0]
    lead, largest, octets = prefix.writer(field), field.size, field.count == "octets"

    def variable(value: Any) -> bytes:
        data, size = write(value)
        if size > largest:
            raise EncodeError(f"{size} is over {largest}", path)
        return lead(len(data) if octets else size) + data

    return variable


def _fixed_digits(size: int, path: str) -> Decoder:
    """Most fields of a message in ASCII: worth a closure of its own."""

    def read(data: bytes, at: int) -> tuple[str, int]:
        end = at + size
        raw = data[at:end]
        if len(raw) == size and raw.isdigit():
            return raw.decode("ascii"), end
        _cut(data, at, size, path)
        raise DecodeError("not digits", path, at, raw)

    return read


def _fixed_bcd(size: int, path: str) -> Decoder:
    """The same for whole octets of BCD."""
    octets = size // 2

    def read(data: bytes, at: int) -> tuple[str, int]:
        end = at + octets
        digits = data[at:end].hex()
        if len(digits) == size and digits.isdigit():
            return digits, end
        raise DecodeError("not digits", path, at, _cut(data, at, octets, path))

    return read


def _units(field: Field) -> Callable[[int], int]:
    """What a length says, in units; -1: it ends inside one. (BCD by octets is always even.)"""
    if field.count == "units" or field.form not in ("bcd", "hex"):
        return lambda length: length
    if field.form == "bcd":
        return lambda length: length * 2
    return lambda length: -1 if length % 2 else length // 2


def _cut(data: bytes, at: int, octets: int, path: str) -> bytes:
    raw = data[at : at + octets]
    if len(raw) < octets:
        raise DecodeError(f"{octets} octets are promised, {len(raw)} are left", path, at, raw)
    return raw


def _fixed_text(field: Field, path: str) -> Decoder:
    """The same for text; what is wrong is found once more by who says what it is."""
    size, alphabet = field.size, _ALPHABETS.get(field.kind)
    slow = _text_reader(field, path)

    def read(data: bytes, at: int) -> tuple[str, int]:
        end = at + size
        raw = data[at:end]
        if len(raw) == size and raw.isascii():
            value = raw.decode("ascii")
            if alphabet is None or alphabet.fullmatch(value) is not None:
                return value, end
        return slow(data, at, size)

    return read


def _data_reader(field: Field, path: str) -> Callable[[bytes, int, int], tuple[Any, int]]:
    if field.kind == "b":
        return _hex_reader(path) if field.form == "hex" else _binary_reader(path)
    if field.form == "bcd":
        return _bcd_reader(field, path)
    return _text_reader(field, path)


def _binary_reader(path: str) -> Callable[[bytes, int, int], tuple[bytes, int]]:
    def read(data: bytes, at: int, size: int) -> tuple[bytes, int]:
        return _cut(data, at, size, path), at + size

    return read


def _hex_reader(path: str) -> Callable[[bytes, int, int], tuple[bytes, int]]:
    def read(data: bytes, at: int, size: int) -> tuple[bytes, int]:
        raw = _cut(data, at, size * 2, path)
        try:
            value = bytes.fromhex(raw.decode("ascii"))
        except ValueError:
            value = b""
        if len(value) != size:  # fromhex passes over blanks
            raise DecodeError("not hex digits", path, at, raw)
        return value, at + size * 2

    return read


def _text_reader(field: Field, path: str) -> Callable[[bytes, int, int], tuple[str, int]]:
    charset, kind, sign = field.form, field.kind, int(field.kind == "x+n")
    alphabet = _ALPHABETS.get(kind)
    trim = field.fill if field.trim and field.fixed else ""
    left = field.pad == "left"

    def read(data: bytes, at: int, size: int) -> tuple[str, int]:
        raw = data[at : at + size + sign]
        if len(raw) < size + sign:
            _cut(data, at, size + sign, path)
        try:
            value = raw.decode(charset)
        except UnicodeDecodeError as error:
            raise DecodeError(f"not {charset}", path, at + error.start, raw) from None
        if alphabet is not None and alphabet.fullmatch(value) is None:
            raise DecodeError(f"not {_SAYS[kind]}", path, at, raw)
        if trim:
            value = value.lstrip(trim) if left else value.rstrip(trim)
        return value, at + size + sign

    return read


def _bcd_reader(field: Field, path: str) -> Callable[[bytes, int, int], tuple[str, int]]:
    left, fill = field.pad == "left", field.fill.lower()
    sign, track = int(field.kind == "x+n"), field.kind == "z"

    def read(data: bytes, at: int, size: int) -> tuple[str, int]:
        octets = sign + (size + 1) // 2
        raw = _cut(data, at, octets, path)
        digits = raw[sign:].hex()
        if size % 2:
            nibble, digits = (digits[0], digits[1:]) if left else (digits[-1], digits[:-1])
            if nibble != fill:
                raise DecodeError(f"the nibble that pads it is not {field.fill}", path, at, raw)
        if track:
            digits = digits.replace("d", SEPARATOR)
        if not digits.replace(SEPARATOR, "").isdigit() and digits.strip(SEPARATOR):
            raise DecodeError("not digits", path, at, raw)
        if sign and raw[:1] not in (b"C", b"D"):
            raise DecodeError("not C or D + digits", path, at, raw)
        return raw[:sign].decode("ascii") + digits, at + octets

    return read


def _data_writer(field: Field, path: str) -> Callable[[Any], tuple[bytes, int]]:
    """The octets of a value and its size in units."""
    if field.kind == "b":
        return _binary_writer(field, path)
    return _bcd_writer(field, path) if field.form == "bcd" else _text_writer(field, path)


def _binary_writer(field: Field, path: str) -> Callable[[Any], tuple[bytes, int]]:
    fixed, size, as_hex = field.fixed, field.size, field.form == "hex"

    def write(value: Any) -> tuple[bytes, int]:
        if not isinstance(value, bytes):
            raise EncodeError("octets are needed", path)
        if fixed and len(value) != size:
            raise EncodeError(f"{size} octets are needed, {len(value)} are given", path)
        return (value.hex().upper().encode("ascii") if as_hex else value), len(value)

    return write


def _text_writer(field: Field, path: str) -> Callable[[Any], tuple[bytes, int]]:
    charset, kind, sign = field.form, field.kind, int(field.kind == "x+n")
    alphabet = _ALPHABETS.get(kind)
    size, fixed, left = field.size + sign, field.fixed, field.pad == "left"
    fill = field.fill.encode(charset)
    digits = fixed and kind == "n" and charset == "ascii"

    def write(value: Any) -> tuple[bytes, int]:
        if not isinstance(value, str):
            raise EncodeError("text is needed", path)
        try:
            raw = value.encode(charset)
        except UnicodeEncodeError:
            raise EncodeError(f"not {charset}", path) from None
        if not fixed and alphabet is None:
            return raw, len(raw) - sign
        if digits and len(raw) == size and raw.isdigit():
            return raw, size
        if fixed and len(raw) != size:
            if len(raw) > size or sign:
                raise EncodeError(f"{size} characters are needed, {len(raw)} are given", path)
            lack = fill * (size - len(raw))
            raw = lack + raw if left else raw + lack
            value = raw.decode(charset)
        if alphabet is not None and alphabet.fullmatch(value) is None:
            raise EncodeError(f"not {_SAYS[kind]}", path)
        return raw, len(raw) - sign

    return write


def _bcd_writer(field: Field, path: str) -> Callable[[Any], tuple[bytes, int]]:
    left, fill, size = field.pad == "left", field.fill, field.size
    plain_digits = field.fixed and field.kind == "n" and size % 2 == 0
    sign, track = int(field.kind == "x+n"), field.kind == "z"

    def write(value: Any) -> tuple[bytes, int]:
        if not isinstance(value, str):
            raise EncodeError("text is needed", path)
        if plain_digits and len(value) == size and value.isascii() and value.isdigit():
            return bytes.fromhex(value), size
        head, digits = value[:sign], value[sign:]
        if field.fixed and len(digits) < size and not sign and not track:
            digits = digits.zfill(size)
        if field.fixed and len(digits) != size:
            raise EncodeError(f"{size} digits are needed, {len(digits)} are given", path)
        bare = digits.replace(SEPARATOR, "") if track else digits
        if (bare and not (bare.isascii() and bare.isdigit())) or (sign and head not in ("C", "D")):
            raise EncodeError(f"not {_SAYS.get(field.kind, 'digits')}", path)
        count, nibbles = len(digits), digits.replace(SEPARATOR, "D")
        if count % 2:
            nibbles = fill + nibbles if left else nibbles + fill
        return head.encode("ascii") + bytes.fromhex(nibbles), count

    return write
