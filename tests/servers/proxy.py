"""A TCP proxy that breaks connections on purpose: between us and a server that is real.

It runs on a loop and a thread of its own; what it is told counts when the call returns. New
connections to one that is ``down`` are reset at once: its port stays its own, so nobody else takes
it meanwhile.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

#: How long a test waits for what must come; the machine may be busy.
LONG_S = 60.0
#: Where a URL without a port leads.
PORTS = {"postgresql": 5432, "amqp": 5672}
#: What is read at once; the database's answers to a batch are smaller.
CHUNK = 65_536


@dataclass(slots=True)
class Trap:
    """Waits for a request; its connection is cut before the answer to it comes through.

    ``passed``: the server gets the request and has answered it, so what was asked is done (a
    COMMIT has committed); else it never hears of it. ``of``: only connections that said this before
    (PostgreSQL's carry their application's name). ``skip`` such requests pass first. ``answer``:
    what the answer holds; any octet, where it is empty.
    """

    request: bytes
    passed: bool
    of: bytes = b""
    skip: int = 0
    answer: bytes = b""
    sprung: threading.Event = field(default_factory=threading.Event)
    _seen: int = 0

    def counted(self) -> bool:
        """One such request was seen; whether it is the one to stop at."""
        self._seen += 1
        return self._seen == self.skip + 1

    def wait(self) -> None:
        """Until it has cut its connection. Raises TimeoutError."""
        if not self.sprung.wait(LONG_S):
            raise TimeoutError(f"nobody sent {self.request!r} within {LONG_S} s")


class _Link:
    """A client's connection and ours to the server for it."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.client, self.server = client, server
        self.said = b""  # the first that the client said
        self.tail = b""  # the last of it: a request may come in two parts
        self.caught: Trap | None = None
        self.heard = b""  # of the answer that is held back

    def cut(self) -> None:
        """Reset both ends: nothing more of what was on its way comes through."""
        for _, writer in (self.client, self.server):
            raw = writer.get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Listens on a free port of loopback and passes on to ``(host, port)``; a context manager."""

    def __init__(self, host: str, port: int, seed: int = 1) -> None:
        self._far = (host, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._traps: list[Trap] = []
        self._random = random.Random(seed)
        self._delay_s, self._share = 0.0, 1.0
        self._down = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._listener: asyncio.Server | None = None
        self.port = 0

    @classmethod
    def before(cls, url: str) -> "Proxy":
        """One in front of the server that a URL names."""
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or PORTS[parts.scheme])

    def url(self, url: str) -> str:
        """The same URL, through here."""
        parts = urlsplit(url)
        account = parts.netloc.rpartition("@")[0]
        place = f"{account}@" if account else ""
        return urlunsplit(parts._replace(netloc=f"{place}127.0.0.1:{self.port}"))

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """Reset every connection that there is; new ones are welcome."""
        self._now(self._cut)

    def down(self) -> None:
        """Reset every connection, and each new one at once, until ``up``."""
        self._now(self._set_down, True)

    def up(self) -> None:
        """Take connections again."""
        self._now(self._set_down, False)

    def freeze(self) -> None:
        """Half-open: everything stays connected (new ones too) and no octet passes, until
        ``thaw``."""
        self._now(self._flowing.clear)

    def thaw(self) -> None:
        """Let pass what has waited, and the rest."""
        self._now(self._flowing.set)

    def delay(self, seconds: float, share: float = 1.0) -> None:
        """Hold back a share of what comes from now on, either way, this long each. 0: none."""
        self._now(self._set_delay, seconds, share)

    def swallow(
        self,
        request: bytes,
        *,
        passed: bool,
        of: bytes = b"",
        skip: int = 0,
        answer: bytes = b"",
    ) -> Trap:
        """Cut the connection that sends ``request`` before its answer comes through, once."""
        trap = Trap(request, passed, of, skip, answer)
        self._now(self._traps.append, trap)
        return trap

    def connections(self) -> int:
        """How many are open."""
        count: int = self._now(lambda: len(self._links))
        return count

    def _now(self, act: Callable[..., Any], *args: Any) -> Any:
        async def acting() -> Any:
            return act(*args)

        return self._do(acting())

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LONG_S)

    def _cut(self) -> None:
        for link in list(self._links):
            link.cut()

    def _set_down(self, down: bool) -> None:
        self._down = down
        if down:
            self._cut()

    def _set_delay(self, seconds: float, share: float) -> None:
        self._delay_s, self._share = seconds, share

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._came, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _came(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        link = _Link((reader, writer), (reader, writer))
        try:
            if not self._down:
                link.server = await asyncio.open_connection(*self._far)
                self._links.add(link)
                await asyncio.gather(
                    self._pump(link, link.client[0], link.server[1], self._asked),
                    self._pump(link, link.server[0], link.client[1], self._answered),
                )
        except (OSError, asyncio.CancelledError):
            pass  # either end has gone, or the test is over: so the other's goes
        finally:
            link.cut()
            self._links.discard(link)
            self._tasks.discard(task)

    async def _pump(
        self,
        link: _Link,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        sieve: Callable[[_Link, bytes], bool],
    ) -> None:
        """One direction, in order; an end of it ends both."""
        while data := await source.read(CHUNK):
            if self._delay_s and self._random.random() < self._share:
                await asyncio.sleep(self._delay_s)
            await self._flowing.wait()
            if sieve(link, data):
                sink.write(data)
                await sink.drain()
        raise ConnectionResetError("one end has closed")

    def _asked(self, link: _Link, data: bytes) -> bool:
        """Whether what the client says goes on to the server."""
        if len(link.said) < CHUNK:
            link.said += data
        for trap in [trap for trap in self._traps if trap.of in link.said]:
            if trap.request in link.tail[-len(trap.request) + 1 :] + data and trap.counted():
                return self._caught(link, trap)
        link.tail = data[-CHUNK:]
        return True

    def _caught(self, link: _Link, trap: Trap) -> bool:
        self._traps.remove(trap)
        if trap.passed:
            link.caught = trap
            return True
        link.cut()
        trap.sprung.set()
        return False

    def _answered(self, link: _Link, data: bytes) -> bool:
        """Whether what the server says goes on to the client."""
        if link.caught is None:
            return True
        link.heard += data
        if link.caught.answer in link.heard:
            link.cut()
            link.caught.sprung.set()
            link.caught = None
        return False
