"""Bundles: the envelopes of one partition in one broker message, each with its length in front.

A commit costs the same for one message as for a hundred, and so does a confirm. A record that
cannot be read is left out alone: its row stays open and is published again.
"""

import struct
from collections.abc import Iterator, Sequence

import msgspec
import structlog

from hub.inbox import Delivery

#: As many as one batch takes, and as much as a broker likes to hold in one message.
MAX_RECORDS = 256
MAX_BYTES = 1024 * 1024

_LENGTH = struct.Struct(">I")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, str, str, str, str, int, int, str, int]).decode

log = structlog.get_logger("hub.bus")


def pack(deliveries: Sequence[Delivery]) -> bytes:
    """One bundle."""
    records = [
        _encode(
            (
                d.seq, d.message_id, d.handler, d.origin, d.partitionkey, d.attempt, d.started,
                d.envelope, d.recorded_us,
            )
        )
        for d in deliveries
    ]  # fmt: skip
    return b"".join(_LENGTH.pack(len(record)) + record for record in records)


def unpack(bundle: bytes) -> list[Delivery]:
    """The deliveries of a bundle; what is unreadable is logged and left out."""
    found = []
    for record in _records(bundle):
        try:
            found.append(Delivery(*_decode(record)))
        except msgspec.DecodeError as error:
            log.error("bundle.record-unreadable", error=str(error), size=len(record))
    return found


def _records(bundle: bytes) -> Iterator[bytes]:
    at = 0
    while at + _LENGTH.size <= len(bundle):
        (length,) = _LENGTH.unpack_from(bundle, at)
        at += _LENGTH.size
        if length > len(bundle) - at:
            log.error("bundle.truncated", at=at, wanted=length, have=len(bundle) - at)
            return
        yield bundle[at : at + length]
        at += length


def bundles(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Cut a partition's deliveries into bundles, in order."""
    bundle: list[Delivery] = []
    size = 0
    for delivery in deliveries:
        weight = len(delivery.envelope) + 200
        if bundle and (len(bundle) == MAX_RECORDS or size + weight > MAX_BYTES):
            yield bundle
            bundle, size = [], 0
        bundle.append(delivery)
        size += weight
    if bundle:
        yield bundle
