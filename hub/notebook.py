"""The channels' notebook: what one must know again after a crash, written before octets leave.

A note is a text under the channel's own key; a new one under the same key takes its place. All
that is waiting is one commit. Notes stay as long as keys of requests do: what was noted of a
request must be known when somebody replays it.

A note is what a channel waits for before money or a token may move. So it is written only by who
holds the channel's seat, and one that took long has failed for its channel, whether it stands or
not: after a freeze nothing leaves on the strength of what was true before it.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred

from core.store.tx import Reader, TransientStoreError, Tx
from core.store.upgrade import Store
from hub.channel import Overloaded
from hub.clock import Sources
from hub.fence import ALONE, Fence, SeatLostError

#: Notes that may wait for a commit. A channel waits for each of its notes before it goes on, so
#: these are as many as things in flight at all channels.
MAX_WAITING = 5_000
MAX_BATCH = 256
#: A note is some fields of one request.
MAX_VALUE = 16_384


@dataclass(slots=True, eq=False)
class _Note:
    channel: str
    key: str
    value: str
    done: "Deferred[None]"


@dataclass(slots=True)
class Notebook:
    """A stage. ``keep`` is called on the reactor, ``step`` on the store's thread."""

    store: Store
    on_reactor: Callable[..., Any]
    sources: Sources = field(default_factory=Sources)
    poke: Callable[[], None] = lambda: None
    fence: Fence = ALONE
    _waiting: "deque[_Note]" = field(default_factory=deque)

    def keep(self, channel: str, key: str, value: str) -> "Deferred[None]":
        """Write a note. Fires after the commit; fails with Overloaded, SeatLostError, StoreError
        (it is not known whether it stands), ValueError for one that is too long."""
        deferred: Deferred[None] = Deferred()
        if len(value) > MAX_VALUE:
            deferred.errback(ValueError(f"a note of {len(value)} characters ({MAX_VALUE} at most)"))
            return deferred
        if len(self._waiting) >= MAX_WAITING:
            deferred.errback(Overloaded(f"{MAX_WAITING} notes are waiting"))
            return deferred
        self._waiting.append(_Note(channel, key, value, deferred))
        self.poke()
        return deferred

    def step(self) -> bool:
        """One commit for all that is waiting, up to a batch."""
        notes = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
        if not notes:
            return False
        try:
            with self.store.transaction() as tx:
                moved = self.fence.moved(tx, {note.channel for note in notes})
                ours = [note for note in notes if note.channel not in moved]
                _write(tx, ours, self.sources.now_us())
        except Exception as error:
            for note in notes:
                self.on_reactor(note.done.errback, error)
            if isinstance(error, TransientStoreError):
                raise  # the loop rests
            return bool(self._waiting)
        for note in notes:
            self.on_reactor(self._kept, note, note.channel in moved)
        return bool(self._waiting)

    def _kept(self, note: _Note, moved: bool) -> None:
        """On the reactor: between the commit and now this process may have been frozen."""
        if moved or not self.fence.may(note.channel):
            where = "is another node's" if moved else "may be another node's"
            note.done.errback(SeatLostError(f"the seat of {note.channel} {where}"))
        else:
            note.done.callback(None)


def _write(tx: Tx, notes: list[_Note], now: int) -> None:
    """The last one under a key counts."""
    last = {(note.channel, note.key): note.value for note in notes}
    tx.insert(
        "channel_note",
        ("channel", "key", "value", "updated"),
        [(*at, value, now) for at, value in sorted(last.items())],
        "ON CONFLICT (channel, key) DO UPDATE SET value = excluded.value, "
        "updated = excluded.updated",
    )


def note_of(reader: Reader, channel: str, key: str) -> str | None:
    """A channel's note under a key, or None."""
    rows = reader.rows(
        "SELECT value FROM channel_note WHERE channel = :channel AND key = :key",
        channel=channel,
        key=key,
    )
    return str(rows[0][0]) if rows else None
