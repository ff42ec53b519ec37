"""Codes and session keys of terminals, where the installation has master keys."""

from dataclasses import dataclass

from adapters.iso8583.errors import DecodeError
from adapters.iso8583.keys import SessionKeys
from adapters.iso8583.seal import verify
from channels.pos.profile import Profile
from channels.pos.session import Came
from channels.pos.sessionkeys import KeyRing
from channels.pos.terminals import Terminal
from hub.channel import Ports


@dataclass(frozen=True, slots=True)
class Seals:
    """``ring`` None: a test company without keys, where nothing is checked."""

    ports: Ports
    profile: Profile
    ring: KeyRing | None

    def check(self, terminal: Terminal, came: Came, operation: str) -> tuple[bytes | None, bool]:
        """(the key that the message came under, whether it may be processed).

        The old session key is taken until the terminal has used the new one.
        """
        if self.ring is None or not self.profile.seals(came.message.mti, operation):
            return None, True
        if terminal.keys is None:
            return None, False
        try:
            key = verify(self.profile.dialect, came.data, terminal.keys.taken(), came.message)
        except DecodeError:
            return None, False
        terminal.keys = terminal.keys.used(key)
        return key, True

    async def renewed(self, terminal: Terminal, *, again: bool) -> bytes | None:
        """What goes on the wire: a new key under the master key, kept before it is sent.

        ``again``: the answer was lost, the key is the same.
        """
        ring = self.ring
        if ring is None or ring.master(terminal.number) is None:
            return None
        if again and terminal.keys is not None:
            return ring.sent(terminal.number, terminal.keys.current)
        key, wired = ring.new(terminal.number)
        keys = _renewed(terminal.keys, key)
        try:
            await self.ports.keep(note_of(terminal.number), ring.note(terminal.number, keys))
        except Exception:  # after a crash the terminal signs on anew; no sale is lost by it
            self.ports.log.exception("pos.key-not-kept", terminal=terminal.number)
        terminal.keys = keys
        return wired

    async def kept(self, number: str) -> SessionKeys | None:
        """The session keys of a terminal from before a restart."""
        if self.ring is None or self.ring.master(number) is None:
            return None
        note = await self.ports.kept(note_of(number))
        return self.ring.of_note(number, note) if note else None


def _renewed(keys: SessionKeys | None, key: bytes) -> SessionKeys:
    """With a new key. The one that the terminal used last stays until it uses this one: whoever
    asks for keys in its name again and again cannot shut it out."""
    if keys is None:
        return SessionKeys(key)
    return SessionKeys(key, keys.previous) if keys.previous is not None else keys.renewed(key)


def note_of(number: str) -> str:
    """The key of a terminal's note."""
    return f"session-keys/{number}"
