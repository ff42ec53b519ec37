"""Bundles: the envelopes of one partition in one broker message, each with its length in front.

A commit costs the same for one message as for a hundred, and so does a confirm. A record that
cannot be read is left out alone: its row stays open and is published again.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import structlog

from hub.inbox import Delivery
from hub.partitions import partition_of

#: As many as one batch takes, and as much as a broker likes to hold in one message.
MAX_RECORDS = 256
MAX_BYTES = 1024 * 1024
#: Faults of one bundle that are told: the first says what kind of thing it is.
MAX_FAULTS = 3

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


class Unpacked(NamedTuple):
    """What a bundle held, and what is wrong with the rest of it (empty: nothing)."""

    deliveries: list[Delivery]
    faults: list[str]


def opened(bundle: bytes) -> Unpacked:
    """The deliveries that can be read, and one sentence for each record that cannot."""
    found: list[Delivery] = []
    faults: list[str] = []
    at = 0
    while at < len(bundle):
        start, at = at, at + _LENGTH.size
        if at > len(bundle):
            faults.append(f"at byte {start}: {len(bundle) - start} bytes are no length")
            break
        (length,) = _LENGTH.unpack_from(bundle, start)
        if length > len(bundle) - at:
            faults.append(f"at byte {start}: a record of {length} bytes, {len(bundle) - at} follow")
            break
        try:
            found.append(Delivery(*_decode(bundle[at : at + length])))
        except msgspec.DecodeError as error:
            faults.append(f"at byte {start}: {error}")
        at += length
    return Unpacked(found, faults)


def unpack(bundle: bytes) -> list[Delivery]:
    """The deliveries of a bundle; what is unreadable is logged and left out."""
    found = opened(bundle)
    if found.faults:
        log.error("bundle.unreadable", faults=found.faults[:MAX_FAULTS], size=len(bundle))
    return found.deliveries


def of_partition(deliveries: Sequence[Delivery], partition: int) -> list[Delivery]:
    """Those of a queue's bundle that its partition orders.

    The rest lay there when the count of partitions was changed (``hub.repartition``), which has
    them published again to where they belong: another worker's lease is on them.
    """
    return [each for each in deliveries if partition_of(each.partitionkey) == partition]


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
