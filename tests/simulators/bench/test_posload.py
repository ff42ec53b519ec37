"""The terminals of `bench pos` against a host in memory, and the shops that they stand in."""

import time
from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome, SellCredit
from core.store.invariants import offences
from simulators.bench import posload, shops, town
from simulators.bench.load import Run
from simulators.bench.pos import PosSite
from simulators.bench.posload import Link, Street
from tests.hub.machine import MORNING_US, Machine, fresh_sqlite
from tests.simulators.pos.host import Host


class Wire:
    """A transport to a host in memory."""

    def __init__(self, street: Street) -> None:
        self.host = Host(street.words)
        self.answers = b""

    def write(self, data: bytes) -> None:
        self.answers += self.host.receive(data)

    def take(self) -> bytes:
        answers, self.answers = self.answers, b""
        return answers


def street(terminals: int = 3) -> tuple[Street, list[tuple[Link, Wire]]]:
    made = Street(terminals, households=2)
    pairs = [(link, Wire(made)) for link in made.links]
    for link, wire in pairs:
        link.connection_made(wire)
    return made, pairs


def order(made: Street, **given: Any) -> Run:
    made.run = Run({"warm": 0, "seconds": 100, **given}, time.monotonic())
    return made.run


def test_a_terminal_sells_on_when_it_has_its_answer() -> None:
    made, pairs = street()
    run = order(made, tokens=7)
    made.feed(time.monotonic())
    assert (made.sold, made.waiting, len(made.idle)) == (3, 3, 0)
    while not run.has_enough():
        for link, wire in pairs:
            link.data_received(wire.take())
    assert run.others == 0
    assert len(run.took) >= 7
    amounts = [item.amount for _, wire in pairs for item in wire.host.items.values()]
    assert set(amounts) >= {20_000, 20_001}  # a second round looks like no repeat


def test_a_no_is_counted_apart(capsys: pytest.CaptureFixture[str]) -> None:
    made, pairs = street(1)
    run = order(made)
    ((link, wire),) = pairs
    wire.host.refuse["vend"] = "insufficient_float"
    made.feed(time.monotonic())
    link.data_received(wire.take())
    assert (run.others, run.took) == (1, [])
    assert "'51'" in capsys.readouterr().err


def test_in_open_loop_only_who_waits_for_nothing_sells() -> None:
    made, pairs = street(2)
    run = order(made, per_s=1_000.0)
    made.feed(run.due + 1.0)
    assert (made.sold, made.waiting) == (2, 2)
    for link, wire in pairs:
        link.data_received(wire.take())
    assert len(made.idle) == 2
    made.feed(run.due + 0.0001)
    assert made.sold == 3


def test_a_lost_line_waits_for_nothing() -> None:
    made, pairs = street(1)
    order(made)
    made.feed(time.monotonic())
    ((link, _),) = pairs
    link.connection_lost(None)
    assert (made.waiting, link.transport) == (0, None)


def test_shops_are_as_if_they_had_been_opened(tmp_path: Path) -> None:
    url = fresh_sqlite(tmp_path)
    town.enrol(url, 3, MORNING_US)
    shops.open_shops(url, 6)
    machine = Machine(url)
    with machine.store.reader() as reader:
        assert list(offences(reader, "sqlite")) == []
    assert machine.rows("SELECT count(*) FROM agent") == [(2,)]
    sale = SellCredit(
        agent=shops.agent_of(1), meter=town.meter_of(1), tender=20_000, currency="UGX"
    )
    assert machine.do(sale, "s1").outcome is Outcome.DONE
    numbers = machine.rows("SELECT number FROM terminal ORDER BY id")
    assert [number for (number,) in numbers] == [shops.terminal_of(n) for n in range(6)]


def test_the_site_has_the_channel_of_terminals_alone(tmp_path: Path) -> None:
    text = PosSite(tmp_path, "sqlite:x.db").configure(4711).read_text()
    assert 'kind = "pos"' in text
    assert "tcp:4711:" in text
    assert "smsc" not in text
    assert posload.DIALECT in text
