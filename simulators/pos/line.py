"""Terminals over sockets without a reactor: one selector turns them all.

The session is the one that :mod:`hub.wire` would drive. Lines that end are dialled again after a
pause, for terminals that have something to say.
"""

import selectors
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from adapters._session import CloseLink
from simulators.pos.terminal import Terminal

#: Until a line that is gone is dialled again.
REDIAL_S: Final = 0.1
#: A host that does not take a connection in this time is away.
CONNECT_S: Final = 5.0
#: A look at the clock, when nothing else is due: far below any time that is waited for.
GRAIN_S: Final = 0.05
_READ: Final = 65_536

OnEvent = Callable[[Terminal, Any], None]


class NoHost(Exception):  # noqa: N818 - the far end is away
    """Nobody answers at the address."""


@dataclass(slots=True)
class Line:
    """A terminal and its connection, if there is one."""

    terminal: Terminal
    host: str
    port: int
    on_event: OnEvent
    socket: "socket.socket | None" = None
    hung: bool = False  # on purpose: not dialled again
    redial_at: float = 0.0
    unsent: bytes = b""

    def dial(self, now: float) -> None:
        """Connect. Raises NoHost."""
        try:
            self.socket = socket.create_connection((self.host, self.port), CONNECT_S)
        except OSError as error:
            self.redial_at = now + REDIAL_S
            raise NoHost(f"nobody answers at {self.host}:{self.port} ({error})") from error
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.hung = False
        self.told(self.terminal.connected(now), now)

    def close(self, now: float, reason: str = "hung up") -> None:
        """The line is gone."""
        if self.socket is None:
            return
        self.socket.close()
        self.socket, self.unsent = None, b""
        self.redial_at = now + REDIAL_S
        self.told(self.terminal.lost(reason, now), now)

    def told(self, events: Iterable[Any], now: float) -> None:
        """Hand on events, then send what there is to send; a line may be cut after it."""
        cut: CloseLink | None = None
        due = self.terminal.deadline()
        more = self.terminal.tick(now) if due is not None and due <= now else []
        for event in (*events, *more):
            if isinstance(event, CloseLink):
                cut = event
            else:
                self.on_event(self.terminal, event)
        self.send(now)
        if cut is not None:
            self.close(now, cut.reason)

    def send(self, now: float) -> None:
        """As much as the socket takes."""
        self.unsent += self.terminal.outgoing()
        if self.socket is None or not self.unsent:
            return
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            return
        except OSError as error:
            self.close(now, str(error))

    def read(self, now: float) -> None:
        """What has come."""
        if self.socket is None:
            return
        try:
            data = self.socket.recv(_READ)
        except BlockingIOError:
            return
        except OSError as error:
            self.close(now, str(error))
            return
        if not data:
            self.close(now, "the host closed the line")
            return
        self.told(self.terminal.receive(data, now), now)


@dataclass(slots=True)
class Exchange:
    """All lines of a simulation. ``clock`` is monotonic seconds."""

    lines: list[Line] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic

    def turn(self, within_s: float = GRAIN_S) -> None:
        """Wait for octets or for time, and do what is due."""
        now = self.clock()
        self._dial(now)
        with selectors.DefaultSelector() as ready:
            for line in self.lines:
                if line.socket is not None:
                    wanted = selectors.EVENT_READ
                    wanted |= selectors.EVENT_WRITE if line.unsent else 0
                    ready.register(line.socket, wanted, line)
            found = ready.select(self._wait(now, within_s))
        now = self.clock()
        for key, mask in found:
            if mask & selectors.EVENT_WRITE:
                key.data.send(now)
            if mask & selectors.EVENT_READ:
                key.data.read(now)
        self._tick(now)

    def until(self, done: Callable[[], bool], within_s: float, what: str) -> None:
        """Turn until it is so; TimeoutError names what did not come."""
        end = self.clock() + within_s
        while not done():
            if self.clock() > end:
                raise TimeoutError(f"{what}: not within {within_s:g} s")
            self.turn()

    def close(self) -> None:
        """Hang up everywhere."""
        for line in self.lines:
            line.hung = True
            line.close(self.clock())

    def _wait(self, now: float, within_s: float) -> float:
        due = [line.terminal.deadline() for line in self.lines if line.socket is not None]
        soonest = min((each for each in due if each is not None), default=now + within_s)
        return max(0.0, min(within_s, soonest - now))

    def _tick(self, now: float) -> None:
        for line in self.lines:
            due = line.terminal.deadline()
            if line.socket is not None and due is not None and due <= now:
                line.told(line.terminal.tick(now), now)

    def _dial(self, now: float) -> None:
        for line in self.lines:
            if line.socket is None and not line.hung and now >= line.redial_at:
                try:
                    line.dial(now)
                except NoHost:
                    continue
