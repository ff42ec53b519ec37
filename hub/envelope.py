"""The envelope: structured CloudEvents 1.0 JSON, written once as bytes.

The very bytes that are made here are journaled, hashed, published and replayed. Beside the
attributes of CloudEvents and its extensions (correlation, partitioning, recordedtime, expirytime,
distributed tracing, dataref) stand our own: company, idempotencykey, payloadhash, sourcemsgid,
replydeadline, testindicator. Facts about delivery are not here but in the delivery row.
"""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from core.messages import Message, name_of, struct_of
from core.messages.base import earlier_fields, hashed_fields
from hub.tracecontext import decided_under

#: A body above this is stored apart and referred to by ``dataref`` (bank files, load profiles).
MAX_INLINE_BYTES = 256 * 1024

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Envelope(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    tag_field="specversion",
    tag="1.0",
):
    """One canonical message on its way. Names are CloudEvents', hence without underscores."""

    id: str
    source: str
    type: str
    subject: str = ""
    time: str
    recordedtime: str
    partitionkey: str
    correlationid: str
    causationid: str = ""
    traceparent: str = ""
    expirytime: str = ""
    dataref: str = ""
    company: str
    idempotencykey: str = ""
    payloadhash: str = ""
    sourcemsgid: str = ""
    replydeadline: str = ""
    testindicator: bool = False
    datacontenttype: str = "application/json"
    data: msgspec.Raw = msgspec.Raw(b"null")


class EnvelopeError(ValueError):
    """Bytes that are no envelope of ours, or of a type that this version does not know."""


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Envelope)
_body_decoders: dict[str, "msgspec.json.Decoder[Message]"] = {}


def seal(envelope: Envelope) -> str:
    """The bytes of an envelope, as text."""
    return _encode(envelope).decode()


def unseal(text: str | bytes) -> Envelope:
    """Read an envelope; raises EnvelopeError with what was wrong and where."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EnvelopeError(f"not an envelope: {error}") from error


def body_of(envelope: Envelope) -> Message:
    """The message inside; raises EnvelopeError for an unknown type or a body that does not fit."""
    decoder = _body_decoders.get(envelope.type)
    if decoder is None:
        known = struct_of(envelope.type)
        if known is None:
            raise EnvelopeError(f"message type {envelope.type} is not known to this version")
        decoder = _body_decoders[envelope.type] = msgspec.json.Decoder(known.struct)
    try:
        return decoder.decode(envelope.data)
    except msgspec.DecodeError as error:
        raise EnvelopeError(f"{envelope.type}: {error}") from error


def body_bytes(message: Message) -> msgspec.Raw:
    """The message as the envelope's ``data``."""
    return msgspec.Raw(_encode(message))


def payload_hash(message: Message) -> str:
    """SHA-256 over the type's declared fields, in their order, with the hash version."""
    return hashlib.sha256(_encode(hashed_fields(message))).hexdigest()


def is_payload(stored: str, message: Message) -> bool:
    """Whether a stored hash is this message's, by the list of fields of the day it was stored."""
    if stored == payload_hash(message):
        return True
    earlier = earlier_fields(message)
    return any(stored == hashlib.sha256(_encode(values)).hexdigest() for values in earlier)


def type_name(message: Message) -> str:
    """The versioned name of a message's type."""
    return name_of(message).name


@lru_cache(maxsize=64)  # the messages of a batch share their instants
def rfc3339(at_us: int) -> str:
    """Microseconds UTC as RFC 3339."""
    moment = _EPOCH + timedelta(microseconds=at_us)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> int:
    """RFC 3339 as microseconds UTC."""
    delta = datetime.fromisoformat(text) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def uuid7(now_us: int, random_bytes: Callable[[int], bytes]) -> str:
    """A UUIDv7 (RFC 9562): 48 bits of milliseconds, 12 of the microseconds within, 62 random."""
    milliseconds, rest = divmod(now_us, 1_000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (rest * 4_096 // 1_000) << 64
    value |= 0b10 << 62 | (int.from_bytes(random_bytes(8)) & 0x3FFF_FFFF_FFFF_FFFF)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def made_at_us(message_id: str) -> int:
    """When a message was accepted, to the millisecond: the first 48 bits of its UUIDv7."""
    return int(message_id[:8] + message_id[9:13], 16) * 1_000


def caused(
    cause: Envelope,
    message: Message,
    now_us: int,
    random_bytes: Callable[[int], bytes],
    key: str = "",
) -> Envelope:
    """A message of our own that another one caused. It keeps that one's partition key (and so the
    order) unless ``key`` says that it is about somebody else."""
    at = rfc3339(now_us)
    return Envelope(
        id=uuid7(now_us, random_bytes),
        source="/wattbus/core",
        type=type_name(message),
        subject=cause.subject,
        time=at,
        recordedtime=at,
        partitionkey=key or cause.partitionkey,
        correlationid=cause.correlationid,
        causationid=cause.id,
        traceparent=decided_under(cause.traceparent, cause.id),
        company=cause.company,
        payloadhash=payload_hash(message),
        testindicator=cause.testindicator,
        data=body_bytes(message),
    )
