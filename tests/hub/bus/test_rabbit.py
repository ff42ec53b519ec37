"""The relay and the worker's source on a real broker: nothing lost, order kept, repeats named."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import count
from pathlib import Path

import pytest

from hub.bus import Taken
from hub.bus.access import Access
from hub.bus.oldqueues import clear
from hub.bus.rabbit import RabbitSource
from hub.bus.relay import Publisher, Relay
from hub.inbox import Delivery
from hub.partitions import partition_of
from simulators.bench.servers import Rabbit
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay

pytestmark = pytest.mark.slow

DEADLINE_S = 30.0


def until(done: Callable[[], bool]) -> None:
    """Wait for a condition, with an end."""
    give_up = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < give_up, "it never came"
        time.sleep(0.01)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


class Bus:
    """A publisher and a source under a prefix of their own."""

    def __init__(self, url: str, loop: asyncio.AbstractEventLoop, prefix: str) -> None:
        self.woken = threading.Event()
        self.publisher = Publisher(url, prefix, loop, "test-relay")
        self.source = RabbitSource(url, prefix, "test-worker", self.woken.set)
        self.publisher.start()
        self.source.start()
        until(self.publisher.ready)

    def take(self) -> Taken:
        taken: list[Taken] = []

        def there() -> bool:
            found = self.source.take(256)
            if found is not None:
                taken.append(found)
            return bool(taken)

        until(there)
        return taken[0]

    def stop(self) -> None:
        self.publisher.stop()
        self.source.stop()


@pytest.fixture
def bus(
    rabbit: Rabbit, loop: asyncio.AbstractEventLoop, request: pytest.FixtureRequest
) -> Iterator[Bus]:
    bus = Bus(rabbit.url, loop, f"t{abs(hash(request.node.name)) % 10**8}")
    yield bus
    bus.stop()


def delivery(seq: int, body: str = "{}", partition: int = 3) -> Delivery:
    key = next(key for n in count() if partition_of(key := f"demo/{n}") == partition)
    return Delivery(seq, f"m{seq}", "h", "o", key, 0, 0, body, 0)


def sent(future: "Future[bool]") -> bool:
    return future.result(timeout=DEADLINE_S)


def test_a_confirmed_bundle_reaches_the_worker_that_has_its_partition(bus: Bus) -> None:
    from hub.bus.bundle import pack

    bus.source.assign([3])
    assert sent(bus.publisher.publish(3, pack([delivery(1), delivery(2)]), "b1"))
    taken = bus.take()
    assert [d.seq for d in taken.deliveries] == [1, 2]
    assert not taken.again


def test_what_is_not_acknowledged_comes_again_and_is_named_as_a_repeat(
    bus: Bus, rabbit: Rabbit
) -> None:
    from hub.bus.bundle import pack

    bus.source.assign([3])
    assert sent(bus.publisher.publish(3, pack([delivery(1)]), "b1"))
    bus.take()
    bus.source.stop()
    prefix = bus.source._prefix
    bus.source = RabbitSource(rabbit.url, prefix, "test-worker-2", bus.woken.set)
    bus.source.start()
    bus.source.assign([3])
    again = bus.take()
    assert [d.seq for d in again.deliveries] == [1]
    assert again.again
    again.done()


def test_a_partition_that_is_another_s_is_not_consumed(bus: Bus) -> None:
    from hub.bus.bundle import pack

    bus.source.assign([4])
    assert sent(bus.publisher.publish(3, pack([delivery(1)]), "b1"))
    assert sent(bus.publisher.publish(4, pack([delivery(2, partition=4)]), "b2"))
    assert [d.seq for d in bus.take().deliveries] == [2]
    assert bus.source.take(256) is None


def test_a_publisher_without_a_link_says_no_at_once(bus: Bus) -> None:
    bus.publisher.stop()
    until(lambda: not bus.publisher.ready())
    assert not sent(bus.publisher.publish(3, b"", "b1"))


def test_a_link_that_is_dropped_is_opened_again_and_pending_confirms_are_a_no(bus: Bus) -> None:
    futures = [bus.publisher.publish(3, b"x", f"b{i}") for i in range(50)]
    bus.publisher.abort("the test cuts it")
    answers = [sent(future) for future in futures]
    assert all(isinstance(answer, bool) for answer in answers)
    until(bus.publisher.ready)
    assert sent(bus.publisher.publish(3, b"x", "after"))


def test_a_sale_goes_through_the_broker(bus: Bus, tmp_path: Path) -> None:
    """Journal → relay → quorum queue → worker, on the books of a stepped machine."""
    machine = Machine(fresh_sqlite(tmp_path))
    relay = Relay(machine.store, bus.publisher, machine.time.sources())
    machine.worker.source = bus.source
    bus.source.assign(range(16))
    for message, key in ((enrol(), "e"), (pay(50_000), "p"), (buy(), "b")):
        machine.accept(message, key)
        machine.intake.step()
        until(relay.step)
        until(machine.worker.step)
    assert machine.rows("SELECT count(*) FROM token") == [(1,)]
    assert machine.rows("SELECT DISTINCT published FROM delivery WHERE target = 'worker'") == [(1,)]
    assert machine.unaccounted() == 0


def test_a_bundle_that_comes_twice_is_done_once(bus: Bus, tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "e")
    machine.do(pay(50_000), "p")
    relay = Relay(machine.store, bus.publisher, machine.time.sources())
    machine.worker.source = bus.source
    bus.source.assign(range(16))
    machine.accept(buy(), "b")
    machine.intake.step()
    until(relay.step)
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET published = 0 WHERE state = 0")
    until(relay.step)
    until(machine.worker.step)
    until(lambda: machine.worker.step() or machine.rows("SELECT count(*) FROM sale") == [(1,)])
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]
    assert machine.unaccounted() == 0


def test_partitions_are_those_of_the_key() -> None:
    assert 0 <= partition_of("demo/100001") < 16


def test_of_a_bundle_from_another_count_of_partitions_only_its_own_are_taken(bus: Bus) -> None:
    from hub.bus.bundle import pack

    bus.source.assign([3])
    mixed = [delivery(1, partition=4), delivery(2), delivery(3, partition=11)]
    assert sent(bus.publisher.publish(3, pack(mixed), "b1"))
    taken = bus.take()
    assert [d.seq for d in taken.deliveries] == [2]
    taken.done()


def test_queues_of_before_are_emptied_and_those_too_many_deleted(bus: Bus, rabbit: Rabbit) -> None:
    from hub.bus.bundle import pack

    prefix = bus.source._prefix
    bus.source.assign([3])
    assert sent(bus.publisher.publish(3, pack([delivery(1)]), "b1"))
    bus.take()  # somebody consumes there
    assert sent(bus.publisher.publish(5, b"of before", "b2"))
    assert sent(bus.publisher.publish(12, b"of before", "b3"))
    found = clear(Access(rabbit.url), prefix, 16, 10)
    assert (found.bundles, found.away) == (2, "")
    assert found.deleted == [f"{prefix}.work.{number}" for number in range(10, 16)]


def test_a_broker_that_is_away_is_said() -> None:
    found = clear(Access("amqp://guest:guest@127.0.0.1:1/%2F"), "p", 16, 8)
    assert (found.bundles, found.deleted) == (0, [])
    assert "127.0.0.1:1/%2F does not answer" in found.away
