"""A broker in trouble: what it refuses is a sentence, what it loses is published again, and while
its alarm is on it is waited for."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from typer.testing import CliRunner

from hub.__main__ import app, mount
from hub.bus.access import Access
from hub.bus.bundle import pack
from hub.bus.checking import look
from hub.bus.publisher import Publisher
from hub.bus.rabbit import RabbitSource
from hub.bus.relay import Relay, reopen
from hub.bus.topology import DELIVERY_LIMIT, exchange, queue, stray, wanted
from hub.pressure import STALLED_US, Pressure
from simulators.bench.servers import Rabbit
from tests.hub.bus.test_rabbit import Bus, bus, delivery, loop, sent, until  # noqa: F401 - fixtures
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay
from tests.servers.rabbit import ctl, user

pytestmark = pytest.mark.slow


@pytest.fixture
def hand(rabbit: Rabbit) -> Iterator[Callable[[], Any]]:
    """A connection of an operator's own: each call is a new channel."""
    connection = pika.BlockingConnection(pika.URLParameters(rabbit.url))
    yield connection.channel
    connection.close()


def prefix_of(request: pytest.FixtureRequest) -> str:
    return f"t{abs(hash(request.node.name)) % 10**8}"


def publisher(rabbit: Rabbit | str, loop: Any, prefix: str) -> Publisher:  # noqa: F811
    url = rabbit if isinstance(rabbit, str) else rabbit.url
    made = Publisher(url, prefix, loop, "test-relay")
    made.start()
    return made


def relayed(machine: Machine, bus: Bus, partitions: Any = range(16)) -> Relay:  # noqa: F811
    """The machine's own relay and worker over this bus, as a node wires them."""

    def again(lost: Any) -> int:
        with machine.store.transaction() as tx:
            return reopen(tx, lost, machine.time.now_us())

    bus.source._reopen = again
    machine.worker.source = bus.source
    bus.source.assign(list(partitions))
    return Relay(machine.store, bus.publisher, machine.time.sources())


def test_a_queue_of_another_kind_is_named_and_not_hammered(
    rabbit: Rabbit,
    loop: asyncio.AbstractEventLoop,  # noqa: F811
    hand: Any,
    request: pytest.FixtureRequest,
) -> None:
    prefix = prefix_of(request)
    name = queue(prefix, 3)
    (ours,) = [each for each in wanted(prefix) if each.name == name]
    other = {**ours.arguments, "x-delivery-limit": 5}  # type: ignore[union-attr]
    hand().queue_declare(name, durable=True, arguments=other)
    made = publisher(rabbit, loop, prefix)
    until(lambda: bool(made.state().refused))
    assert made.state().words()["state"] == "refused"
    sentence = made.state().refused
    assert f"queue {name} at amqp://guest@127.0.0.1" in sentence
    assert f"has x-delivery-limit 5, wanted is {DELIVERY_LIMIT}: drain and delete it" in sentence
    assert "guest:guest" not in sentence
    assert not made.ready()
    found = look(Access(rabbit.url), prefix)
    assert found.problems == [sentence]
    hand().queue_delete(name)
    made._loop.call_soon_threadsafe(made._link._connect)  # what the link does half a minute later
    until(made.ready)
    assert not made.state().refused
    assert not look(Access(rabbit.url), prefix).problems
    made.stop()


def test_everything_that_does_not_fit_is_said_at_once(
    rabbit: Rabbit, hand: Any, request: pytest.FixtureRequest
) -> None:
    prefix = prefix_of(request)
    hand().exchange_declare(exchange(prefix), "fanout", durable=True)
    hand().queue_declare(queue(prefix, 1), durable=True)
    hand().queue_declare(queue(prefix, 2), durable=False)
    found = look(Access(rabbit.url), prefix)
    assert len(found.problems) == 3
    assert "has type fanout, wanted is direct" in found.problems[0]
    assert queue(prefix, 1) in found.problems[1]
    assert "has durable false, wanted is true" in found.problems[2]
    assert queue(prefix, 3) in found.missing
    assert not found.away


def test_who_may_not_come_in_is_told_why(rabbit: Rabbit, request: pytest.FixtureRequest) -> None:
    prefix = prefix_of(request)
    wrong = rabbit.url.replace("guest:guest", "guest:other")
    assert "refuses our user or password" in look(Access(wrong), prefix).problems[0]
    elsewhere = rabbit.url.replace("%2F", "nowhere")
    assert "vhost nowhere not found" in look(Access(elsewhere), prefix).problems[0]
    poor = user(rabbit, f"poor{prefix}", ("^$", "^$", "^$"))
    found = look(Access(poor), prefix)
    assert "our user may not use the broker" in found.problems[0]
    assert "set_permissions" in found.problems[0]
    assert look(Access("amqp://guest@127.0.0.1:1/%2F"), prefix).away


def test_a_password_may_be_in_a_file(rabbit: Rabbit, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("guest\n")
    url = rabbit.url.replace("guest:guest", "guest")
    assert not look(Access(url, str(tmp_path / "password")), "nobody").problems
    missing = look(Access(url, str(tmp_path / "none")), "nobody")
    assert "password_file" in missing.problems[0]


def test_a_queue_that_is_deleted_comes_back_with_what_was_in_it(
    bus: Bus,  # noqa: F811
    hand: Any,
    tmp_path: Path,
) -> None:
    """Deleted with a purchase in it, while the worker is at something else."""
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "e")
    machine.do(pay(50_000), "p")
    relay = relayed(machine, bus)
    until(lambda: len(bus.source._consuming) == 16)
    machine.accept(buy(), "b")
    machine.intake.step()
    ((partition,),) = machine.rows("SELECT partition FROM delivery WHERE state = 0")
    name = queue(bus.source._prefix, partition)
    # else the broker hears of the consumer after the deletion, and closes its channel
    until(lambda: hand().queue_declare(name, passive=True).method.consumer_count == 1)
    hand().queue_delete(name)  # its consumer is cancelled
    until(lambda: not bus.source._deleted.empty())  # and it is declared again
    with machine.store.transaction() as tx:  # it was published before, and was lost with the queue
        tx.run("UPDATE delivery SET published = 1 WHERE state = 0")
    relay._started, relay._swept = True, machine.time.now_us()
    until(lambda: relay.step() or machine.worker.step() or sold(machine))
    until(lambda: machine.worker.step() or sold(machine))
    assert sold(machine)
    assert machine.unaccounted() == 0


def sold(machine: Machine) -> bool:
    return machine.rows("SELECT count(*) FROM sale") == [(1,)]


def test_without_a_worker_too_a_deleted_queue_is_missed(
    rabbit: Rabbit,
    loop: asyncio.AbstractEventLoop,  # noqa: F811
    hand: Any,
    request: pytest.FixtureRequest,
) -> None:
    prefix = prefix_of(request)
    made = publisher(rabbit, loop, prefix)
    until(made.ready)
    assert made.emptied() == set(range(16))  # the queues are new
    assert sent(made.publish(3, pack([delivery(1)]), "b1"))
    hand().queue_delete(queue(prefix, 3))
    until(lambda: 3 in made.emptied())
    assert sent(made.publish(3, pack([delivery(1)]), "b2"))
    until(lambda: made.state().ready.get("03") == 1)
    made.stop()


def test_what_cannot_be_read_is_kept_with_its_reason_and_the_rest_goes_on(
    bus: Bus,  # noqa: F811
    hand: Any,
) -> None:
    bus.source.assign([3])
    broken = pack([delivery(1)]) + b"\x00\x00\x00\x03\xc1\xc1\xc1" + pack([delivery(2)])
    assert sent(bus.publisher.publish(3, broken, "b1"))
    assert sent(bus.publisher.publish(3, b"garbage", "b2"))
    assert sent(bus.publisher.publish(3, pack([delivery(3)]), "b3"))
    seen: list[int] = []

    def all_seen() -> bool:
        taken = bus.source.take(256)
        if taken is not None:
            seen.extend(d.seq for d in taken.deliveries)
            taken.done()
        return len(seen) == 3

    until(all_seen)
    assert seen == [1, 2, 3]
    channel = hand()
    kept: list[tuple[Any, bytes]] = []

    def both_kept() -> bool:
        method, properties, body = channel.basic_get(stray(bus.source._prefix))
        if method is not None:
            kept.append((properties.headers, body))
        return len(kept) == 2

    until(both_kept)
    assert [body for _, body in kept] == [broken, b"garbage"]
    assert kept[0][0]["wattbus-queue"] == queue(bus.source._prefix, 3)
    assert kept[0][0]["reason"].startswith("at byte ")


@pytest.fixture
def alarmed(rabbit: Rabbit) -> Iterator[Rabbit]:
    """A broker that takes nothing while the test lasts: its memory alarm is on."""
    ctl(rabbit, "set_vm_memory_high_watermark", "0.00001")
    yield rabbit
    ctl(rabbit, "set_vm_memory_high_watermark", "0.6")


def test_a_blocked_broker_is_waited_for_and_the_edge_is_shut(
    bus: Bus,  # noqa: F811
    alarmed: Rabbit,
    tmp_path: Path,
) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    relay = relayed(machine, bus)
    sources = machine.time.sources()
    pressure = Pressure(machine.store, 1_000, sources, backlog=3)
    pressure.step()
    machine.intake.gate = pressure.open_for
    machine.accept(enrol(), "e")
    machine.intake.step()
    link = bus.publisher._link._connection
    until(lambda: relay.step() or bool(bus.publisher.state().blocked))
    assert bus.publisher.connected()
    assert not bus.publisher.ready()
    for number in range(3):
        machine.accept(pay(50_000), f"p{number}")
    machine.intake.step()
    machine.time.at_us += STALLED_US + 1_000_000
    pressure.step()
    (refused,) = machine.accept(pay(1), "too much")
    assert "is full" in str(refused.value)
    assert relay.step() is False  # and nothing is sent meanwhile
    assert bus.publisher._link._connection is link, "it was not hammered with new links"
    ctl(alarmed, "set_vm_memory_high_watermark", "0.6")
    until(bus.publisher.ready)
    assert bus.publisher._link._connection is link

    def done() -> bool:
        relay.step()
        machine.worker.step()
        return machine.rows("SELECT count(*) FROM delivery WHERE state = 0") == [(0,)]

    until(done)
    machine.time.at_us += 2_000_000
    pressure.step()
    assert machine.accept(pay(2), "now") == []
    machine.intake.step()
    until(done)
    assert machine.rows("SELECT credit FROM account") == [(150_002,)]
    assert machine.unaccounted() == 0


def test_a_source_over_an_unreachable_broker_gives_nothing_and_ends(tmp_path: Path) -> None:
    source = RabbitSource("amqp://guest@127.0.0.1:1/%2F", "t", "test", lambda: None)
    source.start()
    source.assign([1])
    assert source.take(10) is None
    began = time.monotonic()
    source.stop()
    assert time.monotonic() - began < 30


def written(folder: Path, url: str, prefix: str) -> Path:
    path = folder / "wattbus.toml"
    path.write_text(
        '[database]\nurl = "postgresql://nobody@127.0.0.1:1/none"\n'
        f'[bus]\nkind = "rabbitmq"\nurl = "{url}"\nprefix = "{prefix}"\n'
    )
    return path


def test_the_command_line_says_what_is_wrong_and_what_waits(
    rabbit: Rabbit,
    loop: asyncio.AbstractEventLoop,  # noqa: F811
    hand: Any,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    prefix = prefix_of(request)
    made = publisher(rabbit, loop, prefix)
    until(made.ready)
    assert sent(made.publish(3, pack([delivery(1)]), "b1"))
    made.stop()
    mount()
    run = ["bus", "check", "-c", str(written(tmp_path, rabbit.url, prefix))]
    fine = CliRunner().invoke(app, [*run, "--json"])
    assert fine.exit_code == 0, fine.output
    said = json.loads(fine.stdout)
    assert said["waiting"][queue(prefix, 3)] == 1
    assert (said["missing"], said["problems"], said["away"]) == ([], [], "")
    hand().queue_delete(queue(prefix, 3))
    hand().queue_declare(queue(prefix, 3), durable=True)
    wrong = CliRunner().invoke(app, run)
    assert wrong.exit_code == 1
    assert f"queue {queue(prefix, 3)} at" in wrong.output
    checked = CliRunner().invoke(app, ["check", *run[2:]])
    assert checked.exit_code == 1
    assert f"[bus] queue {queue(prefix, 3)} at" in checked.output
    away = written(tmp_path, "amqp://guest@127.0.0.1:1/%2F", prefix)
    checked = CliRunner().invoke(app, ["check", "-c", str(away)])
    assert "does not answer" in checked.output
    assert "not checked" in checked.output
