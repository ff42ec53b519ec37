"""The load of `bench mobile-money`: a provider that tells of payments, and the network that carries
the tokens, so lean that they hardly count.

A process of its own on the same cores (``python -m simulators.bench.moneyload HOUSEHOLDS FILE``),
spoken to as :mod:`simulators.bench.load` is; ``FILE`` says where notices go (``port``, ``path``,
``short_code``). A purchase here is a notice; it is timed from its moment to the token's arrival at
the phone that is registered for the meter.
"""

import asyncio
import json
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from simulators.bench.load import Link, Run, Smsc, Town, until_bound
from simulators.bench.town import meter_of

#: Connections to the hub, as a provider keeps them.
CONNECTIONS: Final = 32
#: What was begun before the end may still come in this time; else it counts as lost.
_DRAIN_S: Final = 30.0
_GRAIN_S: Final = 0.001
#: Until somebody who was told to come again, or found nobody, comes again.
_AGAIN_S: Final = 0.2


class Payers(Town):
    """A town whose households pay to the short code. ``where``: the file's content."""

    def __init__(self, households: int, where: dict[str, Any]) -> None:
        super().__init__(households)
        self._where = where
        self._numbers = 0

    def text(self, house: int, tender: int) -> bytes:
        """Not a text: the notice of a payment."""
        self._numbers += 1
        fields = {
            "TransactionType": "Pay Bill", "TransID": f"BENCH{self._numbers:09d}",
            "TransTime": time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + 10_800)),
            "TransAmount": f"{tender // 100}.{tender % 100:02d}",
            "BusinessShortCode": self._where["short_code"], "BillRefNumber": meter_of(house),
            "InvoiceNumber": "", "OrgAccountBalance": "", "ThirdPartyTransID": "",
            "MSISDN": "2547 ***** 126", "FirstName": "BENCH", "MiddleName": "", "LastName": "",
        }  # fmt: skip
        body = json.dumps(fields).encode()
        head = (
            f"POST {self._where['path']} HTTP/1.1\r\nHost: bench\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Quiet(Link):
    """The network's side: it carries tokens and sends no texts."""

    def feed(self, now: float) -> None:  # noqa: ARG002 - nobody buys by SMS here
        self.flush()


class Posts:
    """Notices on their way, over connections that are kept."""

    def __init__(self, smsc: Smsc, port: int) -> None:
        self._smsc = smsc
        self._port = port
        self._waiting: deque[bytes] = deque()
        self._ready = asyncio.Event()
        self.under_way = 0

    def add(self, notice: bytes) -> None:
        """One more."""
        self._waiting.append(notice)
        self._ready.set()

    @property
    def queued(self) -> int:
        """Notices that nobody has taken yet."""
        return len(self._waiting) + self.under_way

    async def serve(self) -> None:
        """One connection after another, until it is cancelled."""
        while True:
            with suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                await self._use(reader, writer)
            await asyncio.sleep(_AGAIN_S)

    async def _use(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            while not self._waiting:
                self._ready.clear()
                await self._ready.wait()
            notice = self._waiting.popleft()
            self.under_way += 1
            try:
                writer.write(notice)
                status = await _status(reader)
            except (OSError, asyncio.IncompleteReadError):
                self.add(notice)  # who was not answered tells it again
                raise
            finally:
                self.under_way -= 1
            self._answered(status, notice)

    def _answered(self, status: int, notice: bytes) -> None:
        run = self._smsc.run
        if status == 200:
            return
        if status == 503:
            if run is not None:
                run.pushed_back += 1
            asyncio.get_running_loop().call_later(_AGAIN_S, self.add, notice)
        elif run is not None:
            sys.stderr.write(f"moneyload: HTTP {status}\n")
            run.others += 1


async def _status(reader: asyncio.StreamReader) -> int:
    """The status of an answer, its body read to the end."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    for line in lines:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            await reader.readexactly(int(value))
    return int(first.split(" ")[1])


def feed(smsc: Smsc, town: Payers, posts: Posts, now: float) -> None:
    """New payments as the run wants them."""
    run = smsc.run
    if run is None or now >= run.end:
        return
    while run.per_s and run.due <= now and town.room > 0:
        posts.add(town.next(run.due))
        run.due += run.draw.expovariate(run.per_s)
    free = min(run.in_flight - len(town.since), run.window - posts.queued, town.room)
    for _ in range(free):
        posts.add(town.next(now))


async def _run(smsc: Smsc, town: Payers, posts: Posts, order: dict[str, Any]) -> dict[str, Any]:
    run = smsc.run = Run(order, time.monotonic())
    begun = town.begun
    grain = _GRAIN_S if run.per_s else 0.005
    while (now := time.monotonic()) < run.end and not run.has_enough():
        feed(smsc, town, posts, now)
        await asyncio.sleep(grain)
    result = run.result()
    run.end = min(run.end, now)
    until = now + _DRAIN_S
    while town.since and time.monotonic() < until:
        await asyncio.sleep(0.02)
    result |= {"lost": len(town.since), "begun": town.begun - begun}
    town.since.clear()
    smsc.run = None
    return result


async def serve(households: int, where: dict[str, Any]) -> None:
    """Listens, and does what the lines on standard input say until it ends."""
    loop = asyncio.get_running_loop()
    town = Payers(households, where)
    smsc = Smsc(town)
    posts = Posts(smsc, int(where["port"]))
    server = await loop.create_server(lambda: Quiet(smsc), "127.0.0.1", 0)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    _say({"port": server.sockets[0].getsockname()[1]})
    senders = [asyncio.create_task(posts.serve()) for _ in range(CONNECTIONS)]
    while line := await lines.readline():
        order = json.loads(line)
        if order["do"] == "bound":
            await until_bound(smsc)
            _say({"bound": True})
        else:
            _say(await _run(smsc, town, posts, order))
    for sender in senders:
        sender.cancel()


def _say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())))
