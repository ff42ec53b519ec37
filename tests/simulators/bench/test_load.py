"""The load generator's SMSC against our own codec, without sockets."""

import asyncio
import time
from typing import Any

import pytest

from adapters.smpp.codec import decode, encode
from adapters.smpp.framing import Framer
from adapters.smpp.pdu import (
    BindTransceiver,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    Pdu,
    SubmitSm,
    SubmitSmResp,
)
from adapters.smpp.status import Status
from simulators.bench import load
from simulators.bench.load import Link, Run, Smsc, Town
from simulators.bench.town import meter_of, phone_of


class Wire:
    """A transport that remembers, and reads what was written as PDUs."""

    def __init__(self) -> None:
        self.framer = Framer()
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def pdus(self) -> list[Any]:
        frames = [frame for data in self.written for frame in self.framer.feed(data)]
        self.written.clear()
        return [decode(frame) for frame in frames]


def bound(smsc: Smsc) -> tuple[Link, Wire]:
    link, wire = Link(smsc), Wire()
    link.connection_made(wire)
    link.data_received(encode(BindTransceiver(system_id="hub"), 1))
    assert smsc.bound.is_set()
    assert wire.pdus()[0].sequence == 1
    return link, wire


def order(**given: Any) -> Run:
    return Run({"warm": 0, "seconds": 100, **given}, time.monotonic())


def token_for(delivered: DeliverSm, text: bytes = b"Token 1234", esm_class: int = 0) -> Pdu:
    return SubmitSm(
        source_addr="8080",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr=delivered.source_addr,
        esm_class=esm_class,
        short_message=text,
    )


def test_a_text_is_a_purchase_by_a_household() -> None:
    town = Town(10)
    (first, second) = (decode(town.next(0.0)).pdu for _ in range(2))
    assert isinstance(first, DeliverSm)
    assert first.source_addr != second.source_addr
    house = next(h for h in range(10) if phone_of(h) == f"+{first.source_addr}")
    assert first.short_message.decode() == f"BUY {meter_of(house)} 20000"


def test_each_round_buys_for_another_amount() -> None:
    town = Town(3)
    texts = []
    for _ in range(6):
        texts.append(decode(town.next(0.0)).pdu.short_message)
        town.since.clear()
    assert len(set(texts)) == 6


def test_the_loop_is_closed_by_tokens() -> None:
    smsc = Smsc(Town(100))
    link, wire = bound(smsc)
    smsc.run = order(in_flight=3, window=10)
    link.feed(time.monotonic())
    delivered = [packet.pdu for packet in wire.pdus()]
    assert [type(pdu) for pdu in delivered] == [DeliverSm] * 3
    link.data_received(encode(token_for(delivered[0]), 77))
    answer, again = wire.pdus()
    assert isinstance(answer.pdu, SubmitSmResp)
    assert answer.sequence == 77
    assert isinstance(again.pdu, DeliverSm)
    assert len(smsc.run.took) == 1
    assert smsc.run.result()["others"] == 0


def test_the_window_is_of_unanswered_deliveries() -> None:
    smsc = Smsc(Town(100))
    link, wire = bound(smsc)
    smsc.run = order(in_flight=50, window=2)
    link.feed(time.monotonic())
    first, _second = wire.pdus()
    link.data_received(encode(DeliverSmResp(), first.sequence))
    assert len(wire.pdus()) == 1


def test_half_of_the_town_may_wait_and_no_more() -> None:
    smsc = Smsc(Town(10))
    link, wire = bound(smsc)
    smsc.run = order(in_flight=50, window=50)
    link.feed(time.monotonic())
    assert len(wire.pdus()) == 5


def test_what_is_pushed_back_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "_AGAIN_S", 0.0)

    async def scenario() -> None:
        smsc = Smsc(Town(10))
        link, wire = bound(smsc)
        smsc.run = order(in_flight=1, window=5)
        link.feed(time.monotonic())
        (first,) = wire.pdus()
        link.data_received(encode(DeliverSmResp(), first.sequence, Status.ESME_RMSGQFUL))
        while not link.waiting:  # the loop's own turns, no time
            await asyncio.sleep(0)
        link.feed(time.monotonic())
        (second,) = wire.pdus()
        assert second.pdu == first.pdu
        assert smsc.run.pushed_back == 1

    asyncio.run(scenario())


def test_a_text_that_is_no_token_is_counted_and_later_parts_are_not() -> None:
    smsc = Smsc(Town(10))
    link, wire = bound(smsc)
    smsc.run = order(in_flight=2, window=5)
    link.feed(time.monotonic())
    first, second = (packet.pdu for packet in wire.pdus())
    link.data_received(encode(token_for(first, b"\5\0\3\1\2\2 more", 0x40), 5))
    link.data_received(encode(token_for(second, b"Sorry"), 6))
    assert (smsc.run.others, len(smsc.run.took)) == (1, 0)


def test_frames_may_come_in_pieces() -> None:
    smsc = Smsc(Town(10))
    link, wire = bound(smsc)
    for octet in encode(EnquireLink(), 9):
        link.data_received(bytes([octet]))
    (answer,) = wire.pdus()
    assert answer.sequence == 9


def test_an_open_loop_times_from_the_moment_that_was_due() -> None:
    smsc = Smsc(Town(100))
    link, wire = bound(smsc)
    smsc.run = order(per_s=1_000.0)
    link.feed(time.monotonic() + 0.01)
    sent = wire.pdus()
    assert sent
    assert min(smsc.town.since.values()) < smsc.run.begin + 0.01


def test_percentiles_of_what_was_measured() -> None:
    run = Run({"warm": 0, "seconds": 10}, 0.0)
    assert (run.result()["tokens"], run.result()["p99_ms"]) == (0, 0.0)
    run.took = [number / 1_000 for number in range(1, 101)]
    found = run.result()
    assert (found["per_s"], found["p50_ms"], found["p99_ms"]) == (10.0, 51.0, 100.0)


def test_buyers_are_spread_over_a_large_town() -> None:
    town = Town(4, of=100)
    phones = {decode(town.next(0.0)).pdu.source_addr for _ in range(2)}
    assert phones <= {phone_of(house).lstrip("+") for house in (0, 25, 50, 75)}


def test_several_links_share_what_is_under_way() -> None:
    smsc = Smsc(Town(100))
    (first, wire), (second, other) = bound(smsc), bound(smsc)
    smsc.begin({"warm": 0, "seconds": 100, "in_flight": 6, "window": 10})
    smsc.feed(time.monotonic())
    mine, others = wire.pdus(), other.pdus()
    assert (len(mine), len(others)) == (3, 3)
    second.data_received(encode(token_for(others[0].pdu), 9))
    assert len(other.pdus()) == 2  # the answer, and the next purchase by the same link
    assert wire.pdus() == []
    assert (first.under_way, second.under_way) == (3, 3)


def test_an_open_loop_takes_the_links_in_turn() -> None:
    smsc = Smsc(Town(1_000))
    wires = [bound(smsc)[1] for _ in range(2)]
    smsc.begin({"warm": 0, "seconds": 100, "per_s": 1_000.0})
    smsc.feed(time.monotonic() + 0.02)
    one, other = (len(wire.pdus()) for wire in wires)
    assert one + other > 1
    assert abs(one - other) <= 1


def test_a_link_that_is_lost_counts_no_more() -> None:
    async def scenario() -> None:
        smsc = Smsc(Town(10))
        link, _ = bound(smsc)
        await load.until_bound(smsc)
        waiting = asyncio.create_task(load.until_bound(smsc, 2))
        await asyncio.sleep(0)
        link.connection_lost(None)
        bound(smsc)
        await asyncio.sleep(0)
        assert not waiting.done()
        bound(smsc)
        await waiting

    asyncio.run(scenario())
