"""The contract of a bus, over every backend: what the rows say is what a worker gets, in order,
whoever dies. The rows are the truth; a backend is how they travel."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

from hub.bus import Source, Taken
from hub.bus.access import Access
from hub.bus.kombu import KombuPublisher, KombuSource
from hub.bus.publisher import Publisher, Publishing
from hub.bus.rabbit import RabbitSource
from hub.bus.relay import Relay, reopen
from hub.bus.table import TableSource
from hub.partitions import NEW as PARTITIONS
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay
from tests.servers import redis as redis_server

EVERYTHING = range(PARTITIONS)
#: How long anything may take on a loaded machine.
DEADLINE_S = 60.0
_names = count()


class Backend(Protocol):
    """How a backend is made: its publishing half (none: the table), and a worker's source."""

    def publisher(self) -> Publishing | None: ...
    def source(self, machine: Machine) -> Any: ...


def again(machine: Machine) -> Callable[[Any], int]:
    """What a worker does for its source: rows that may be lost are opened for the relay."""

    def open_again(partitions: Any) -> int:
        with machine.store.transaction() as tx:
            return reopen(tx, partitions, machine.time.now_us())

    return open_again


class Table:
    """The queue in the database."""

    def publisher(self) -> None:
        return None

    def source(self, machine: Machine) -> Source:
        return TableSource(machine.store, [])


@dataclass
class Kombu:
    """Any broker by kombu."""

    url: str
    prefix: str = field(default_factory=lambda: f"c{time.time_ns()}")

    def publisher(self) -> Publishing:
        return KombuPublisher(Access(self.url), self.prefix, f"relay{next(_names)}")

    def source(self, machine: Machine) -> KombuSource:
        name = f"worker{next(_names)}"
        return KombuSource(Access(self.url), self.prefix, name, lambda: None, again(machine))


@dataclass
class Rabbit:
    """RabbitMQ, by pika."""

    url: str
    loop: asyncio.AbstractEventLoop
    prefix: str = field(default_factory=lambda: f"c{time.time_ns()}")

    def publisher(self) -> Publishing:
        return Publisher(self.url, self.prefix, self.loop, f"relay{next(_names)}")

    def source(self, machine: Machine) -> RabbitSource:
        name = f"worker{next(_names)}"
        return RabbitSource(self.url, self.prefix, name, lambda: None, again(machine))


@dataclass
class Bus:
    """A stepped machine whose deliveries travel by a backend."""

    machine: Machine
    backend: Backend
    stack: ExitStack
    sent: Publishing | None = None
    relay: Relay | None = None

    def __post_init__(self) -> None:
        self.publish_anew()

    def publish_anew(self) -> None:
        """The publishing side, as at a start of its node."""
        if self.sent is not None:
            self.sent.stop()
        self.sent = self.backend.publisher()
        if self.sent is not None:
            self.sent.start()
            self.relay = Relay(self.machine.store, self.sent, self.machine.time.sources())

    def worker(self, *partitions: int) -> Any:
        """A worker's source with these partitions (all)."""
        source = self.backend.source(self.machine)
        if hasattr(source, "start"):
            source.start()
            self.stack.callback(source.stop)
        source.assign(partitions or EVERYTHING)
        return source

    def offer(self, *messages: Any) -> None:
        """Journal these, one commit."""
        for number, message in enumerate(messages):
            self.machine.accept(message, f"k{time.time_ns()}.{number}")
        self.machine.intake.step()

    def take(self, source: Any) -> Taken:
        """What comes; the relay works meanwhile."""
        until = time.monotonic() + DEADLINE_S
        while True:
            if self.relay is not None:
                self.relay.step()
            found = source.take(256)
            if found is not None:
                return found  # type: ignore[no-any-return]
            assert time.monotonic() < until, "it never came"
            time.sleep(0.002)

    def gather(self, source: Any, wanted: int) -> list[int]:
        """The seqs that come until ``wanted`` different ones are there; none is finished."""
        seen: list[int] = []
        while len(set(seen)) < wanted:
            seen += [d.seq for d in self.take(source).deliveries]
        return list(dict.fromkeys(seen))

    def work(self, source: Any, taken: Taken | None = None) -> None:
        """Until everything that is open is done by the machine's worker, first what it has."""
        self.machine.worker.source = source
        self.machine.worker._taken = taken
        until = time.monotonic() + DEADLINE_S
        while self.machine.rows("SELECT 1 FROM delivery WHERE state = 0 AND target = 'worker'"):
            if self.relay is not None:
                self.relay.step()
            self.machine.worker.step()
            assert time.monotonic() < until, "it is never done"
            time.sleep(0.002)

    def open_seqs(self) -> list[int]:
        rows = self.machine.rows("SELECT seq FROM delivery WHERE state = 0 ORDER BY seq")
        return [row[0] for row in rows]


@pytest.fixture(scope="session")
def redis() -> Iterator[redis_server.Redis]:
    """A private Redis; where there is none the tests that need it fail, never skip."""
    server = redis_server.start()
    yield server
    server.stop()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


BACKENDS = [
    pytest.param("table"),
    pytest.param("memory"),
    pytest.param("redis", marks=pytest.mark.slow),
    pytest.param("rabbitmq", marks=pytest.mark.slow),
]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "table":
        return Table()
    if request.param == "memory":
        return Kombu("memory://")
    if request.param == "redis":
        return Kombu(request.getfixturevalue("redis").url)
    rabbit = request.getfixturevalue("rabbit")
    return Rabbit(rabbit.url, request.getfixturevalue("loop"))


@pytest.fixture
def bus(backend: Backend, tmp_path: Path) -> Iterator[Bus]:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "e")
    machine.do(pay(50_000), "p")
    with ExitStack() as stack:
        bus = Bus(machine, backend, stack)
        yield bus
        if bus.sent is not None:
            bus.sent.stop()


def test_what_is_open_comes_in_its_order_and_as_it_was_written(bus: Bus) -> None:
    source = bus.worker()
    bus.offer(*[pay(100 + n) for n in range(20)])
    wanted = bus.machine.rows(
        "SELECT d.seq, m.envelope FROM delivery d JOIN message m ON m.id = d.message_id "
        "WHERE d.state = 0 ORDER BY d.seq"
    )
    got: list[tuple[int, str]] = []
    while len({seq for seq, _ in got}) < 20:
        got += [(d.seq, d.envelope) for d in bus.take(source).deliveries]
    assert list(dict.fromkeys(got)) == wanted


def test_a_partition_goes_to_who_has_it_and_to_nobody_else(bus: Bus) -> None:
    bus.offer(pay(100))
    ((partition,),) = bus.machine.rows("SELECT partition FROM delivery WHERE state = 0")
    others = bus.worker(*[n for n in EVERYTHING if n != partition])
    holder = bus.worker(partition)
    assert bus.gather(holder, 1) == bus.open_seqs()
    assert others.take(256) is None


def test_what_a_dead_worker_held_comes_to_the_next_with_care(bus: Bus) -> None:
    first = bus.worker()
    bus.offer(pay(100), pay(200))
    held = bus.gather(first, 2)
    if hasattr(first, "stop"):
        first.stop()
    second = bus.worker()
    taken = bus.take(second)
    assert taken.again, "it may be what killed its last worker"
    bus.work(second, taken)
    assert not set(held) & set(bus.open_seqs())
    assert bus.machine.rows("SELECT credit FROM account") == [(50_300,)]


def test_what_is_given_back_comes_to_the_next_holder(bus: Bus) -> None:
    first = bus.worker()
    bus.offer(pay(100))
    taken = bus.take(first)
    first.assign([])
    taken.back()
    assert first.take(256) is None
    second = bus.worker()
    bus.work(second)
    assert bus.machine.rows("SELECT credit FROM account") == [(50_100,)]


def test_what_is_done_does_not_come_again(bus: Bus) -> None:
    source = bus.worker()
    bus.offer(pay(100))
    bus.work(source)
    bus.offer(pay(200))
    taken = bus.take(source)
    assert [d.seq for d in taken.deliveries] == bus.open_seqs()
    bus.work(source, taken)
    assert bus.machine.rows("SELECT credit FROM account") == [(50_300,)]
    assert bus.machine.unaccounted() == 0


def test_what_comes_twice_is_done_once(bus: Bus) -> None:
    source = bus.worker()
    bus.offer(buy())
    taken = bus.take(source)  # one copy is here
    with bus.machine.store.transaction() as tx:
        reopen(tx, EVERYTHING, bus.machine.time.now_us())  # and another one will be
    bus.machine.worker.process(taken.deliveries)
    bus.machine.worker.process(taken.deliveries)
    taken.done()
    bus.work(source)
    assert bus.machine.rows("SELECT count(*) FROM sale") == [(1,)]
    assert bus.machine.rows("SELECT count(*) FROM token") == [(1,)]
    assert bus.machine.unaccounted() == 0


def test_a_publishing_side_that_starts_anew_loses_nothing(bus: Bus) -> None:
    bus.offer(pay(100))
    if bus.relay is not None:
        until = time.monotonic() + DEADLINE_S
        while not bus.relay.step():
            assert time.monotonic() < until
            time.sleep(0.002)
    bus.offer(pay(200))
    bus.publish_anew()
    source = bus.worker()
    bus.work(source)
    assert bus.machine.rows("SELECT credit FROM account") == [(50_300,)]
    assert bus.machine.unaccounted() == 0
