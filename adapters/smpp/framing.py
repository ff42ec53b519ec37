"""A stream of octets cut into PDUs by their command_length (SMPP 3.4, 3.2.1)."""

import struct

_LENGTH = struct.Struct(">I")
_SHORTEST = 16

# The largest legal PDU carries a message_payload of 64 KiB; 4 KiB hold everything else.
LONGEST_PDU = 64 * 1024 + 4 * 1024


class Framer:
    """Collects octets and gives whole frames. Never raises.

    After a command_length that no PDU can have, ``defect`` holds the reason and the rest of the
    stream is dropped: its frame borders are lost, so the link must be closed.
    """

    def __init__(self, longest: int = LONGEST_PDU) -> None:
        self.longest = longest
        self.defect: str | None = None
        self._parts: list[bytes] = []
        self._have = 0
        self._need = 4  # octets before a look is worth while: no copying when octets drip in

    @property
    def waiting(self) -> int:
        """Octets of an unfinished PDU."""
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
        frames = []
        at = 0
        size = len(data)
        need = 4
        while size - at >= 4:
            (need,) = _LENGTH.unpack_from(data, at)
            if not _SHORTEST <= need <= self.longest:
                self.defect = f"command_length {need} is not within {_SHORTEST} to {self.longest}"
                at = size
                break
            if size - at < need:
                break
            frames.append(data[at : at + need])
            at += need
            need = 4
        self._parts = [data[at:]] if at < size else []
        self._have = size - at
        self._need = need
        return frames
