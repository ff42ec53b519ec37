"""Octets to values: the Thrift binary protocol, by the field tables. Unknown fields are skipped.

Stricter than Thrift's own libraries where money hangs on it: a known field of another type, a
field that comes twice, a bool that is neither 0 nor 1 and octets after the end are errors.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any

from adapters.prismtoken.errors import DecodeError
from adapters.prismtoken.tables import Field, Kind, Limits, Struct, WireType, by_id

_I16 = struct.Struct(">h")
_I32 = struct.Struct(">i")
_I64 = struct.Struct(">q")
_DOUBLE = struct.Struct(">d")
# Types of one size, and how they are read (BYTE and UUID are only skipped).
_FIXED = {WireType.DOUBLE: _DOUBLE, WireType.I16: _I16, WireType.I32: _I32, WireType.I64: _I64}
_SKIP = {
    **{wire_type: form.size for wire_type, form in _FIXED.items()},
    WireType.BOOL: 1,
    WireType.BYTE: 1,
    WireType.UUID: 16,
}


class Reader:
    """Reads one frame from ``at`` on. All its methods raise only DecodeError."""

    def __init__(self, data: bytes, at: int = 0, limits: Limits | None = None) -> None:
        self.data = data
        self.at = at
        self._limits = limits or Limits()
        self._depth = 0

    # --- small things --------------------------------------------------------------------------

    def take(self, count: int) -> int:
        """The offset of the next ``count`` octets, which are there."""
        at = self.at
        if count > len(self.data) - at:
            raise DecodeError(f"needs {count} octets, there are {len(self.data) - at}", at)
        self.at = at + count
        return at

    def i32(self) -> int:
        """A signed 32-bit integer."""
        value: int = _I32.unpack_from(self.data, self.take(4))[0]
        return value

    def text(self) -> str:
        """UTF-8 behind its length."""
        size = self.i32()
        if not 0 <= size <= self._limits.string:
            raise DecodeError(f"a text of {size} octets", self.at - 4)
        at = self.take(size)
        try:
            return self.data[at : at + size].decode()
        except UnicodeDecodeError as error:
            raise DecodeError(f"no UTF-8: {error.reason}", at + error.start) from error

    def end(self) -> None:
        """Nothing is left."""
        if self.at != len(self.data):
            raise DecodeError(f"{len(self.data) - self.at} octets after the end", self.at)

    def _wire_type(self, at: int) -> WireType:
        try:
            return WireType(self.data[at])
        except ValueError as error:
            raise DecodeError(f"no type has the number {self.data[at]}", at) from error

    def _size(self) -> int:
        size = self.i32()
        if not 0 <= size <= self._limits.elements:
            raise DecodeError(f"{size} elements", self.at - 4)
        if size > len(self.data) - self.at:  # the smallest element has an octet
            raise DecodeError(f"{size} elements in {len(self.data) - self.at} octets", self.at - 4)
        return size

    def _down(self) -> None:
        self._depth += 1
        if self._depth > self._limits.depth:
            raise DecodeError(f"nested deeper than {self._limits.depth}", self.at)

    # --- structs -------------------------------------------------------------------------------

    def fields(self, known: Mapping[int, Field]) -> dict[str, Any]:
        """The fields of a struct by their Python names, up to its end."""
        self._down()
        values: dict[str, Any] = {}
        while found := self.data[self.take(1)]:
            at = self.at - 1
            (number,) = _I16.unpack_from(self.data, self.take(2))
            row = known.get(number)
            try:
                if row is None:
                    self.skip(self._wire_type(at))
                    continue
                if row.kind.wire != found:
                    got = self._wire_type(at).name
                    raise DecodeError(f"is {got}, not {row.kind.wire.name}", at)
                if row.attribute in values:
                    raise DecodeError("comes twice", at)
                values[row.attribute] = self.value(row.kind)
            except DecodeError as error:
                error.inside(row.name if row is not None else f"(field {number})")
                raise
        for row in known.values():
            if row.required and row.attribute not in values:
                missing = DecodeError("is missing", self.at - 1)
                missing.inside(row.name)
                raise missing
        self._depth -= 1
        return values

    def struct(self, kind: type[Struct]) -> Any:
        """A struct of a class; what is missing and not required has its default."""
        return kind(**self.fields(by_id(kind)))

    def value(self, kind: Kind) -> Any:
        """A value of a known kind."""
        form = _FIXED.get(kind.wire)
        if form is not None:
            return form.unpack_from(self.data, self.take(form.size))[0]
        return _READERS[kind.wire](self, kind)

    # --- containers ----------------------------------------------------------------------------

    def _elements(self, kinds: tuple[Kind | None, ...]) -> int:
        """How many elements a container of these kinds has; some writers give an empty one any."""
        at = self.take(len(kinds))
        size = self._size()
        for place, kind in enumerate(kinds):
            assert kind is not None
            found = self.data[at + place]
            if size and found != kind.wire:
                raise DecodeError(f"elements of type {found}, not {kind.wire.name}", at + place)
        return size

    def sequence(self, kind: Kind) -> tuple[Any, ...]:
        """A list."""
        assert kind.of is not None
        self._down()
        values = []
        for place in range(self._elements((kind.of,))):
            try:
                values.append(self.value(kind.of))
            except DecodeError as error:
                error.inside(f"[{place}]")
                raise
        self._depth -= 1
        return tuple(values)

    def mapping(self, kind: Kind) -> dict[Any, Any]:
        """A map; a key that comes twice is an error."""
        assert kind.of is not None
        assert kind.key is not None
        self._down()
        values: dict[Any, Any] = {}
        for place in range(self._elements((kind.key, kind.of))):
            try:
                at = self.at
                key = self.value(kind.key)
                if key in values:
                    raise DecodeError("a key comes twice", at)
                values[key] = self.value(kind.of)
            except DecodeError as error:
                error.inside(f"[{place}]")
                raise
        self._depth -= 1
        return values

    def boolean(self) -> bool:
        """0 or 1: readers of other languages disagree about the rest."""
        at = self.take(1)
        if self.data[at] > 1:
            raise DecodeError(f"a bool of {self.data[at]}", at)
        return self.data[at] == 1

    def skip(self, kind: WireType) -> None:
        """Passes over a value of an unknown field."""
        size = _SKIP.get(kind)
        if size is not None:
            self.take(size)
        elif kind is WireType.STRING:
            self._skip_text()
        elif kind is WireType.STRUCT:
            self.fields({})
        elif kind is WireType.STOP:
            raise DecodeError("STOP is no type of a value", self.at)
        else:
            self._skip_elements(2 if kind is WireType.MAP else 1)

    def _skip_text(self) -> None:
        size = self.i32()
        if not 0 <= size <= self._limits.string:
            raise DecodeError(f"a text of {size} octets", self.at - 4)
        self.take(size)

    def _skip_elements(self, width: int) -> None:
        self._down()
        at = self.take(width)
        size = self._size()
        if size:
            types = [self._wire_type(at + place) for place in range(width)]
            for _ in range(size):
                for one in types:
                    self.skip(one)
        self._depth -= 1


def _struct_value(reader: Reader, kind: Kind) -> Any:
    assert kind.struct is not None
    return reader.struct(kind.struct)


_READERS: dict[WireType, Callable[[Reader, Kind], Any]] = {
    WireType.BOOL: lambda reader, _: reader.boolean(),
    WireType.STRING: lambda reader, _: reader.text(),
    WireType.STRUCT: _struct_value,
    WireType.LIST: Reader.sequence,
    WireType.MAP: Reader.mapping,
}
