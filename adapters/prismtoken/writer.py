"""Values to octets: the Thrift binary protocol, by the field tables.

Integers are big-endian two's complement, doubles IEEE 754, texts UTF-8 behind an i32 length; a
struct is fields of (type, i16 id, value) and a closing zero.
"""

import struct
from collections.abc import Callable
from typing import Any

from adapters.prismtoken.errors import EncodeError
from adapters.prismtoken.tables import Field, Kind, Limits, Struct, WireType, table

_HEAD = struct.Struct(">bh")
_SIZE = struct.Struct(">i")
_SIZED = struct.Struct(">bi")
_MAP = struct.Struct(">bbi")
_DOUBLE = struct.Struct(">d")
_INTEGERS = {
    WireType.I16: struct.Struct(">h"),
    WireType.I32: struct.Struct(">i"),
    WireType.I64: struct.Struct(">q"),
}
_LIMITS = Limits()


def write_struct(value: Struct) -> bytes:
    """A struct with its closing zero. Error: EncodeError."""
    out = bytearray()
    _struct(out, value, "")
    return bytes(out)


def write_field(field: Field, value: Any) -> bytes:
    """One field with its head; ``value`` is not None. Error: EncodeError."""
    out = bytearray()
    _field(out, field, value, field.name)
    return bytes(out)


def _field(out: bytearray, field: Field, value: Any, where: str) -> None:
    out += _HEAD.pack(field.kind.wire, field.id)
    _WRITERS[field.kind.wire](out, field.kind, value, where)


def _struct(out: bytearray, value: Struct, where: str) -> None:
    for field in table(type(value)):
        one = getattr(value, field.attribute)
        if one is not None:
            _field(out, field, one, f"{where}.{field.name}" if where else field.name)
        elif field.required:
            raise EncodeError("is required", f"{where}.{field.name}" if where else field.name)
    out.append(WireType.STOP)


def _struct_value(out: bytearray, kind: Kind, value: Any, where: str) -> None:
    if type(value) is not kind.struct:
        raise EncodeError(f"a {type(value).__name__} is not the struct of this field", where)
    _struct(out, value, where)


def _bool(out: bytearray, kind: Kind, value: Any, where: str) -> None:  # noqa: ARG001
    if not isinstance(value, bool):
        raise EncodeError("is a bool", where)
    out.append(value)


def _integer(out: bytearray, kind: Kind, value: Any, where: str) -> None:
    try:
        if isinstance(value, bool):
            raise EncodeError("is an integer", where)
        out += _INTEGERS[kind.wire].pack(value)
    except struct.error as error:
        raise EncodeError(f"does not fit {kind.wire.name}: {value!r}", where) from error


def _double(out: bytearray, kind: Kind, value: Any, where: str) -> None:  # noqa: ARG001
    if not isinstance(value, float):
        raise EncodeError("is a float", where)
    out += _DOUBLE.pack(value)


def _text(out: bytearray, kind: Kind, value: Any, where: str) -> None:  # noqa: ARG001
    if not isinstance(value, str):
        raise EncodeError("is a text", where)
    try:
        octets = value.encode()
    except UnicodeEncodeError as error:
        raise EncodeError("has a lone surrogate, which UTF-8 has not", where) from error
    if len(octets) > _LIMITS.string:
        raise EncodeError(f"has {len(octets)} octets; at most {_LIMITS.string}", where)
    out += _SIZE.pack(len(octets)) + octets


def _elements(value: Any, where: str) -> None:
    if len(value) > _LIMITS.elements:
        raise EncodeError(f"has {len(value)} elements; at most {_LIMITS.elements}", where)


def _list(out: bytearray, kind: Kind, value: Any, where: str) -> None:
    if not isinstance(value, tuple) or kind.of is None:
        raise EncodeError("is a tuple", where)
    _elements(value, where)
    out += _SIZED.pack(kind.of.wire, len(value))
    for place, one in enumerate(value):
        _WRITERS[kind.of.wire](out, kind.of, one, f"{where}[{place}]")


def _map(out: bytearray, kind: Kind, value: Any, where: str) -> None:
    if not isinstance(value, dict) or kind.of is None or kind.key is None:
        raise EncodeError("is a dict", where)
    _elements(value, where)
    out += _MAP.pack(kind.key.wire, kind.of.wire, len(value))
    for key, one in value.items():
        _WRITERS[kind.key.wire](out, kind.key, key, f"{where}.key")
        _WRITERS[kind.of.wire](out, kind.of, one, f"{where}[{key!r}]")


_WRITERS: dict[WireType, Callable[[bytearray, Kind, Any, str], None]] = {
    WireType.BOOL: _bool,
    WireType.I16: _integer,
    WireType.I32: _integer,
    WireType.I64: _integer,
    WireType.DOUBLE: _double,
    WireType.STRING: _text,
    WireType.STRUCT: _struct_value,
    WireType.LIST: _list,
    WireType.MAP: _map,
}
