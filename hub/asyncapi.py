"""The bus for outsiders: an AsyncAPI 3.0 document made of the very types that the hub decodes.

One channel per message type, whose message is the CloudEvents envelope with that type as ``data``;
commands are received and answered, notices and events are sent.
"""

from typing import Any, Final

import msgspec

from core.handlers.registry import HANDLERS
from core.messages import Answer, Event, SendNotice
from core.messages.base import MessageType, all_types
from core.messages.examples import ANSWER, EXAMPLES
from hub.billbulk import HANDLERS as BULK_HANDLERS
from hub.envelope import Envelope, body_bytes, payload_hash

ASYNCAPI: Final = "3.0.0"
_REF: Final = "#/components/schemas/{name}"
_INSTANT: Final = "2026-11-21T09:14:03.000000Z"
_ID: Final = "01a1fcb0-b6d0-701c-8000-000000000005"

Json = dict[str, Any]


def document(version: str) -> Json:
    """The whole document, as plain data."""
    types = all_types()
    structs = [*(each.struct for each in types), _envelope_without_data(), Answer]
    _, schemas = msgspec.json.schema_components(structs, ref_template=_REF)
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "Wattbus",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {**{_key(t): _channel(t) for t in types}, "answers": _ANSWERS},
        "operations": {_key(t): _operation(t) for t in types},
        "components": {
            "schemas": schemas,
            "messages": {**{_key(t): _message(t) for t in types}, "Answer": _answer()},
        },
    }


_DESCRIPTION: Final = (
    "The canonical messages. Each is a structured CloudEvents 1.0 envelope; `data` is the message. "
    "Money is an integer of minor units, quantities are integers of milli-units, instants in "
    "messages are integers of microseconds UTC. A command has a key (`idempotencykey`): under one "
    "key it is done once, and every repeat gets the stored answer. Every command ends in exactly "
    "one answer: done, refused or unknown; unknown is never a no."
)
_ANSWERS: Final[Json] = {
    "address": None,
    "title": "Answers to commands",
    "messages": {"Answer": {"$ref": "#/components/messages/Answer"}},
}


def _envelope_without_data() -> type[msgspec.Struct]:
    """The envelope's own fields; what ``data`` is, each message says."""
    fields = [field for field in msgspec.structs.fields(Envelope) if field.name != "data"]
    return msgspec.defstruct(
        "Envelope",
        [
            (f.name, f.type) if f.required else (f.name, f.type, f.default)
            for f in sorted(fields, key=lambda f: not f.required)
        ],
        namespace={"__doc__": Envelope.__doc__},
        tag_field="specversion",
        tag="1.0",
    )


def _key(entry: MessageType) -> str:
    """``CreditVend.v1`` of ``wattbus.vending.CreditVend.v1``, with a character less: ``_``."""
    return "_".join(entry.name.split(".")[-2:])


def _channel(entry: MessageType) -> Json:
    return {
        "address": entry.name,
        "messages": {_key(entry): {"$ref": f"#/components/messages/{_key(entry)}"}},
    }


def _operation(entry: MessageType) -> Json:
    key = _key(entry)
    ours = entry.struct is SendNotice or issubclass(entry.struct, Event)
    operation: Json = {
        "action": "send" if ours else "receive",
        "channel": {"$ref": f"#/channels/{key}"},
        "summary": _first_line(entry.struct),
    }
    if entry.name in HANDLERS or entry.name in BULK_HANDLERS:
        operation["reply"] = {
            "channel": {"$ref": "#/channels/answers"},
            "messages": [{"$ref": "#/channels/answers/messages/Answer"}],
        }
    return operation


def _message(entry: MessageType) -> Json:
    data = {"$ref": _REF.format(name=entry.struct.__name__)}
    envelope = {"$ref": _REF.format(name="Envelope")}
    of_type = {"properties": {"type": {"const": entry.name}, "data": data}}
    return {
        "name": entry.name,
        "title": entry.struct.__name__,
        "summary": _first_line(entry.struct),
        "contentType": "application/cloudevents+json",
        "payload": {"allOf": [envelope, of_type]},
        "x-hashed-fields": list(entry.hashed),
        "examples": [{"payload": _example(entry)}],
    }


def _example(entry: MessageType) -> Json:
    message = EXAMPLES[entry.name]
    envelope = Envelope(
        id=_ID,
        source="/wattbus/channel/sms",
        type=entry.name,
        subject="meter/04123456784",
        time=_INSTANT,
        recordedtime=_INSTANT,
        partitionkey="demo/100001",
        correlationid=_ID,
        company="demo",
        payloadhash=payload_hash(message),
        data=body_bytes(message),
    )
    shown: Json = msgspec.json.decode(msgspec.json.encode(envelope))
    return shown


def _answer() -> Json:
    return {
        "name": "Answer",
        "title": "Answer",
        "summary": _first_line(Answer),
        "contentType": "application/json",
        "payload": {"$ref": _REF.format(name="Answer")},
        "examples": [{"payload": msgspec.to_builtins(ANSWER)}],
    }


def _first_line(struct: type) -> str:
    return (struct.__doc__ or "").strip().split("\n")[0]
