"""The length in front of a variable field, in its four forms."""

from collections.abc import Callable
from typing import Final

from adapters.iso8583.errors import DecodeError
from adapters.iso8583.spec import Field

#: (octets, place) → (length, place after it)
Reader = Callable[[bytes, int], tuple[int, int]]
Writer = Callable[[int], bytes]

_EBCDIC_ZERO: Final = 0xF0


def octets_of(field: Field) -> int:
    """How many octets the prefix takes."""
    if field.prefix in ("bcd", "binary"):
        return (field.digits + 1) // 2
    return field.digits


def reader(field: Field, path: str) -> Reader:
    """Reads the prefix of a field. DecodeError: cut off, or not a number."""
    wide, number = octets_of(field), _NUMBERS[field.prefix]

    def read(data: bytes, at: int) -> tuple[int, int]:
        raw = data[at : at + wide]
        if len(raw) < wide:
            raise DecodeError("the message ends inside its length", path, at, raw)
        length = number(raw)
        if length < 0:
            raise DecodeError("its length is not a number", path, at, raw)
        return length, at + wide

    return read


def writer(field: Field) -> Writer:
    """Writes the prefix of a field; whoever calls has seen that the length fits."""
    wide, digits = octets_of(field), field.digits
    if field.prefix == "binary":
        return lambda length: length.to_bytes(wide, "big")
    if field.prefix == "bcd":
        return lambda length: bytes.fromhex(f"{length:0{wide * 2}d}")
    if field.prefix == "ebcdic":
        return lambda length: f"{length:0{digits}d}".encode("cp500")
    return lambda length: b"%0*d" % (digits, length)


def _ascii(raw: bytes) -> int:
    return int(raw) if raw.isdigit() else -1


def _bcd(raw: bytes) -> int:
    digits = raw.hex()
    return int(digits) if digits.isdigit() else -1


def _ebcdic(raw: bytes) -> int:
    if not all(_EBCDIC_ZERO <= octet <= _EBCDIC_ZERO + 9 for octet in raw):
        return -1
    return int(raw.decode("cp500"))


def _binary(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


_NUMBERS: Final[dict[str, Callable[[bytes], int]]] = {
    "ascii": _ascii,
    "bcd": _bcd,
    "ebcdic": _ebcdic,
    "binary": _binary,
}
