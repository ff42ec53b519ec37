"""The code in DE64 or DE128 of a dialect: put on what we send, checked on what was received.

Checking works on the octets as they came, never on a message written anew.
"""

from collections.abc import Sequence

from adapters.iso8583 import mac
from adapters.iso8583.codec import Codec
from adapters.iso8583.document import Dialect, MacDocument
from adapters.iso8583.errors import DialectError, EncodeError, MacError
from adapters.iso8583.message import Message


def seal_field(numbers: Sequence[int]) -> int:
    """The last field of the bitmap in use: 64, or 128 if there is a second one."""
    return 128 if any(number > 64 for number in numbers) else 64


def sealed(dialect: Dialect, message: Message, key: bytes) -> bytes:
    """The octets of a message with its code in place. EncodeError, KeyFault."""
    how, codec = _how(dialect), dialect.codec
    number = seal_field(list(message.fields))
    field = codec.layout.fields[number]
    if not field.fixed:
        raise EncodeError("the field of the code is fixed", str(number))
    empty = bytes(field.size) if field.kind == "b" else "0" * field.size
    data = codec.encode(Message(message.mti, {**message.fields, number: empty}, message.header))
    code = _code(how, codec, data, number, key)
    return codec.encode(Message(message.mti, {**message.fields, number: code}, message.header))


def verify(dialect: Dialect, data: bytes, keys: Sequence[bytes]) -> bytes:
    """The key under which the code is right, of those that may be in use. MacError, DecodeError."""
    how, codec = _how(dialect), dialect.codec
    message = codec.decode(data)
    number = seal_field(list(message.fields))
    given = message.fields.get(number)
    if given is None:
        raise MacError("the message authentication code is missing", str(number), len(data))
    right = None
    for key in keys:
        wanted = _code(how, codec, data, number, key)
        try:
            mac.check(_octets(given), _octets(wanted), str(number), len(data))
        except MacError:
            continue
        right = right or key
    if right is None:
        raise MacError("the message authentication code is wrong", str(number), len(data))
    return right


def _how(dialect: Dialect) -> MacDocument:
    if dialect.mac is None:
        raise DialectError(f"{dialect.name} says nothing of a code", "mac")
    return dialect.mac


def _octets(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.upper().encode("utf-8")


def _code(how: MacDocument, codec: Codec, data: bytes, number: int, key: bytes) -> str | bytes:
    """The value of the field: octets with zeros behind, or their hex text."""
    field = codec.layout.fields[number]
    code = mac.compute(how.algorithm, key, _covered(how, codec, data, number), how.padding)
    code = code[: how.octets]
    if field.kind == "b":
        return code[: field.size].ljust(field.size, b"\0")
    return code.hex().upper()[: field.size].ljust(field.size, "0")


def _covered(how: MacDocument, codec: Codec, data: bytes, number: int) -> bytes:
    _, spans = codec.spans(data)
    places = {span.path: data[span.offset : span.offset + span.length] for span in spans}
    if how.fields:
        return b"".join(places.get(str(each), b"") for each in how.fields)
    end = next(span.offset for span in spans if span.path == str(number))
    return data[0 if how.covers == "header" else codec.layout.header : end]
