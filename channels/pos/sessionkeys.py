"""Session keys of terminals: made, sent under the master key, kept wrapped for after a restart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.iso8583.errors import KeyFault
from adapters.iso8583.keys import SessionKeys, unwrap, unwrap_aes, wrap, wrap_aes
from channels.pos.profile import KeyDocument

#: Every other terminal of a link.
ANY = "*"


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """The master keys of a channel. ``draw`` gives octets of chance."""

    masters: Mapping[str, bytes]
    how: KeyDocument
    draw: Callable[[int], bytes]

    def master(self, terminal: str) -> bytes | None:
        """A terminal's own master key, else the link's."""
        return self.masters.get(terminal) or self.masters.get(ANY)

    def new(self, terminal: str) -> tuple[bytes, bytes]:
        """(a new session key, what goes on the wire). KeyFault: there is no master key."""
        key = self.draw(self.how.octets)
        if self.how.cipher == "des":
            key = bytes(_odd(octet) for octet in key)
        return key, self.sent(terminal, key)

    def sent(self, terminal: str, key: bytes) -> bytes:
        """A session key as it goes on the wire: under the master key, its check value behind."""
        master = self.master(terminal)
        if master is None:
            raise KeyFault(f"terminal {terminal} has no master key", "key")
        wrapped, check = (wrap_aes if self.how.cipher == "aes" else wrap)(master, key)
        return wrapped + check[: self.how.check]

    def note(self, terminal: str, keys: SessionKeys) -> str:
        """The keys of a terminal as they are kept: as they went on the wire."""
        both = (keys.current, keys.previous)
        return " ".join(self.sent(terminal, key).hex() for key in both if key is not None)

    def of_note(self, terminal: str, note: str) -> SessionKeys | None:
        """The keys that were kept; None: under another master key, or no note of ours."""
        master = self.master(terminal)
        if master is None:
            return None
        open_one = unwrap_aes if self.how.cipher == "aes" else unwrap
        try:
            raw = [bytes.fromhex(each) for each in note.split()[:2]]
            size = self.how.octets
            keys = [open_one(master, each[:size], each[size:]) for each in raw]
        except (KeyFault, ValueError):
            return None
        return SessionKeys(keys[0], keys[1] if len(keys) > 1 else None) if keys else None


def _odd(octet: int) -> int:
    """With the parity bit that DES keys have, which some terminals check."""
    return octet & 0xFE | (octet & 0xFE).bit_count() % 2 ^ 1
