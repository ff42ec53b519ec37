"""The load of `bench pos`: terminals so lean that they hardly count, one sale at a time on each.

A process of its own on the same cores (``python -m simulators.bench.posload``), spoken to as
:mod:`simulators.bench.load` is: it prints ``{"port": N}`` (where the hub shall listen), takes
orders on standard input and answers each with one line.

* ``{"do": "bound"}``: answers when every terminal is connected;
* ``{"do": "saturate", "warm": S, "seconds": S}``: every terminal sells its next when it has the
  answer to the last (a closed loop, as pgbench's clients are); with ``"tokens": N`` it ends with so
  many;
* ``{"do": "rate", "per_s": R, "warm": S, "seconds": S}``: sales begin at the moments of a Poisson
  process, each at a terminal that waits for nothing, and each is timed from its moment.

The answer is that of :mod:`simulators.bench.load`: ``tokens`` are 0210 with code 00.
"""

import asyncio
import json
import sys
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.iso8583.framing import Framer, frame
from adapters.iso8583.message import Message
from simulators.bench import town
from simulators.bench.load import Run
from simulators.bench.servers import free_port
from simulators.bench.shops import terminal_of
from simulators.pos.terms import Setup
from simulators.pos.wording import Moment, Wording, wording_of

DIALECT: Final = "generic-1987-ascii"
_ZONE: Final = ZoneInfo("Africa/Kampala")  # the company's
#: Minor units of the first round; each round of the town one more, so that nothing looks repeated.
_TENDER: Final = 20_000
#: Until a terminal that found nobody dials again.
_AGAIN_S: Final = 0.1
#: What was begun before the end may still come in this time; else it counts as lost.
_DRAIN_S: Final = 30.0
_GRAIN_S: Final = 0.001


class Street:
    """All terminals, who is next to be sold to, and the run under way."""

    def __init__(self, terminals: int, households: int) -> None:
        self.words: Wording = wording_of(DIALECT)
        self.links = [Link(self, terminal_of(number)) for number in range(terminals)]
        self.idle: deque[Link] = deque()
        self.run: Run | None = None
        self.sold = 0
        self._households = households

    @property
    def waiting(self) -> int:
        """Sales without an answer."""
        return sum(link.since is not None for link in self.links)

    def next_sale(self) -> tuple[str, int]:
        """The meter and the amount of the next sale."""
        house, turn = self.sold % self._households, self.sold // self._households
        self.sold += 1
        return town.meter_of(house), _TENDER + turn

    def answered(self, link: "Link", took: float, good: bool, now: float) -> None:
        """One has its answer; in a closed loop it sells on."""
        run = self.run
        if run is not None and run.begin <= now < run.end:
            if good:
                run.took.append(took)
            else:
                run.others += 1
        if run is not None and not run.per_s and now < run.end and not run.has_enough():
            link.sell(now)
        else:
            self.idle.append(link)

    def feed(self, now: float) -> None:
        """New sales as the run wants them."""
        run = self.run
        if run is None or now >= run.end:
            return
        if not run.per_s:
            while self.idle:
                self.idle.popleft().sell(now)
        while run.per_s and run.due <= now and self.idle:
            self.idle.popleft().sell(run.due)
            run.due += run.draw.expovariate(run.per_s)


class Link(asyncio.Protocol):
    """One terminal's connection. ``since``: when the sale under way began."""

    def __init__(self, street: Street, number: str) -> None:
        self._street = street
        self._how = street.words.dialect.framing
        self._framer = Framer(self._how)
        self._setup = Setup(number, street.words, currency="800")
        self._stan = 0
        self.since: float | None = None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._framer = Framer(self._how)
        self._street.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.transport = None
        self.since = None
        with suppress(ValueError):
            self._street.idle.remove(self)

    def sell(self, since: float) -> None:
        """Send the next sale."""
        self._stan += 1
        meter, amount = self._street.next_sale()
        at = datetime.now(UTC)
        moment = Moment(self._stan, at.astimezone(_ZONE), at)
        values = {"meter": meter, "amount": amount, "batch": 1}
        message = self._street.words.request("vend", self._setup, moment, values)
        self.since = since
        self.transport.write(frame(self._how, self._street.words.dialect.codec.encode(message)))

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        for octets in self._framer.feed(data):
            self._took(self._street.words.dialect.codec.decode(octets), now)

    def _took(self, message: Message, now: float) -> None:
        if self.since is None or message.fields.get(11) != f"{self._stan:06d}":
            return
        took, self.since = now - self.since, None
        good = message.fields.get(39) == "00"
        if not good and self._street.run is not None and not self._street.run.others:
            sys.stderr.write(f"posload: {message!r}\n")
        self._street.answered(self, took, good, now)


async def connect(street: Street, port: int) -> None:
    """Every terminal that has no line dials until somebody answers."""
    loop = asyncio.get_running_loop()
    for link in street.links:
        while link.transport is None:
            try:
                await loop.create_connection(lambda link=link: link, "127.0.0.1", port)  # type: ignore[misc]
            except OSError:
                await asyncio.sleep(_AGAIN_S)


async def _run(street: Street, order: dict[str, Any]) -> dict[str, Any]:
    run = street.run = Run(order, time.monotonic())
    begun = street.sold
    while (now := time.monotonic()) < run.end and not run.has_enough():
        street.feed(now)
        await asyncio.sleep(_GRAIN_S if run.per_s else 0.02)
    result = run.result()
    run.end = min(run.end, now)
    until = now + _DRAIN_S
    while street.waiting and time.monotonic() < until:
        await asyncio.sleep(0.02)
    result["lost"] = street.waiting
    result["begun"] = street.sold - begun
    street.run = None
    return result


async def serve(terminals: int, households: int) -> None:
    """Does what the lines on standard input say until it ends."""
    loop = asyncio.get_running_loop()
    street, port = Street(terminals, households), free_port()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    _say({"port": port})
    while line := await lines.readline():
        order = json.loads(line)
        if order["do"] == "bound":
            await connect(street, port)
            _say({"bound": True})
        else:
            _say(await _run(street, order))


def _say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
