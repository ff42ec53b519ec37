"""The code in DE64 or DE128 of a dialect: put on what we send, checked on what was received.

Checking works on the octets as they came, never on a message written anew.
"""

from collections.abc import Mapping, Sequence

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
    fields = {**message.fields, number: _empty(codec, number)}
    data = codec.encode(Message(message.mti, fields, message.header))
    code = _code(how, codec, _covered(how, codec, data, fields), number, key)
    if max(fields) == number:  # it ends the message: nothing is written twice
        last = codec.octets(number, code)
        return data[: -len(last)] + last
    return codec.encode(Message(message.mti, {**fields, number: code}, message.header))


def verify(
    dialect: Dialect, data: bytes, keys: Sequence[bytes], message: Message | None = None
) -> bytes:
    """The key under which the code is right, of those that may be in use. MacError, DecodeError.

    ``message``: what ``data`` was decoded to, if it was.
    """
    how, codec = _how(dialect), dialect.codec
    message = message or codec.decode(data)
    number = seal_field(list(message.fields))
    given = message.fields.get(number)
    if given is None:
        raise MacError("the message authentication code is missing", str(number), len(data))
    right, covered = None, _covered(how, codec, data, message.fields)
    for key in keys:
        wanted = _code(how, codec, covered, number, key)
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


def _empty(codec: Codec, number: int) -> str | bytes:
    field = codec.layout.fields[number]
    return bytes(field.size) if field.kind == "b" else "0" * field.size


def _code(how: MacDocument, codec: Codec, covered: bytes, number: int, key: bytes) -> str | bytes:
    """The value of the field: octets with zeros behind, or their hex text."""
    field = codec.layout.fields[number]
    code = mac.compute(how.algorithm, key, covered, how.padding)
    code = code[: how.octets]
    if field.kind == "b":
        return code[: field.size].ljust(field.size, b"\0")
    return code.hex().upper()[: field.size].ljust(field.size, "0")


def _covered(how: MacDocument, codec: Codec, data: bytes, fields: Mapping[int, object]) -> bytes:
    """The octets that the code is over. A fixed field that ends a message needs no search."""
    number = seal_field(list(fields))
    start = 0 if how.covers == "header" else codec.layout.header
    if not how.fields and max(fields) == number and codec.layout.fields[number].fixed:
        return data[start : len(data) - len(codec.octets(number, _empty(codec, number)))]
    _, spans = codec.spans(data)
    places = {span.path: data[span.offset : span.offset + span.length] for span in spans}
    if how.fields:
        return b"".join(places.get(str(each), b"") for each in how.fields)
    end = next(span.offset for span in spans if span.path == str(number))
    return data[start:end]
