"""Texts longer than one message: cut on the way out, put together on the way in.

Limits of one message (3GPP TS 23.040 and 23.038): 140 octets, which are 160 septets or 70 UCS-2
units; a user data header (UDH) of 6 or 7 octets takes its share of them. SMPP carries septets
unpacked, one per octet.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from adapters.smpp import gsm0338, tlv
from adapters.smpp.errors import LocalError
from adapters.smpp.gsm0338 import Alphabet
from adapters.smpp.pdu import DataSm, Message
from adapters.smpp.tlv import Tag, Tlv

Method = Literal["udh8", "udh16", "sar", "payload"]

UDHI = 0x40  # esm_class: short_message begins with a user data header
_MOST_PARTS = 255  # the part number has 8 bits

# Units (septets, octets, UCS-2 units) of a lone message and of a part, by method.
_GSM = {"lone": 160, "udh8": 153, "udh16": 152, "sar": 153}
_OCTETS = {"lone": 140, "udh8": 134, "udh16": 133, "sar": 134}
_UCS2 = {"lone": 70, "udh8": 67, "udh16": 66, "sar": 67}


class Part(NamedTuple):
    """What one submit_sm (or deliver_sm) of a text carries; add it to the PDU's own fields."""

    data_coding: int
    esm_class: int  # the bits to add
    short_message: bytes
    tlvs: tuple[Tlv, ...] = ()


def segment(
    text: str,
    reference: int,
    alphabet: Alphabet = "gsm",
    method: Method = "udh8",
    keep: re.Pattern[str] | None = None,
) -> list[Part]:
    """A text as one part, or as many as it needs.

    ``reference`` tells the texts to one destination apart: count it per destination, it is cut to
    8 bits (16 for udh16 and sar). An escape and its character, or the two halves of a surrogate
    pair, are never in different parts; nor is what ``keep`` matches, if it fits into one (with
    ``payload`` it is the SMSC that cuts). Raises LocalError beyond 255 parts.
    """
    coding, data = gsm0338.encode(text, alphabet)
    sizes = _UCS2 if coding == 8 else _GSM if alphabet == "gsm" else _OCTETS
    unit = 2 if coding == 8 else 1
    if len(data) <= sizes["lone"] * unit:
        return [Part(coding, 0, data)]
    if method == "payload":
        return [Part(coding, 0, b"", (tlv.make(Tag.message_payload, data),))]
    kept = _kept(text, coding, alphabet, keep)
    pieces = list(_pieces(data, sizes[method] * unit, coding, alphabet, kept))
    if len(pieces) > _MOST_PARTS:
        raise LocalError(f"a text of {len(pieces)} parts, at most {_MOST_PARTS}")
    total = len(pieces)
    return [
        _part(coding, piece, (reference, total, number), method)
        for number, piece in enumerate(pieces, 1)
    ]


def _kept(
    text: str, coding: int, alphabet: Alphabet, keep: re.Pattern[str] | None
) -> list[tuple[int, int]]:
    """Where in the octets the matches lie."""

    def octets(before: str) -> int:
        if coding == 8:
            return len(gsm0338.ucs2_encode(before))
        return len(gsm0338.encode_default(before, alphabet))

    found = keep.finditer(text) if keep is not None else ()
    return [(octets(text[: match.start()]), octets(text[: match.end()])) for match in found]


def _pieces(
    data: bytes, size: int, coding: int, alphabet: Alphabet, kept: list[tuple[int, int]]
) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = min(at + size, len(data))
        if end < len(data):
            end = next((start for start, stop in kept if at < start < end < stop), end)
            if coding == 8 and 0xD8 <= data[end - 2] <= 0xDB:
                end -= 2  # the first half of a surrogate pair
            elif coding == 0 and alphabet == "gsm" and _escapes(data, at, end):
                end -= 1
        yield data[at:end]
        at = end


def _escapes(data: bytes, at: int, end: int) -> bool:
    """Whether the last octet of the piece is an escape (and not what one escapes)."""
    run = 0
    while end - run > at and data[end - 1 - run] == 0x1B:
        run += 1
    return run % 2 == 1


def _part(coding: int, piece: bytes, place: tuple[int, int, int], method: Method) -> Part:
    reference, total, number = place
    if method == "udh8":
        head = bytes((5, 0, 3, reference & 0xFF, total, number))
        return Part(coding, UDHI, head + piece)
    if method == "udh16":
        head = bytes((6, 8, 4, reference >> 8 & 0xFF, reference & 0xFF, total, number))
        return Part(coding, UDHI, head + piece)
    sar = (
        tlv.make(Tag.sar_msg_ref_num, reference & 0xFFFF),
        tlv.make(Tag.sar_total_segments, total),
        tlv.make(Tag.sar_segment_seqnum, number),
    )
    return Part(coding, 0, piece, sar)


class Place(NamedTuple):
    """Where a part belongs: ``number`` of ``total``, of the text with this reference."""

    reference: int
    total: int
    number: int


def body(pdu: Message | DataSm) -> bytes:
    """The user data of a message: message_payload if there, else short_message."""
    payload = tlv.raw(pdu.tlvs, Tag.message_payload)
    if payload is not None:
        return payload
    return pdu.short_message if isinstance(pdu, Message) else b""


def split_header(pdu: Message | DataSm) -> tuple[dict[int, bytes], bytes]:
    """(information elements of the UDH, the text's octets); no UDH: no elements.

    A header that runs past the end is taken for text: nothing is lost.
    """
    data = body(pdu)
    if not pdu.esm_class & UDHI or not data or data[0] >= len(data):
        return {}, data
    end = 1 + data[0]
    elements = {}
    at = 1
    while at + 2 <= end:
        length = data[at + 1]
        if at + 2 + length > end:
            break
        elements[data[at]] = data[at + 2 : at + 2 + length]
        at += 2 + length
    return elements, data[end:]


def place_of(pdu: Message | DataSm) -> Place | None:
    """Where this message stands in a longer text; None for a whole text."""
    if not pdu.esm_class & UDHI and not pdu.tlvs:
        return None  # has neither way to say it, as nearly all
    elements, _ = split_header(pdu)
    place = None
    if len(elements.get(0, b"")) == 3:
        place = Place(*elements[0])
    elif len(elements.get(8, b"")) == 4:
        high, low, total, number = elements[8]
        place = Place(high << 8 | low, total, number)
    else:
        reference = tlv.integer(pdu.tlvs, Tag.sar_msg_ref_num)
        total_parts = tlv.integer(pdu.tlvs, Tag.sar_total_segments)
        part = tlv.integer(pdu.tlvs, Tag.sar_segment_seqnum)
        if reference is not None and total_parts is not None and part is not None:
            place = Place(reference, total_parts, part)
    if place is None or place.total == 1 or place.total > _MOST_PARTS:
        return None  # a total in more octets than the standard's would cost memory without end
    if not 1 <= place.number <= place.total:
        return None
    return place


@dataclass(frozen=True, slots=True)
class Text:
    """A whole text, from one message or from all its parts."""

    source: str
    destination: str
    text: str
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A text of which parts never came: what there is, with "…" for each gap."""

    source: str
    destination: str
    text: str
    missing: tuple[int, ...]
    reason: str


_Key = tuple[str, str, int, int]


@dataclass(slots=True)
class _Partial:
    begun: float
    pieces: dict[int, tuple[int, bytes]] = field(default_factory=dict)  # number: (coding, octets)
    echo: bool = True  # every part so far repeats a text that was complete


class Reassembly:
    """Puts parts together: any order, repeats dropped, bounded in time and memory.

    ``seconds`` is how long a text may wait for its parts, ``limit`` how many texts may wait at
    once (each holds at most 255 parts); the oldest gives way. A repeat of a part after its text
    was complete is remembered for the same time and not reported as incomplete.
    """

    def __init__(
        self, alphabet: Alphabet = "gsm", seconds: float = 300.0, limit: int = 1000
    ) -> None:
        self._alphabet = alphabet
        self._seconds = seconds
        self._limit = limit
        self._partial: dict[_Key, _Partial] = {}  # oldest first
        self._done: dict[_Key, _Partial] = {}  # oldest first

    def add(self, pdu: Message | DataSm, now: float) -> list[Text | Incomplete]:
        """What a message completes, and what it pushed out or outlived."""
        found: list[Text | Incomplete] = self.expire(now)
        place = place_of(pdu)
        _, data = split_header(pdu)
        source, destination = pdu.source_addr, pdu.destination_addr
        if place is None:
            text = gsm0338.decode(data, pdu.data_coding, self._alphabet)
            return [*found, Text(source, destination, text)]
        key = (source, destination, place.reference, place.total)
        partial = self._partial.setdefault(key, _Partial(now))
        partial.pieces.setdefault(place.number, (pdu.data_coding, data))
        done = self._done.get(key)
        if done is None or done.pieces[place.number] != partial.pieces[place.number]:
            partial.echo = False
        if len(partial.pieces) == place.total:
            del self._partial[key]
            self._remember(key, partial, now)
            whole = self._join([partial.pieces[n] for n in range(1, place.total + 1)])
            found.append(Text(source, destination, whole, place.total))
        elif len(self._partial) > self._limit:
            found += self._drop(next(iter(self._partial)), "too many texts are waiting")
        return found

    def expire(self, now: float) -> list[Text | Incomplete]:
        """What has waited too long."""
        limit = now - self._seconds
        found: list[Text | Incomplete] = []
        for key in [key for key, partial in self._partial.items() if partial.begun <= limit]:
            found += self._drop(key, f"no more parts in {self._seconds:.0f} s")
        while self._done and next(iter(self._done.values())).begun <= limit:
            del self._done[next(iter(self._done))]
        return found

    def deadline(self) -> float | None:
        """When :meth:`expire` is due next."""
        if not self._partial:
            return None
        return next(iter(self._partial.values())).begun + self._seconds

    def _remember(self, key: _Key, partial: _Partial, now: float) -> None:
        partial.begun = now
        self._done.pop(key, None)
        self._done[key] = partial
        if len(self._done) > self._limit:
            del self._done[next(iter(self._done))]

    def _drop(self, key: _Key, reason: str) -> list[Incomplete]:
        partial = self._partial.pop(key)
        if partial.echo:
            return []
        source, destination, _, total = key
        missing = tuple(n for n in range(1, total + 1) if n not in partial.pieces)
        texts = [
            self._join([partial.pieces[n]]) if n in partial.pieces else "…"
            for n in range(1, total + 1)
        ]
        return [Incomplete(source, destination, "".join(texts), missing, reason)]

    def _join(self, pieces: list[tuple[int, bytes]]) -> str:
        """Joined before decoding where possible: heals characters that a peer cut in two."""
        if len({coding for coding, _ in pieces}) == 1:
            whole = b"".join([data for _, data in pieces])
            return gsm0338.decode(whole, pieces[0][0], self._alphabet)
        return "".join([gsm0338.decode(d, coding, self._alphabet) for coding, d in pieces])
