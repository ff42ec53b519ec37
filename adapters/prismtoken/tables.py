"""Field tables of Thrift structs: class bodies whose annotations say how a field lies on the wire.

A field's annotation is its id and its kind; its name on the wire is its Python name in camel case,
used in what errors say and never sent. A field without a default is required. Thrift binary
protocol, "TType" and "struct encoding"; facts topic "PrismToken Thrift".
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import ClassVar, NamedTuple, get_type_hints

import msgspec


class WireType(IntEnum):
    """The octet in front of a field or of a container's elements."""

    STOP = 0
    BOOL = 2
    BYTE = 3
    DOUBLE = 4
    I16 = 6
    I32 = 8
    I64 = 10
    STRING = 11
    STRUCT = 12
    MAP = 13
    SET = 14
    LIST = 15
    UUID = 16


class Struct(msgspec.Struct, frozen=True, gc=False):
    """The root of all structs of the wire. What ``secret`` names shows as dots in a ``repr``."""

    secret: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        hidden = type(self).secret
        texts = (
            f"{name}={'…' if name in hidden else repr(getattr(self, name))}"
            for name in self.__struct_fields__
        )
        return f"{type(self).__name__}({', '.join(texts)})"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value is: its wire type, of a container its elements, of a map its keys too."""

    wire: WireType
    of: "Kind | None" = None
    key: "Kind | None" = None
    struct: type[Struct] | None = None


BOOL = Kind(WireType.BOOL)
I16 = Kind(WireType.I16)
I32 = Kind(WireType.I32)
I64 = Kind(WireType.I64)
DOUBLE = Kind(WireType.DOUBLE)
TEXT = Kind(WireType.STRING)


def list_of(kind: Kind) -> Kind:
    """A list; a tuple in Python."""
    return Kind(WireType.LIST, of=kind)


def map_of(key: Kind, value: Kind) -> Kind:
    """A map; a dict in Python."""
    return Kind(WireType.MAP, of=value, key=key)


def struct_of(struct: type[Struct]) -> Kind:
    """A struct of a class."""
    return Kind(WireType.STRUCT, struct=struct)


class At(NamedTuple):
    """The annotation of a field: its id and kind."""

    id: int
    kind: Kind


class Field(NamedTuple):
    """A row of a field table. ``attribute`` is the Python name, ``name`` that of the API."""

    id: int
    kind: Kind
    name: str
    attribute: str
    required: bool


def camel(attribute: str) -> str:
    """``token_dec`` as the API spells it: ``tokenDec``."""
    first, *rest = attribute.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


@cache
def table(struct: type[Struct]) -> tuple[Field, ...]:
    """The field table of a class, by field id."""
    hints = get_type_hints(struct, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(struct):
        (at,) = (mark for mark in hints[field.name].__metadata__ if isinstance(mark, At))
        required = field.default is msgspec.NODEFAULT and (
            field.default_factory is msgspec.NODEFAULT
        )
        rows.append(Field(at.id, at.kind, camel(field.name), field.name, required))
    rows.sort()
    assert len({row.id for row in rows}) == len(rows), struct
    return tuple(rows)


@cache
def by_id(struct: type[Struct]) -> dict[int, Field]:
    """The same, by field id: what a reader looks up."""
    return {row.id: row for row in table(struct)}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a message may measure, with the reason of each limit."""

    # A key change set with its credit is below 4 KiB; the status of a tree of a hundred modules
    # has some 100 KiB.
    frame: int = 256 * 1024
    string: int = 64 * 1024  # the longest text of the API is ping's echo, 65,535 characters
    elements: int = 4096  # of one list or map: far above any tree of modules
    depth: int = 16  # the API nests 4 deep; unknown fields of later versions may go further
