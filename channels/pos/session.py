"""One link as a sans-IO session: octets in, whole messages out; what is no message closes it.

It knows frames, times and numbers, nothing of what a message means. ``hub.wire`` drives it.
"""

from dataclasses import dataclass
from typing import Any, Final

from adapters._session import CloseLink
from adapters.iso8583.document import Dialect
from adapters.iso8583.errors import DecodeError, IsoError
from adapters.iso8583.framing import Framer, frame, keepalive
from adapters.iso8583.message import Message
from channels.pos.states import Link, Saw, after

#: Octets that may wait for a peer that does not read: a hundred receipts; then the link is closed.
MOST_WAITING: Final = 512 * 1024


@dataclass(frozen=True, slots=True)
class Came:
    """A message, and its octets as they came."""

    message: Message
    data: bytes


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Octets that are no message of the dialect. ``mti`` "" when even that cannot be read."""

    error: DecodeError
    mti: str
    header: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one link. Seconds; ``per_second``: messages, over a window of as many as ten seconds."""

    frame_s: float = 10.0
    idle_s: float = 600.0
    per_second: int = 2_000


class Session:
    """Implements ``hub.wire.Session``; ``now`` is monotonic seconds."""

    def __init__(self, dialect: Dialect, limits: Limits, *, echo_keepalives: bool = False) -> None:
        self.dialect = dialect
        self.state = Link.DOWN
        self._limits = limits
        self._echo = echo_keepalives
        self._framer = Framer(dialect.framing)
        self._out: list[bytes] = []
        self._waiting = 0
        self._heard = 0.0
        self._begun: float | None = None  # when the unfinished frame began
        self._budget = 0.0
        self._budget_at = 0.0

    # --- hub.wire.Session ----------------------------------------------------------------------

    def connected(self, now: float) -> list[Any]:
        """A new connection: nothing of an earlier one is left."""
        self._framer = Framer(self.dialect.framing)
        self._out, self._waiting = [], 0
        self._heard = self._budget_at = now
        self._budget = self._limits.per_second * 10.0
        self._begun = None
        self.state = after(Link.DOWN, Saw.CONNECTED)
        return []

    def receive(self, data: bytes, now: float) -> list[Any]:
        """The messages that ``data`` completes; never raises because of them."""
        if self.state is Link.DOWN or not data:
            return []
        self._heard = now
        before = self._framer.keepalives
        events: list[Any] = []
        for raw in self._framer.feed(data):
            if not self._paid(now):
                return [*events, self._close("it sends more than a link may")]
            events.append(self._read(raw))
        if self._echo:
            self._send(keepalive(self.dialect.framing) * min(self._framer.keepalives - before, 9))
        if not self._paid(now, self._framer.keepalives - before):
            return [*events, self._close("it sends more than a link may")]
        if self._framer.defect is not None:
            return [*events, self._close(f"bad frame: {self._framer.defect}")]
        self._part(now, whole=bool(events))
        return events

    def tick(self, now: float) -> list[Any]:
        """Closes what is slow inside a frame, silent, or does not read."""
        if self.state is Link.DOWN:
            return []
        if self._begun is not None and now >= self._begun + self._limits.frame_s:
            return [self._close(f"a frame took longer than {self._limits.frame_s:g} s")]
        if now >= self._heard + self._limits.idle_s:
            return [self._close(f"nothing was heard for {self._limits.idle_s:g} s")]
        return []

    def lost(self, reason: str, now: float) -> list[Any]:  # noqa: ARG002 - the wire's signature
        """The transport is gone; what the hub was told goes on without it."""
        self.state = after(self.state, Saw.GONE)
        self._out, self._waiting = [], 0
        self._framer = Framer(self.dialect.framing)
        return []

    def outgoing(self) -> bytes:
        """The octets to send now; asking empties them."""
        data = b"".join(self._out)
        self._out, self._waiting = [], 0
        return data

    def deadline(self) -> float | None:
        """When the frame or the silence has taken too long."""
        if self.state is Link.DOWN:
            return None
        idle = self._heard + self._limits.idle_s
        return idle if self._begun is None else min(idle, self._begun + self._limits.frame_s)

    # --- for the channel -----------------------------------------------------------------------

    def answer(self, message: bytes) -> list[Any]:
        """Sends a message of ours. EncodeError: it is too long for the framing."""
        if self.state is Link.DOWN:
            return []
        self._send(frame(self.dialect.framing, message))
        if self._waiting > MOST_WAITING:
            return [CloseLink("it does not read its answers", abort=True)]
        return []

    def drain(self) -> None:
        """From now on the owner answers what is new with "come again"."""
        self.state = after(self.state, Saw.STOP)

    # --- inside --------------------------------------------------------------------------------

    def _read(self, raw: bytes) -> Came | Unreadable:
        codec = self.dialect.codec
        try:
            return Came(codec.decode(raw), raw)
        except DecodeError as error:
            header = raw[: codec.layout.header]
            return Unreadable(error, self._mti(raw), header, raw)

    def _mti(self, raw: bytes) -> str:
        try:
            return self.dialect.codec.mti(raw)
        except IsoError:
            return ""

    def _part(self, now: float, *, whole: bool) -> None:
        """Whether a frame is unfinished, and since when: a sender that drips does not win time."""
        if not self._framer.waiting:
            self._begun = None
            self.state = after(self.state, Saw.WHOLE)
            return
        if self._begun is None or whole:
            self._begun = now
        self.state = after(self.state, Saw.PART)

    def _paid(self, now: float, cost: int = 1) -> bool:
        """Takes messages from what the link may send; False when there is nothing left."""
        most = self._limits.per_second * 10.0
        self._budget += max(0.0, now - self._budget_at) * self._limits.per_second
        self._budget = min(self._budget, most) - cost
        self._budget_at = now
        return self._budget >= 0

    def _send(self, data: bytes) -> None:
        if data:
            self._out.append(data)
            self._waiting += len(data)

    def _close(self, reason: str) -> CloseLink:
        self.state = after(self.state, Saw.GONE)
        return CloseLink(reason)
