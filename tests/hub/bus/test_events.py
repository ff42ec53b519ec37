"""Events for outsiders: at least once, in order, by type; and an outsider can do nothing else."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from core.messages.billing import BillRunMoved
from core.store.tx import Tx
from hub import balance
from hub.bus.events import EventRelay
from hub.bus.topology import events, exchange, queue, stray
from hub.config import ConfigError, parse
from hub.envelope import caused, unseal
from hub.outbox import EVENTS, Posted, post
from hub.routing import Routing
from simulators.bench.servers import Rabbit
from tests.hub.bus.test_rabbit import Bus, bus, loop, until  # noqa: F401 - fixtures
from tests.hub.machine import Machine, enrol, fresh_sqlite
from tests.servers.rabbit import user

TYPE = "wattbus.billing.BillRunMoved.v1"
CONFIG = """\
[database]
url = "{url}"
[bus]
kind = "{kind}"
url = "amqp://hub@127.0.0.1/%2F"
events = {events}
"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "e")
    return machine


def moved(machine: Machine, run: int) -> None:
    """A phase of a bill run ends: its event is written as any handler's is."""
    ((cause,),) = machine.rows("SELECT envelope FROM message ORDER BY id LIMIT 1")
    message = BillRunMoved(run=run, phase="post", state="posted", period=202611, kind="cyclic",
                           currency="UGX", bills=7)  # fmt: skip
    routing = Routing({}, frozenset({TYPE}))
    now = machine.time.now_us()
    envelope = caused(unseal(cause), message, now, machine.time.random_bytes)
    posted = Posted(envelope, routing.routes("demo", message), now, "", "sms")

    def write(tx: Tx) -> None:
        post(tx, [posted])
        tallies: balance.Tallies = balance.Counter(
            {("sms", route.handler, balance.ACCEPTED): 1 for route in posted.routes}
        )
        balance.add(tx, "test", tallies)

    with machine.store.transaction() as tx:
        write(tx)


def test_an_event_leaves_only_where_its_type_is_named() -> None:
    message = BillRunMoved(run=1, phase="post", state="posted", period=202611, kind="cyclic",
                           currency="UGX")  # fmt: skip
    assert Routing().routes("demo", message) == ()
    (route,) = Routing({}, frozenset({TYPE})).routes("demo", message)
    assert route.target == EVENTS


@pytest.mark.parametrize(
    ("kind", "url", "named", "sentence"),
    [
        ("rabbitmq", "postgresql://x@h/n", '["wattbus.billing.Nothing.v1"]', "known: wattbus."),
        ("rabbitmq", "postgresql://x@h/n", '["wattbus.vending.CreditVend.v1"]', "known: wattbus."),
        ("table", "postgresql://x@h/n", f'["{TYPE}"]', "they need kind = 'rabbitmq'"),
        ("rabbitmq", "sqlite:x.db", f'["{TYPE}"]', "needs a PostgreSQL"),
    ],
)
def test_what_cannot_leave_is_said(kind: str, url: str, named: str, sentence: str) -> None:
    text = CONFIG.format(kind=kind, url=url, events=named)
    with pytest.raises(ConfigError, match=sentence):
        parse(text, "wattbus.toml", Path())


@pytest.fixture
def outsider(rabbit: Rabbit, bus: Bus) -> Iterator[Callable[[], Any]]:  # noqa: F811
    """Channels of a partner with the rights that the documentation gives him."""
    prefix = bus.source._prefix
    own = rf"^{prefix}\.events\.acme(\..+)?$"
    url = user(rabbit, f"acme{prefix}", (own, own, rf"^{prefix}\.events(\.acme(\..+)?)?$"))
    connection = pika.BlockingConnection(pika.URLParameters(url))
    yield connection.channel
    connection.close()


@pytest.mark.slow
def test_an_outsider_hears_what_he_binds_to(bus: Bus, outsider: Any, machine: Machine) -> None:  # noqa: F811
    channel, prefix = outsider(), bus.source._prefix
    mine = f"{prefix}.events.acme"
    channel.queue_declare(mine, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(mine, events(prefix), "wattbus.billing.#")
    relay = EventRelay(machine.store, bus.publisher, "relay", machine.time.sources())
    for run in range(1, 4):
        moved(machine, run)
    assert machine.unaccounted() == 0
    until(lambda: (relay.step() and False) or not open_events(machine))
    heard: list[tuple[str, str, Any]] = []

    def all_heard() -> bool:
        method, properties, body = channel.basic_get(mine, auto_ack=True)
        if method is not None:
            heard.append((method.routing_key, properties.content_type, json.loads(body)))
        return len(heard) == 3

    until(all_heard)
    assert {key for key, _, _ in heard} == {TYPE}
    assert {kind for _, kind, _ in heard} == {"application/cloudevents+json"}
    assert [event["data"]["run"] for _, _, event in heard] == [1, 2, 3]
    assert {(event["specversion"], event["type"]) for _, _, event in heard} == {("1.0", TYPE)}
    assert machine.rows("SELECT DISTINCT outcome FROM delivery WHERE target = 'events'") == [
        ("sent",)
    ]
    assert machine.unaccounted() == 0
    assert relay.step() is False


def open_events(machine: Machine) -> int:
    sql = "SELECT count(*) FROM delivery WHERE target = 'events' AND state = 0"
    return int(machine.rows(sql)[0][0])


@pytest.mark.slow
def test_what_is_in_doubt_is_said_again(bus: Bus, machine: Machine) -> None:  # noqa: F811
    relay = EventRelay(machine.store, bus.publisher, "relay", machine.time.sources())
    moved(machine, 1)
    bus.publisher._link._loop.call_soon_threadsafe(bus.publisher._link.abort, "the test cuts it")
    until(lambda: (relay.step() and False) or not open_events(machine))
    assert machine.unaccounted() == 0


@pytest.mark.slow
def test_an_outsider_can_do_nothing_else(bus: Bus, outsider: Any) -> None:  # noqa: F811
    prefix = bus.source._prefix
    work, mine = queue(prefix, 0), f"{prefix}.events.acme"
    outsider().queue_declare(mine)
    plain = pika.BasicProperties()
    attempts: dict[str, Callable[[Any], Any]] = {
        "publish a bundle": lambda c: published(c, exchange(prefix), work, plain),
        "publish to a queue of ours": lambda c: published(c, "", work, plain),
        "publish an event": lambda c: published(c, events(prefix), TYPE, plain),
        "publish a stray": lambda c: published(c, stray(prefix), "", plain),
        "read a work queue": lambda c: c.basic_get(work),
        "consume a work queue": lambda c: c.basic_consume(work, lambda *_: None),
        "read the strays": lambda c: c.basic_get(stray(prefix)),
        "listen to bundles": lambda c: c.queue_bind(mine, exchange(prefix), work),
        "purge a work queue": lambda c: c.queue_purge(work),
        "delete a work queue": lambda c: c.queue_delete(work),
        "delete the events": lambda c: c.exchange_delete(events(prefix)),
        "send events to a work queue": lambda c: c.queue_bind(work, events(prefix), "#"),
        "declare a queue of another's": lambda c: c.queue_declare(f"{prefix}.events.other"),
        "dead-letter into our exchange": lambda c: c.queue_declare(
            f"{mine}.x", arguments={"x-dead-letter-exchange": exchange(prefix)}
        ),
    }
    for what, attempt in attempts.items():
        with pytest.raises(ChannelClosedByBroker) as refused:
            attempt(outsider())
        assert refused.value.reply_code == 403, what


def published(channel: Any, where: str, key: str, properties: Any) -> None:
    channel.confirm_delivery()
    channel.basic_publish(where, key, b"{}", properties)
