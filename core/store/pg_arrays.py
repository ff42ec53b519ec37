"""Arrays on the wire of PostgreSQL, in binary form, written in one go.

psycopg dumps a list element by element in Python, with a regular expression over every text: half
of a worker's time at 256 envelopes a batch. These two kinds are all that the hot path sends.
"""

import struct
from collections.abc import Sequence
from typing import Any

from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

from core.store.tx import Row, column_kinds

_INT8, _INT8_ARRAY = 20, 1016
_TEXT, _TEXT_ARRAY = 25, 1009
_HEADER = struct.Struct(">iiiii")  # dimensions, has nulls, element type, length, lower bound
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)
_SHORT = 2_048  # envelopes, the longest that every message has, are about half of that
_SIZES = [_LENGTH.pack(number) for number in range(_SHORT)]


class BigintArray:
    """A list of integers or None, for ``bigint[]``."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[int | None]) -> None:
        self.items = items


class TextArray:
    """A list of texts or None, for ``text[]``."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[str | None]) -> None:
        self.items = items


def as_array(items: Sequence[Any]) -> BigintArray | TextArray | list[Any]:
    """The array for a list parameter, by its first element; an empty one fits any column."""
    if not items:
        return []
    return TextArray(items) if isinstance(items[0], str) else BigintArray(items)


def columnar(
    table: str, columns: Sequence[str], rows: Sequence[Row]
) -> list[BigintArray | TextArray]:
    """Rows of a table as one array per column."""
    kinds = column_kinds(table)
    return [
        TextArray(column) if kinds[name] == "text" else BigintArray(column)
        for name, column in zip(columns, zip(*rows, strict=True), strict=True)
    ]


def _header(element: int, items: Sequence[Any], nulls: bool) -> bytes:
    if not items:
        return struct.pack(">iii", 0, 0, element)
    return _HEADER.pack(1, int(nulls), element, len(items), 1)


class BigintArrayDumper(Dumper):
    """Binary ``bigint[]``."""

    format = Format.BINARY
    oid = _INT8_ARRAY

    def dump(self, obj: BigintArray) -> Buffer:
        """Eight octets each, with their length in front."""
        items = obj.items
        if None in items:
            parts = [_NULL if item is None else struct.pack(">iq", 8, item) for item in items]
            return _header(_INT8, items, True) + b"".join(parts)
        flat: list[int] = [8] * (2 * len(items))
        flat[1::2] = items  # type: ignore[assignment] # no None is left
        return _header(_INT8, items, False) + struct.pack(">" + "iq" * len(items), *flat)


def _sized(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


class TextArrayDumper(Dumper):
    """Binary ``text[]``."""

    format = Format.BINARY
    oid = _TEXT_ARRAY

    def dump(self, obj: TextArray) -> Buffer:
        """UTF-8, with the length in front."""
        items = obj.items
        if None in items:
            parts = [_NULL if item is None else _sized(item.encode()) for item in items]
            return _header(_TEXT, items, True) + b"".join(parts)
        texts = [item.encode() for item in items]  # type: ignore[union-attr] # no None is left
        flat: list[bytes] = [b""] * (2 * len(texts))
        flat[::2] = [_SIZES[n] if (n := len(text)) < _SHORT else _LENGTH.pack(n) for text in texts]
        flat[1::2] = texts
        return _header(_TEXT, items, False) + b"".join(flat)


def register(connection: Any) -> None:
    """Let a connection know both kinds."""
    connection.adapters.register_dumper(BigintArray, BigintArrayDumper)
    connection.adapters.register_dumper(TextArray, TextArrayDumper)
