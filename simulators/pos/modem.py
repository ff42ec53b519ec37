"""Octets and messages: frames, codes over messages, keys. One for each terminal; no socket."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adapters.iso8583.document import Dialect
from adapters.iso8583.errors import IsoError
from adapters.iso8583.framing import Framer, frame
from adapters.iso8583.keys import SessionKeys, unwrap, unwrap_aes
from adapters.iso8583.message import Message
from adapters.iso8583.seal import sealed, verify


@dataclass(slots=True)
class Modem:
    """``seals``: whether a message, by what it is, carries a code.

    ``master`` is the terminal's master key, which a technician typed in; empty: no codes. The
    session's key comes under it with the answer to a sign-on; until then, and where the host
    gives none, the master key makes the codes itself. ``faults`` are what came and was not whole.
    """

    dialect: Dialect
    master: bytes = b""
    seals: Callable[[Message], bool] = lambda _: True
    faults: list[str] = field(default_factory=list)
    _framer: Framer = field(init=False)
    _keys: SessionKeys | None = None

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """A new connection: half a frame of the old one is gone."""
        self._framer = Framer(self.dialect.framing)

    def framed(self, message: Message) -> bytes:
        """A message as it goes on the wire, with its code. Raises IsoError."""
        key = self._key() if self._seals(message) else b""
        data = sealed(self.dialect, message, key) if key else self.dialect.codec.encode(message)
        return frame(self.dialect.framing, data)

    def messages(self, data: bytes) -> list[Message]:
        """The whole and right messages that ``data`` completes. What is not is noted."""
        found = []
        for octets in self._framer.feed(data):
            try:
                message = self.dialect.codec.decode(octets)
                if self._seals(message):
                    verify(self.dialect, octets, self._taken())
                found.append(message)
            except IsoError as error:
                self.faults.append(str(error))
        if self._framer.defect is not None:
            self.faults.append(f"frame: {self._framer.defect}")
        return found

    def take_key(self, cipher: str, wrapped: bytes, check: bytes) -> None:
        """A session key under the master key, with its check value. Raises KeyFault."""
        key = (unwrap_aes if cipher == "aes" else unwrap)(self.master, wrapped, check)
        self._keys = self._keys.renewed(key) if self._keys else SessionKeys(key)

    def forget_keys(self) -> None:
        """Switched off: the next sign-on begins under the master key."""
        self._keys = None

    def _seals(self, message: Message) -> bool:
        return bool(self.master) and self.dialect.mac is not None and self.seals(message)

    def _key(self) -> bytes:
        return self._keys.current if self._keys else self.master

    def _taken(self) -> Sequence[bytes]:
        keys = self._keys.taken() if self._keys else ()
        return (*keys, self.master) if self.master else keys
