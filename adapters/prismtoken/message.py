"""Messages of an RPC: call, reply and exception, with the strict header of the binary protocol.

The header is 0x8001, a zero octet and the type in one i32, the method's name, and a sequence number
that the reply repeats. The old form without a version is refused.
"""

import struct
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, NamedTuple

from adapters.prismtoken.errors import DecodeError
from adapters.prismtoken.framing import framed
from adapters.prismtoken.reader import Reader
from adapters.prismtoken.tables import I32, TEXT, At, Field, Kind, Limits, Struct, struct_of, table
from adapters.prismtoken.writer import write_field, write_struct

_VERSION = 0x80010000
_HEAD = struct.Struct(">I")
_SEQUENCE = struct.Struct(">i")
LAST_SEQUENCE = 0x7FFFFFFF


class MessageType(IntEnum):
    """What a message is. ONEWAY has no reply; this API has none of them."""

    CALL = 1
    REPLY = 2
    EXCEPTION = 3
    ONEWAY = 4


class Head(NamedTuple):
    """The header of a message; its body begins at ``offset`` of ``frame``."""

    type: MessageType
    method: str
    sequence: int
    frame: bytes
    offset: int


class ApplicationException(Struct, frozen=True, gc=False):
    """What a server says that could not serve a call; ``type`` as in :class:`Fault`."""

    message: Annotated[str | None, At(1, TEXT)] = None
    type: Annotated[int | None, At(2, I32)] = None


class Fault(IntEnum):
    """The types of Thrift's TApplicationException."""

    UNKNOWN = 0
    UNKNOWN_METHOD = 1
    INVALID_MESSAGE_TYPE = 2
    WRONG_METHOD_NAME = 3
    BAD_SEQUENCE_ID = 4
    MISSING_RESULT = 5
    INTERNAL_ERROR = 6
    PROTOCOL_ERROR = 7
    INVALID_TRANSFORM = 8
    INVALID_PROTOCOL = 9
    UNSUPPORTED_CLIENT_TYPE = 10


class ApiError(Struct, frozen=True, gc=False):
    """ApiException as data: its id (a key of the table in :mod:`.codes`) and English sentence."""

    e_code: Annotated[str, At(1, TEXT)]
    e_msg_en: Annotated[str, At(2, TEXT)]


def encode(kind: MessageType, method: str, sequence: int, body: bytes) -> bytes:
    """A whole frame. ``body`` is a struct with its closing zero."""
    name = method.encode("ascii")
    head = _HEAD.pack(_VERSION | kind) + _HEAD.pack(len(name)) + name + _SEQUENCE.pack(sequence)
    return framed(head + body)


def encode_struct(kind: MessageType, method: str, sequence: int, body: Struct) -> bytes:
    """A whole frame around a struct. Error: EncodeError."""
    return encode(kind, method, sequence, write_struct(body))


def encode_result(method: str, sequence: int, result: Any, kind: Kind) -> bytes:
    """The reply to a call: what it returned (field 0), or its ApiError (field 1)."""
    rows = _result(kind)
    row = rows[1] if type(result) is ApiError else rows[0]
    return encode(MessageType.REPLY, method, sequence, write_field(row, result) + b"\0")


def decode_head(frame: bytes, limits: Limits | None = None) -> Head:
    """The header of a frame. Error: DecodeError."""
    reader = Reader(frame, 0, limits)
    version = reader.i32() & 0xFFFFFFFF
    if version & 0xFFFFFF00 != _VERSION:
        raise DecodeError(f"version 0x{version:08X} is not strict binary 1", 0)
    try:
        kind = MessageType(version & 0xFF)
    except ValueError as error:
        raise DecodeError(f"no message has the type {version & 0xFF}", 3) from error
    return Head(kind, reader.text(), reader.i32(), frame, reader.at)


def decode_struct(head: Head, kind: type[Struct], limits: Limits | None = None) -> Any:
    """The body of a message as a struct. Error: DecodeError."""
    reader = Reader(head.frame, head.offset, limits)
    value = reader.struct(kind)
    reader.end()
    return value


def decode_result(head: Head, kind: Kind, limits: Limits | None = None) -> Any:
    """What a call returned, or its :class:`ApiError`. Error: DecodeError, also without either."""
    reader = Reader(head.frame, head.offset, limits)
    values = reader.fields(_result(kind))
    reader.end()
    if len(values) != 1:
        raise DecodeError("a result has either success or an ApiException", head.offset)
    return next(iter(values.values()))


@cache
def _result(kind: Kind) -> dict[int, Field]:
    """The field table of a method's result."""
    return {
        0: Field(0, kind, "success", "success", False),
        1: Field(1, struct_of(ApiError), "ex1", "error", False),
    }


assert table(ApiError)  # a wrong table is found when this module is imported
