"""Channels that an operator has paused or stopped.

Of a paused one nothing is taken in, nothing is handed to it. What comes is answered as when the hub
is full (each channel has its own words for that: SMPP throttles, a terminal hears 91, HTTP 503), so
the counterpart keeps it and comes again; what is to go out waits. Of a stopped one the link or the
listener is closed. Both are notes in the database: they outlive a restart, and the node that holds
the channel goes by them, whichever node was asked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
#: The same for one that is stopped.
STOPPED = "~stopped"


class Pause(msgspec.Struct, frozen=True):
    """Who paused a channel, since when (RFC 3339) and why."""

    by: str
    since: str
    reason: str

    def words(self) -> str:
        """As ``wattbus status`` says it."""
        return f"by {self.by} since {self.since}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Notes:
    """What is noted, by channel."""

    paused: Mapping[str, Pause] = field(default_factory=dict)
    stopped: Mapping[str, Pause] = field(default_factory=dict)


def notes_of(reader: Reader, channels: Sequence[str]) -> Notes:
    """What operators have noted of these channels."""
    rows = reader.rows(
        "SELECT key, channel, value FROM channel_note WHERE channel IN :channels AND key IN :keys",
        channels=list(channels),
        keys=[NOTE, STOPPED],
    )
    found: dict[str, dict[str, Pause]] = {NOTE: {}, STOPPED: {}}
    for key, channel, value in rows:
        found[key][channel] = msgspec.json.decode(value, type=Pause)
    return Notes(found[NOTE], found[STOPPED])


def paused_now(reader: Reader) -> dict[str, Pause]:
    """The pauses that are noted, by channel."""
    rows = reader.rows("SELECT channel, value FROM channel_note WHERE key = :key", key=NOTE)
    return {channel: msgspec.json.decode(value, type=Pause) for channel, value in rows}


@dataclass(frozen=True, slots=True)
class PauseDesk:
    """Pauses and resumes, stops and starts. On the reactor, after the commit, ``changed`` tells the
    way out and ``only`` which channels are stopped; ``ring`` tells the other nodes."""

    chores: Chores
    ports: Mapping[str, HubPorts]
    channels: Mapping[str, Any]
    writer: str
    now_us: Callable[[], int]
    changed: Callable[[str], None]
    only: Callable[[str, Pause | None], None] = lambda _name, _stop: None
    ring: Callable[[Tx], None] = lambda _tx: None

    def verbs(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """The verbs of the control socket."""
        return {"pause": self.pause, "resume": self.resume, "stop": self.stop, "start": self.start}

    def pause(self, request: dict[str, Any]) -> Any:
        """``channel``, ``reason``. A channel that is paused stays as it was paused first."""
        name, pause = self._noting(request, self.ports[self._known(request)].paused)
        done = self._note(request, "pause", NOTE, pause)
        return done.addCallback(self._paused, name, pause)

    def resume(self, request: dict[str, Any]) -> Any:
        """``channel``, ``reason``."""
        done = self._unnote(request, "resume", NOTE)
        return done.addCallback(self._paused, self._known(request), None)

    def stop(self, request: dict[str, Any]) -> Any:
        """``channel``, ``reason``. One that is stopped stays as it was stopped first."""
        name, stop = self._noting(request, None)
        return self._note(request, "stop", STOPPED, stop).addCallback(self._stopped, name, stop)

    def start(self, request: dict[str, Any]) -> Any:
        """``channel``, ``reason``."""
        done = self._unnote(request, "start", STOPPED)
        return done.addCallback(self._stopped, self._known(request), None)

    def _noting(self, request: dict[str, Any], before: Pause | None) -> tuple[str, Pause]:
        name, reason = self._known(request), reason_of(request)
        actor = str(request.get("actor", "unknown"))
        return name, before or Pause(actor, rfc3339(self.now_us()), reason)

    def _note(self, request: dict[str, Any], verb: str, key: str, pause: Pause) -> Any:
        name, reason, now = self._known(request), reason_of(request), self.now_us()

        def chore(tx: Tx) -> dict[str, Any]:
            note = (name, key, msgspec.json.encode(pause).decode(), now)
            tx.insert("channel_note", ("channel", "key", "value", "updated"), [note],
                      "ON CONFLICT (channel, key) DO NOTHING")  # fmt: skip
            self._on_record(tx, request, verb, reason)
            return {"channel": name, _WORDS[key]: pause.words()}

        return self.chores.do(chore)

    def _unnote(self, request: dict[str, Any], verb: str, key: str) -> Any:
        name, reason = self._known(request), reason_of(request)

        def chore(tx: Tx) -> dict[str, Any]:
            tx.run(
                "DELETE FROM channel_note WHERE channel = :channel AND key = :key",
                channel=name,
                key=key,
            )
            self._on_record(tx, request, verb, reason)
            return {"channel": name, _WORDS[key]: ""}

        return self.chores.do(chore)

    def _on_record(self, tx: Tx, request: dict[str, Any], verb: str, reason: str) -> None:
        actor, name = str(request.get("actor", "unknown")), self._known(request)
        audit.append(tx, self.writer, [Act(actor, verb, name, {"reason": reason})], self.now_us())
        self.ring(tx)

    def _paused(self, result: Any, name: str, pause: Pause | None) -> Any:
        """After the commit it is so: a pause that did not get into the database is none."""
        self.ports[name].paused = pause
        self.changed(name)
        return result

    def _stopped(self, result: Any, name: str, stop: Pause | None) -> Any:
        self.only(name, stop)
        return result

    def _known(self, request: dict[str, Any]) -> str:
        name = str(request.get("channel", ""))
        if name not in self.channels:
            known = ", ".join(sorted(self.channels)) or "none"
            raise ControlError(f"no channel {name} (known: {known})")
        return name


#: As the verbs' answers name what was noted.
_WORDS = {NOTE: "paused", STOPPED: "stopped"}
