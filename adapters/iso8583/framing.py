"""A stream of octets cut into messages, by one of the lengths that are met in the field.

What has no resync point closes the link: after a bad length the frame borders are lost.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adapters.iso8583.errors import DialectError, EncodeError

#: Switches send some hundred octets; 8 KiB hold any receipt text or parameter download.
LONGEST_FRAME: Final = 8 * 1024
#: The VML header has its own limit.
LONGEST_VML: Final = 2048

_NAME: Final = re.compile(
    r"(len[234]be|ascii4|asciihex4|bcd2|vml)(?:_(inclusive))?(?:_pad([1-9]))?(?:_(etx))?"
)
_ETX: Final = b"\x03"


@dataclass(frozen=True, slots=True)
class Framing:
    """How a link frames: the form of the length, octets of nothing after it, whether it counts
    itself (and those), the trailer that it counts, and the longest message that is taken."""

    length: str = "len2be"
    pad: int = 0
    inclusive: bool = False
    trailer: bytes = b""
    longest: int = LONGEST_FRAME

    @property
    def lead(self) -> int:
        """Octets before the message."""
        return _WIDE[self.length] + self.pad


def framing(kind: str, longest: int = LONGEST_FRAME) -> Framing:
    """The framing of a name: ``len2be``, ``len2be_inclusive``, ``len2be_pad2``, ``len2be_etx`` …"""
    found = _NAME.fullmatch(kind)
    if found is None:
        raise DialectError(f"{kind[:30]!r} is no framing like len2be or ascii4", "framing")
    length, inclusive, pad, etx = found.groups()
    if length == "vml":
        return Framing("len2be", pad=2, longest=min(longest, LONGEST_VML))
    return Framing(length, int(pad or 0), inclusive is not None, _ETX if etx else b"", longest)


class Framer:
    """Collects octets and gives whole messages. Never raises.

    After a length that no message can have, ``defect`` says why and the rest is dropped: close the
    link. ``keepalives`` counts frames of length 0, which are never handed on; some peers want them
    back (:func:`keepalive`).
    """

    def __init__(self, how: Framing) -> None:
        self.how = how
        self.defect: str | None = None
        self.keepalives = 0
        self._number = _READERS[how.length]
        self._wide = _WIDE[how.length]
        self._parts: list[bytes] = []
        self._have = 0
        self._need = how.lead  # octets before a look is worth while, when they drip in

    @property
    def waiting(self) -> int:
        """Octets of an unfinished frame, its length included: over 0, a read timeout runs."""
        return self._have

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes, in order."""
        if self.defect is not None:
            return []
        self._parts.append(data)
        self._have += len(data)
        if self._have < self._need:
            return []
        found: list[bytes] = []
        data, at, lead = b"".join(self._parts), 0, self.how.lead
        self._need = lead
        while len(data) - at >= lead:
            size = self._size(data[at : at + lead])
            if size < 0:
                at = len(data)
                break
            end = at + lead + size
            if len(data) < end:
                self._need = lead + size
                break
            if not self._taken(data[at + lead : end], found):
                at = len(data)
                break
            at = end
        self._parts = [data[at:]] if at < len(data) else []
        self._have = len(data) - at
        return found

    def _size(self, head: bytes) -> int:
        """Octets after the length, the trailer among them; -1 with the defect noted."""
        number = self._number(head[: self._wide])
        if number < 0:
            return self._broken("its length is not a number")
        size = number - self.how.lead if self.how.inclusive and number else number
        if size < 0:
            return self._broken(f"a length of {number} does not hold itself")
        if size > self.how.longest + len(self.how.trailer):
            return self._broken(f"a frame of {size} octets is over {self.how.longest}")
        return size

    def _taken(self, body: bytes, found: list[bytes]) -> bool:
        trailer = self.how.trailer
        if not body:
            self.keepalives += 1
        elif not body.endswith(trailer):
            self._broken("the trailer is missing")
            return False
        elif len(body) > len(trailer):
            found.append(body[: len(body) - len(trailer)])
        else:
            self.keepalives += 1
        return True

    def _broken(self, why: str) -> int:
        self.defect = why
        return -1


def frame(how: Framing, message: bytes) -> bytes:
    """A message as it goes on the wire. EncodeError: too long, or empty."""
    if not 0 < len(message) <= how.longest:
        raise EncodeError(f"{len(message)} octets are not within 1 to {how.longest}", "frame")
    size = len(message) + len(how.trailer) + (how.lead if how.inclusive else 0)
    try:
        lead = _WRITERS[how.length](size)
    except (ValueError, OverflowError):
        lead = b""
    if len(lead) != _WIDE[how.length]:
        raise EncodeError(f"{size} does not fit the length", "frame")
    return lead + bytes(how.pad) + message + how.trailer


def keepalive(how: Framing) -> bytes:
    """A frame of length 0."""
    return _WRITERS[how.length](0) + bytes(how.pad)


@dataclass(frozen=True, slots=True)
class Tpdu:
    """The five octets of a transport header: ``id`` (60), destination and source, two each."""

    id: bytes
    destination: bytes
    source: bytes

    @classmethod
    def read(cls, header: bytes) -> "Tpdu":
        """The TPDU that a header begins with. EncodeError: it is shorter than one."""
        if len(header) < 5:
            raise EncodeError("a TPDU has five octets", "header")
        return cls(header[:1], header[1:3], header[3:5])

    def reply(self) -> bytes:
        """The TPDU of the answer: destination and source swapped."""
        return self.id + self.source + self.destination


def reply_header(header: bytes) -> bytes:
    """The header of an answer: its TPDU swapped, what follows (UnionPay: six octets) as it came."""
    return Tpdu.read(header).reply() + header[5:] if header else b""


def _decimal(raw: bytes) -> int:
    return int(raw) if raw.isdigit() else -1


def _hex(raw: bytes) -> int:
    return int(raw, 16) if re.fullmatch(rb"[0-9A-Fa-f]+", raw) else -1


def _bcd(raw: bytes) -> int:
    digits = raw.hex()
    return int(digits) if digits.isdigit() else -1


def _big(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


_WIDE: Final = {
    "len2be": 2, "len3be": 3, "len4be": 4, "ascii4": 4, "asciihex4": 4, "bcd2": 2,
}  # fmt: skip
_READERS: Final[dict[str, Callable[[bytes], int]]] = {
    "len2be": _big, "len3be": _big, "len4be": _big,
    "ascii4": _decimal, "asciihex4": _hex, "bcd2": _bcd,
}  # fmt: skip
_WRITERS: Final[dict[str, Callable[[int], bytes]]] = {
    "len2be": lambda size: size.to_bytes(2, "big"),
    "len3be": lambda size: size.to_bytes(3, "big"),
    "len4be": lambda size: size.to_bytes(4, "big"),
    "ascii4": lambda size: b"%04d" % size,
    "asciihex4": lambda size: b"%04X" % size,
    "bcd2": lambda size: bytes.fromhex(f"{size:04d}"),
}
