"""The channel over real sockets: our codec, and another library's as a client."""

import asyncio
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import iso8583
import msgspec
import pytest

from adapters.iso8583.message import Message as Iso
from channels.pos import CHANNEL
from channels.pos.config import PosConfig
from channels.pos.service import PosChannel
from hub.iso8583 import load, shipped
from tests.channels.pos.fakes import DAY, NOON, TERMINAL, TODAY, TOKEN, VEND, PosPorts
from tests.interop.test_iso8583 import entry, spec_of
from tests.loop import fired, run

pytestmark = pytest.mark.slow
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def until(condition: Callable[[], Any]) -> None:
    """Lets the reactor turn until something has happened; the scenario's own limit ends it."""
    while not condition():
        await asyncio.sleep(0.002)


def served(talk: Talk, **config: Any) -> PosPorts:
    """A channel on a free port, and one client that talks to it."""
    ports = PosPorts(None)
    ports.now_us = lambda: PosPorts.now_us(_Noon)  # type: ignore[method-assign, arg-type]

    async def scenario(reactor: Any) -> None:
        ports.reactor = reactor
        options = {"endpoint": "tcp:0:interface=127.0.0.1", **config}
        channel: Any = CHANNEL.build(ports, msgspec.convert(options, PosConfig))
        assert isinstance(channel, PosChannel)
        channel.start()
        await until(lambda: channel.status()["state"] == "up")
        reader, writer = await asyncio.open_connection("127.0.0.1", channel.address.port)
        try:
            await talk(reader, writer)
        finally:
            writer.close()
            await fired(channel.stop())
        await until(lambda: not channel.status()["links"])

    run(scenario)
    return ports


class _Noon:
    """The instant at which the tests stand."""

    class reactor:
        @staticmethod
        def seconds() -> float:
            return 0.0


async def framed(reader: asyncio.StreamReader) -> bytes:
    """One message with a length of four digits."""
    return await reader.readexactly(int(await reader.readexactly(4)))


def test_a_client_by_other_hands_buys() -> None:
    """pyiso8583 packs the request and reads the answer, by a specification of its own kind."""
    spec = spec_of(load(shipped()["generic-1987-ascii"].read_text()).codec.layout)
    long = {**entry("ascii", 999), "len_enc": "ascii", "len_type": 3}
    spec |= {"48": long, "60": long, "61": {**long, "data_enc": "utf-8"}, "62": long, "63": long}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for mti, fields in (
            ("0800", {"70": "001"}),
            ("0200", {"3": "500000", "4": "000002000000", "12": NOON, "13": TODAY, "49": "800",
                      "48": VEND["f48"]["meter"] + "0" * 12, "60": "000007"}),
        ):  # fmt: skip
            said = {"t": mti, "11": "000007", "41": TERMINAL, **fields}
            packed, _ = iso8583.encode(said, spec)
            writer.write(b"%04d" % len(packed) + bytes(packed))
            answer, _ = iso8583.decode(await framed(reader), spec)
            assert (answer["t"], answer["39"]) == (mti[:2] + "10", "00")
        assert answer["62"].startswith(f"01020{TOKEN}")

    ports = served(talk)
    assert [arrival.key for arrival in ports.arrivals] == [
        f"{TERMINAL}/{DAY}/7/8",
        f"{TERMINAL}/{DAY}/7/2",
    ]


def test_a_terminal_behind_a_tpdu_that_drips_and_sends_two_at_once() -> None:
    dialect = load(shipped()["tpdu-1987-bcd"].read_text())

    def octets(stan: int) -> bytes:
        fields = {3: "500000", 4: "000002000000", 11: f"{stan:06d}", 41: TERMINAL, 49: "800",
                  60: "000007", 103: VEND["f48"]["meter"]}  # fmt: skip
        raw = dialect.codec.encode(Iso("0200", fields, bytes.fromhex("6000030001")))
        return struct.pack(">H", len(raw)) + raw

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = octets(1)
        for at in range(len(data)):
            writer.write(data[at : at + 1])
            await writer.drain()
        answers = [await self_framed(reader)]
        writer.write(octets(2))
        answers.append(await self_framed(reader))
        for answer in answers:
            message = dialect.codec.decode(answer)
            assert message.header == bytes.fromhex("6000010003")
            assert (message.mti, message.fields[39]) == ("0210", "00")
            assert message.fields[48]["15"] == TOKEN

    async def self_framed(reader: asyncio.StreamReader) -> bytes:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
        return await reader.readexactly(size)

    assert len(served(talk, dialect="tpdu-1987-bcd").arrivals) == 2


def test_a_bad_frame_ends_the_connection() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await reader.read() == b""

    assert served(talk).arrivals == []
