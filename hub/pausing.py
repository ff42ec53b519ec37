"""Channels that an operator has paused: nothing of theirs is taken in, nothing is handed to them.

What comes is answered as when the hub is full (each channel has its own words for that: SMPP
throttles, a terminal hears 91, HTTP 503), so the counterpart keeps it and comes again; what is to
go out waits. A pause is a note in the database: it outlives a restart, until somebody ends it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from core.store.tx import Reader, Tx
from hub import audit
from hub.acts import reason_of
from hub.audit import Act
from hub.chores import Chores
from hub.control import ControlError
from hub.envelope import rfc3339
from hub.ports import HubPorts

#: Under which a channel's pause is noted; no channel's own notes begin so.
NOTE = "~paused"


class Pause(msgspec.Struct, frozen=True):
    """Who paused a channel, since when (RFC 3339) and why."""

    by: str
    since: str
    reason: str

    def words(self) -> str:
        """As ``wattbus status`` says it."""
        return f"by {self.by} since {self.since}: {self.reason}"


def paused_now(reader: Reader) -> dict[str, Pause]:
    """The pauses that are noted, by channel."""
    rows = reader.rows("SELECT channel, value FROM channel_note WHERE key = :key", key=NOTE)
    return {channel: msgspec.json.decode(value, type=Pause) for channel, value in rows}


@dataclass(frozen=True, slots=True)
class PauseDesk:
    """Pauses and resumes. ``changed`` tells the way out, on the reactor."""

    chores: Chores
    ports: Mapping[str, HubPorts]
    channels: Mapping[str, Any]
    writer: str
    now_us: Callable[[], int]
    changed: Callable[[str], None]

    def verbs(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """The verbs of the control socket."""
        return {"pause": self.pause, "resume": self.resume}

    def pause(self, request: dict[str, Any]) -> Any:
        """``channel``, ``reason``. A channel that is paused stays as it was paused first."""
        name, reason = self._known(request), reason_of(request)
        actor, now = str(request.get("actor", "unknown")), self.now_us()
        pause = self.ports[name].paused or Pause(actor, rfc3339(now), reason)

        def chore(tx: Tx) -> dict[str, Any]:
            note = (name, NOTE, msgspec.json.encode(pause).decode(), now)
            tx.insert("channel_note", ("channel", "key", "value", "updated"), [note],
                      "ON CONFLICT (channel, key) DO NOTHING")  # fmt: skip
            audit.append(tx, self.writer, [Act(actor, "pause", name, {"reason": reason})], now)
            return {"channel": name, "paused": pause.words()}

        return self._then(self.chores.do(chore), name, pause)

    def resume(self, request: dict[str, Any]) -> Any:
        """``channel``, ``reason``."""
        name, reason = self._known(request), reason_of(request)
        actor, now = str(request.get("actor", "unknown")), self.now_us()

        def chore(tx: Tx) -> dict[str, Any]:
            tx.run(
                "DELETE FROM channel_note WHERE channel = :channel AND key = :key",
                channel=name,
                key=NOTE,
            )
            audit.append(tx, self.writer, [Act(actor, "resume", name, {"reason": reason})], now)
            return {"channel": name, "paused": ""}

        return self._then(self.chores.do(chore), name, None)

    def _then(self, done: Any, name: str, pause: Pause | None) -> Any:
        """After the commit it is so: a pause that did not get into the database is none."""

        def so(result: Any) -> Any:
            self.ports[name].paused = pause
            self.changed(name)
            return result

        return done.addCallback(so)

    def _known(self, request: dict[str, Any]) -> str:
        name = str(request.get("channel", ""))
        if name not in self.channels:
            known = ", ".join(sorted(self.channels)) or "none"
            raise ControlError(f"no channel {name} (known: {known})")
        return name
