"""The load: an SMSC so lean that it hardly counts, with a town of phones that buy.

A process of its own on the same cores (``python -m simulators.bench.load HOUSEHOLDS [OF]``), spoken
to by lines of JSON: it prints ``{"port": N}``, takes orders on standard input and answers each with
one line. With ``OF`` so many households live in the town, and those who buy are spread over it.

* ``{"do": "bound", "links": N}``: answers when so many ESMEs are bound (1 where it is not said);
  purchases come by all of them in turn, and each has its share of what is under way;
* ``{"do": "saturate", "in_flight": N, "window": W, "warm": S, "seconds": S}``: N sales are always
  under way (a closed loop, as pgbench's clients are);
  with ``"tokens": N`` it ends with so many;
* ``{"do": "rate", "per_s": R, "warm": S, "seconds": S}``: purchases begin at the moments of a
  Poisson process whatever becomes of the earlier ones, and each is timed from its moment.

The answer: ``tokens`` (that reached a phone in the measured time), ``seconds``, ``p50_ms``,
``p99_ms`` (from the text's sending to the token's arrival), ``others`` (texts that are no token),
``pushed_back`` (deliveries that the hub told to come again), ``begun`` (all purchases
of the order, warming up too), ``lost`` (of these, without an outcome in time).
"""

import asyncio
import json
import random
import struct
import sys
import time
from collections import deque
from typing import Any

from adapters.smpp.codec import encode
from adapters.smpp.pdu import BindTransceiverResp, DeliverSm
from simulators.bench.town import meter_of, phone_of

_HEADER = struct.Struct(">IIII")
_SUBMIT, _SUBMIT_RESP, _DELIVER, _DELIVER_RESP = 0x4, 0x80000004, 0x5, 0x80000005
_BIND, _UNBIND, _ENQUIRE = 0x9, 0x6, 0x15
_UDHI = 0x40
_QUEUE_FULL, _TRY_LATER = 0x14, 0x64
SHORT_CODE = "8080"
#: What the first round buys for; each round one more, so that no purchase looks like a repeat.
_TENDER = 20_000
_AGAIN_S = 0.2


class Town:
    """Who buys next, and who waits for a token since when."""

    def __init__(self, households: int, of: int = 0) -> None:
        order = [house * max(of, households) // households for house in range(households)]
        random.Random(7).shuffle(order)
        self._turn = deque(order)
        self._bought = 0
        self._households = households
        self._house_of = {phone_of(house).lstrip("+").encode(): house for house in order}
        self.begun = 0
        self.since: dict[int, float] = {}

    def next(self, now: float) -> bytes:
        """The next purchase as an encoded deliver_sm with sequence 0."""
        house = self._turn[0]
        while house in self.since:  # only when many wait: :attr:`room` says when all do
            self._turn.rotate(-1)
            house = self._turn[0]
        self._turn.rotate(-1)
        tender = _TENDER + self._bought // self._households
        self._bought += 1
        self.begun += 1
        self.since[house] = now
        return self.text(house, tender)

    @property
    def room(self) -> int:
        """How many more may buy before half of the town waits for its token."""
        return self._households // 2 - len(self.since)

    def text(self, house: int, tender: int) -> bytes:
        """``BUY meter amount`` from a household's phone."""
        return encode(
            DeliverSm(
                source_addr_ton=1,
                source_addr_npi=1,
                source_addr=phone_of(house).lstrip("+"),
                destination_addr=SHORT_CODE,
                short_message=f"BUY {meter_of(house)} {tender}".encode(),
            ),
            0,
        )

    def took(self, phone: bytes) -> float | None:
        """A token has come to this phone: since when it waited; None if it did not."""
        house = self._house_of.get(phone)
        return None if house is None else self.since.pop(house, None)


class Run:
    """One order under way: what is counted, and from when to when."""

    def __init__(self, order: dict[str, Any], now: float) -> None:
        self.in_flight = int(order.get("in_flight", 0))
        self.window = int(order.get("window", 200))
        self.per_s = float(order.get("per_s", 0.0))
        self.begin = now + float(order.get("warm", 2.0))
        self.end = self.begin + float(order["seconds"])
        self.enough = int(order.get("tokens", 0))  # end with so many; 0: at the end of the time
        self.due = now
        self.took: list[float] = []
        self.others = 0
        self.pushed_back = 0
        self.draw = random.Random(11)

    def has_enough(self) -> bool:
        """Whether what was ordered has been delivered."""
        return bool(self.enough) and len(self.took) >= self.enough

    def result(self) -> dict[str, Any]:
        took = sorted(self.took)
        seconds = self.end - self.begin
        return {
            "tokens": len(took),
            "seconds": seconds,
            "per_s": len(took) / seconds,
            "p50_ms": _at(took, 0.50),
            "p99_ms": _at(took, 0.99),
            "others": self.others,
            "pushed_back": self.pushed_back,
        }


def _at(took: list[float], share: float) -> float:
    return took[min(len(took) - 1, int(len(took) * share))] * 1_000 if took else 0.0


class Smsc:
    """All links, and the run under way."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.run: Run | None = None
        self.links: deque[Link] = deque()
        self.bound = asyncio.Event()
        self._numbers = 0

    def feed(self, now: float) -> None:
        """New purchases as the run wants them; everything leaves in one write a link."""
        run, town = self.run, self.town
        if run is not None and now < run.end:
            while run.per_s and self.links and run.due <= now and town.room > 0:
                self.links.rotate(-1)
                self.links[-1].deliver(town.next(run.due))
                run.due += run.draw.expovariate(run.per_s)
            for link in self.links:
                free = min(run.in_flight // len(self.links) - link.under_way,
                           run.window - len(link.waiting), town.room)  # fmt: skip
                for _ in range(free):
                    link.deliver(town.next(now))
        for link in self.links:
            link.flush()

    def begin(self, order: dict[str, Any]) -> "Run":
        """A run begins; nothing is under way."""
        for link in self.links:
            link.under_way = 0
        self.run = Run(order, time.monotonic())
        return self.run

    def text_came(self, frame: bytes, now: float, link: "Link | None" = None) -> bytes:
        """A submit_sm; returns the message id that we give it."""
        self._numbers += 1
        run, at = self.run, frame.index(0, 16) + 3  # behind service_type, TON and NPI
        at = frame.index(0, at) + 3
        end = frame.index(0, at)
        if b"Token" in frame:
            since = self.town.took(frame[at:end])
            if link is not None and since is not None:
                link.under_way -= 1
            if since is not None and run is not None and run.begin <= now < run.end:
                run.took.append(now - since)
        elif run is not None and not frame[end + 1] & _UDHI:
            run.others += 1
            if self.town.took(frame[at:end]) is not None and link is not None:
                link.under_way -= 1
        return b"%x" % self._numbers


class Link(asyncio.Protocol):
    """One ESME's connection."""

    def __init__(self, smsc: Smsc) -> None:
        self._smsc = smsc
        self._buffer = b""
        self._out: list[bytes] = []
        self._sequence = 0
        self.waiting: dict[int, bytes] = {}  # deliver_sm without response
        self.under_way = 0  # purchases that came by this link and have no outcome yet

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self in self._smsc.links:
            self._smsc.links.remove(self)
            self._smsc.bound.set()  # who waits for a number of them counts again

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        at, size, now = 0, len(buffer), time.monotonic()
        while size - at >= 16:
            length, command, status, sequence = _HEADER.unpack_from(buffer, at)
            if size - at < length:
                break
            self._frame(command, status, sequence, buffer[at : at + length], now)
            at += length
        self._buffer = buffer[at:]
        self.feed(now)

    def _frame(self, command: int, status: int, sequence: int, frame: bytes, now: float) -> None:
        if command == _SUBMIT:
            body = self._smsc.text_came(frame, now, self) + b"\0"
            self._out.append(_HEADER.pack(16 + len(body), _SUBMIT_RESP, 0, sequence) + body)
        elif command == _DELIVER_RESP:
            self._answered(sequence, status)
        elif command == _BIND:
            self._out.append(encode(BindTransceiverResp(system_id="bench"), sequence))
            self._smsc.links.append(self)
            self._smsc.bound.set()
        elif command in (_ENQUIRE, _UNBIND):
            self._out.append(_HEADER.pack(16, command | 0x80000000, 0, sequence))

    def _answered(self, sequence: int, status: int) -> None:
        pdu = self.waiting.pop(sequence, None)
        if status in (_QUEUE_FULL, _TRY_LATER) and pdu is not None:
            if self._smsc.run is not None:
                self._smsc.run.pushed_back += 1
            asyncio.get_running_loop().call_later(_AGAIN_S, self._send, pdu)

    def deliver(self, pdu: bytes) -> None:
        """A new purchase by this link, with the next write."""
        self.under_way += 1
        self._send(pdu)

    def _send(self, pdu: bytes) -> None:
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        self.waiting[self._sequence] = pdu
        self._out.append(pdu[:12] + self._sequence.to_bytes(4) + pdu[16:])

    def feed(self, now: float) -> None:
        """Something came: perhaps more may go."""
        self._smsc.feed(now)
        self.flush()  # one that has not bound yet has its answers too

    def flush(self) -> None:
        """What waits leaves."""
        if self._out:
            self.transport.write(b"".join(self._out))
            self._out.clear()


#: What was begun before the end may still come in this time; else it counts as lost.
_DRAIN_S = 30.0
#: In open loop, purchases are looked for this often: far below the times that are measured.
_GRAIN_S = 0.001


async def _run(smsc: Smsc, order: dict[str, Any]) -> dict[str, Any]:
    run = smsc.begin(order)
    begun = smsc.town.begun
    grain = _GRAIN_S if run.per_s else 0.02
    while (now := time.monotonic()) < run.end and not run.has_enough():
        smsc.feed(now)
        await asyncio.sleep(grain)
    result = run.result()
    run.end = min(run.end, now)
    until = now + _DRAIN_S
    while smsc.town.since and time.monotonic() < until:
        await asyncio.sleep(0.02)
    result["lost"] = len(smsc.town.since)
    result["begun"] = smsc.town.begun - begun
    smsc.town.since.clear()
    smsc.run = None
    return result


async def until_bound(smsc: Smsc, links: int = 1) -> None:
    """Returns when so many ESMEs are bound."""
    while len(smsc.links) < links:
        smsc.bound.clear()
        await smsc.bound.wait()


async def serve(households: int, of: int = 0) -> None:
    """Listens, and does what the lines on standard input say until it ends."""
    loop = asyncio.get_running_loop()
    smsc = Smsc(Town(households, of))
    server = await loop.create_server(lambda: Link(smsc), "127.0.0.1", 0)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    _say({"port": server.sockets[0].getsockname()[1]})
    while line := await lines.readline():
        order = json.loads(line)
        if order["do"] == "bound":
            await until_bound(smsc, int(order.get("links", 1)))
            _say({"bound": True})
        else:
            _say(await _run(smsc, order))


def _say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:3])))
