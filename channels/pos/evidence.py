"""What is kept and told of requests: redacted octets for the journal, counts, alarms.

A card number, a track or a PIN is in none of it.
"""

import json
from collections import Counter
from dataclasses import dataclass, field

from adapters.iso8583.message import Message as Iso
from adapters.iso8583.redact import Redactor
from channels.pos.profile import Profile
from hub.channel import Ports

_OVER = 0xEE  # as the redactor writes: no digit or letter in any encoding


@dataclass(slots=True)
class Evidence:
    """One channel's."""

    ports: Ports
    profile: Profile
    counts: Counter[str] = field(default_factory=Counter)
    _redactor: Redactor = field(init=False)

    def __post_init__(self) -> None:
        self._redactor = Redactor(self.profile.dialect.codec)

    def raw(self, message: Iso, data: bytes) -> str:
        """The octets in hex as they may be kept; a field with a PIN in it goes as a whole."""
        if self._redactor.secret(message.fields):
            kept = bytearray(self._redactor.redact(data))
        else:  # most requests: nothing is looked for
            kept = bytearray(data)
        if self.profile.take(message, "pin") or self._signs_on(message):
            fields = {str(place.number) for place in self.profile.takes["pin"]}
            for span in self.profile.dialect.codec.spans(data)[1]:
                if span.path in fields:
                    kept[span.offset : span.offset + span.length] = bytes([_OVER]) * span.length
        return kept.hex().upper()

    def _signs_on(self, message: Iso) -> bool:
        """Then a PIN is near, whatever place it was put in."""
        return message.mti[1] == "8" and self.profile.operation(message) == "sign_on"

    def note(self, key: str, message: Iso, data: bytes) -> None:
        """Journals what asks for nothing, or was not taken."""
        self.ports.record(f"{self.ports.name}/{key}", self.raw(message, data))

    def malformed(self, peer: str, path: str, why: str, size: int) -> None:
        """Journals where octets could not be read; they themselves may hold a card number."""
        self.counts["malformed"] += 1
        self.ports.log.warning("pos.malformed", peer=peer, field=path, reason=why)
        said = {"peer": peer, "field": path, "reason": why, "octets": size}
        self.ports.record(f"{self.ports.name}/malformed", json.dumps(said))

    def alarm(self, kind: str, terminal: str, peer: str) -> None:
        """Something that a person should look at."""
        self.counts[f"alarm {kind}"] += 1
        self.ports.log.error("pos.alarm", kind=kind, terminal=terminal[:16], peer=peer)
