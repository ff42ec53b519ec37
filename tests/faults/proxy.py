"""A TCP proxy that breaks the network between two: cut, silent, slow, jittery, deaf at a word.

One thread a direction and connection; bytes are never reordered within one, as TCP never does.
"""

import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from time import monotonic

#: As much as one read takes.
CHUNK = 64 * 1024
#: How often a thread that waits looks whether it still has to.
LOOK_S = 0.05

#: Sees what the near side sends.
Watch = Callable[[bytes], object]


def _no_delay() -> float:
    return 0.0


@dataclass(slots=True, eq=False)
class _Pair:
    """One connection through the proxy."""

    near: socket.socket
    far: socket.socket
    ways: int = 2  # directions that are still read
    silent: bool = False  # neither side hears of the other any more, and neither is told

    def close(self) -> None:
        for link in (self.near, self.far):
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)


@dataclass(slots=True)
class Proxy:
    """Forwards ``port`` of loopback to ``target`` there."""

    target: int
    #: seconds that a piece is held back, drawn anew for each
    delay: Callable[[], float] = _no_delay
    watch: Watch | None = None
    _word: bytes = b""  # a connection ends where this passes …
    _arrives: bool = False  # … after it was handed on, but not its answer
    port: int = 0
    _server: socket.socket = field(init=False)
    _pairs: set[_Pair] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_cut: bool = False
    _held: bool = False
    _closed: bool = False
    _pause: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, name=f"proxy-{self.target}", daemon=True).start()

    # -- what can be broken ---------------------------------------------------------------------

    def cut(self) -> None:
        """Every connection ends, and new ones end at once."""
        self._is_cut = True
        self._drop()

    def hold(self) -> None:
        """Nothing passes, nobody is told; what was sent passes after :meth:`heal`."""
        self._held = True

    def forget(self) -> None:
        """What is connected stays so and hears nothing ever again; new connections are whole."""
        with self._lock:
            for pair in self._pairs:
                pair.silent = True

    def slow(self, seconds: float) -> None:
        """Every piece takes that long in each direction."""
        self.delay = lambda: seconds

    def jitter(self, random: Random, share: float, most_s: float) -> None:
        """A share of the pieces is held back, by up to ``most_s``."""
        self.delay = lambda: random.uniform(0, most_s) if random.random() < share else 0.0

    def end_at(self, word: bytes, arrives: bool) -> None:
        """End the next connection whose near side says ``word``, once; whether it arrives."""
        self._word, self._arrives = word, arrives

    def has_ended(self) -> bool:
        """Whether :meth:`end_at` has come to pass."""
        return not self._word

    def heal(self) -> None:
        """Everything passes again; what was forgotten stays forgotten."""
        self._is_cut = self._held = False
        self.delay, self.watch = _no_delay, None

    def connections(self) -> int:
        """How many are open and not forgotten."""
        with self._lock:
            return sum(not pair.silent for pair in self._pairs)

    def close(self) -> None:
        """Listen no more, end everything."""
        self._closed = True
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._drop()

    # -- how it works ---------------------------------------------------------------------------

    def _drop(self) -> None:
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            if self._is_cut:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:  # nobody is there: so it is told
                near.close()
                continue
            self._join(_Pair(near, far))

    def _join(self, pair: _Pair) -> None:
        for link in (pair.near, pair.far):
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._pairs.add(pair)
        for way in ((pair.near, pair.far, True), (pair.far, pair.near, False)):
            threading.Thread(target=self._pump, args=(pair, *way), daemon=True).start()

    def _pump(self, pair: _Pair, source: socket.socket, sink: socket.socket, asks: bool) -> None:
        """One direction. ``asks``: from the side that connected."""
        way, ended = _Way(sink), False
        writer = threading.Thread(target=self._write, args=(pair, way), daemon=True)
        writer.start()
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if asks and self.watch is not None:
                    self.watch(data)
                if ended := asks and self._ends_at(data):
                    pair.silent = True  # first: the answer must not come back
                    if self._arrives:
                        sink.sendall(data)
                    break
                way.put(monotonic() + self.delay(), data)
        way.put(0.0, b"")
        writer.join()
        if not pair.silent or ended:  # the peer of who has gone silently is never told
            pair.close()
        with self._lock:
            pair.ways -= 1
            if not pair.ways:
                self._pairs.discard(pair)
                pair.near.close()
                pair.far.close()

    def _ends_at(self, data: bytes) -> bool:
        with self._lock:
            found = bool(self._word) and self._word in data
            if found:
                self._word = b""
            return found

    def _write(self, pair: _Pair, way: "_Way") -> None:
        """What was read, in order, when it is due and the way is open; the end comes last."""
        while True:
            due, data = way.get()
            while self._waits(due):
                self._pause.wait(LOOK_S if self._held else max(0.001, due - monotonic()))
            if not data:
                return
            if not pair.silent:
                with suppress(OSError):
                    way.sink.sendall(data)

    def _waits(self, due: float) -> bool:
        if self._closed or self._is_cut:
            return False
        return self._held or monotonic() < due


class _Way:
    """One direction of a connection: what is under way in it."""

    def __init__(self, sink: socket.socket) -> None:
        self.sink = sink
        self._late: deque[tuple[float, bytes]] = deque()
        self._more = threading.Condition()

    def put(self, due: float, data: bytes) -> None:
        """A piece, not to be handed on before ``due``; empty: the end."""
        with self._more:
            self._late.append((due, data))
            self._more.notify()

    def get(self) -> tuple[float, bytes]:
        """The oldest; waits for it."""
        with self._more:
            while not self._late:
                self._more.wait()
            return self._late.popleft()
