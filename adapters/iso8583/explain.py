"""A message for people: every field with its name, its octets and its value, masked."""

from dataclasses import replace
from typing import Any

from adapters.iso8583.codec import Codec, Span
from adapters.iso8583.errors import DecodeError
from adapters.iso8583.message import Message, mask, plain
from adapters.iso8583.vocabulary import describe


def explain(codec: Codec, data: bytes) -> dict[str, Any]:
    """A JSON-able dict. DecodeError as from the codec."""
    message, spans = codec.spans(data)
    return {
        "dialect": codec.layout.name,
        "header": message.header.hex().upper(),
        "mti": message.mti,
        "meaning": describe(message.mti),
        "octets": len(data),
        "fields": {str(n): plain(mask(n, value)) for n, value in message.fields.items()},
        "layout": [_row(codec, message, span) for span in spans],
    }


def partial(error: DecodeError) -> dict[str, Any]:
    """What an error knows, for people: masked as a message is."""
    return {
        "error": error.why,
        "path": error.path,
        "offset": error.offset,
        "fields": {str(n): plain(mask(n, value)) for n, value in error.partial.items()},
    }


def _row(codec: Codec, message: Message, span: Span) -> dict[str, Any]:
    row: dict[str, Any] = {"field": span.path, "offset": span.offset, "octets": span.length}
    field = codec.layout.fields.get(int(span.path)) if span.path.isdigit() else None
    if field is not None:
        row["name"] = field.name
        row["is"] = notation_of(replace(field, parts=None))
        row["value"] = plain(mask(field.number, message.fields[field.number]))
    return row


def notation_of(field: Any) -> str:
    """A field as the standard writes it, and its form: ``n..19 bcd``."""
    dots = "." * field.digits
    return f"{field.kind}{dots}{field.size} {field.form}"
