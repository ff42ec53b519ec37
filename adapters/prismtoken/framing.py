"""A stream of octets cut into frames: the framed transport, an i32 length before each message."""

import struct

from adapters.prismtoken.tables import Limits

_LENGTH = struct.Struct(">i")
LONGEST_FRAME = Limits().frame
_SHORTEST = 13  # version, an empty name, sequence, the STOP of an empty struct


def framed(message: bytes) -> bytes:
    """A message behind its length."""
    return _LENGTH.pack(len(message)) + message


class Framer:
    """Collects octets and gives whole frames without their lengths. Never raises.

    After a length that no message can have, ``defect`` holds the reason and the rest of the stream
    is dropped: its frame borders are lost, so the connection must be closed.
    """

    def __init__(self, longest: int = LONGEST_FRAME) -> None:
        self.longest = longest
        self.defect: str | None = None
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 4  # octets before a look is worth while: no copying when octets drip in

    @property
    def waiting(self) -> int:
        """Octets of an unfinished frame."""
        return self._have

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that ``data`` completes, in order."""
        if self.defect is not None:
            return []
        if self._have:
            self._parts.append(data)
            self._have += len(data)
            if self._have < self._need:
                return []
            data = b"".join(self._parts)
        frames: list[bytes] = []
        at, need = 0, 4
        while len(data) - at >= 4:
            (size,) = _LENGTH.unpack_from(data, at)
            if not _SHORTEST <= size <= self.longest:
                self.defect = (
                    f"a frame of {size} octets is not within {_SHORTEST} to {self.longest}"
                )
                at = len(data)
                break
            if len(data) - at < 4 + size:
                need = 4 + size
                break
            frames.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        self._parts = [data[at:]] if at < len(data) else []
        self._have = len(data) - at
        self._need = need
        return frames
