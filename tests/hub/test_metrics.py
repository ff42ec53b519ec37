"""The metrics page: its vocabulary, its numbers, and nobody's name in a label."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.store.upgrade import upgrade
from hub import inbox, metrics
from hub.channel import Failed
from hub.leases import Leases
from hub.metrics import Node
from hub.outbox import PARTITIONS
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, fresh_sqlite, pay
from tests.servers.postgres import Postgres

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def page(machine: Machine, node: Node = Node()) -> tuple[str, Samples]:
    with machine.store.reader() as reader:
        text = metrics.render(reader, node, machine.time.now_us())
    samples = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return text, samples


def of(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    return machine


def test_the_numbers_are_those_of_the_balance(machine: Machine) -> None:
    machine.do(buy(), "b1")
    machine.accept(buy(), "b1")
    machine.do(buy(meter="0412"), "b2")
    text, samples = page(machine, Node({"sms": {"state": "up"}, "ussd": {"state": "stopping"}}))
    sold = {"channel": "sms", "handler": "vending.credit-vend"}
    counts = {
        outcome: of(samples, "wattbus_messages_total", outcome=outcome, **sold)
        for outcome in ("accepted", "done", "refused", "duplicate")
    }
    assert counts == {"accepted": 3, "done": 1, "refused": 1, "duplicate": 1}
    assert of(samples, "wattbus_unaccounted_messages") == 0
    assert of(samples, "wattbus_channel_up", channel="sms") == 1
    assert of(samples, "wattbus_channel_up", channel="ussd") == 0
    assert PHONE not in text
    assert METER not in text


def test_what_waits_has_an_age_and_what_is_dead_is_counted(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "RETRY_AFTER_S", ())
    machine.channel.results = [Failed("no", retry=True)]
    machine.do(buy(), "b1")
    machine.accept(pay(1), "p2")
    machine.intake.step()
    machine.time.at_us += 10_000_000
    _, samples = page(machine)
    dead = {"channel": "sms", "handler": "channel:sms", "state": "dead"}
    assert of(samples, "wattbus_deliveries", **dead) == 1
    assert 10 <= of(samples, "wattbus_oldest_age_seconds", target="worker") < 11
    assert of(samples, "wattbus_unaccounted_messages") == 0


def test_a_lost_message_shows(machine: Machine) -> None:
    machine.accept(pay(1), "p2")
    machine.intake.step()
    with machine.store.transaction() as tx:
        tx.run("DELETE FROM delivery WHERE state = 0")
    _, samples = page(machine)
    assert of(samples, "wattbus_unaccounted_messages") == 1


def test_a_scrape_never_reads_what_is_done(machine: Machine) -> None:
    """A partial index each for what is open and what is held: a scan of it is as long as they."""
    from hub import balance

    seen: list[str] = []

    class Explaining:
        def rows(self, sql: str, /, **params: object) -> list[tuple[object, ...]]:
            plan = machine.rows(f"EXPLAIN QUERY PLAN {sql}", **params)
            seen.extend(str(row[3]) for row in plan)
            return machine.rows(sql, **params)

    balance.lines(Explaining())
    metrics.render(Explaining(), Node(), 0)
    looked = [plan for plan in seen if "delivery" in plan]
    assert len(looked) >= 5
    assert all("USING INDEX ix_delivery_" in plan for plan in looked), looked


def test_what_the_node_says_of_itself(machine: Machine) -> None:
    node = Node(
        channels={"sms": {"state": "up"}, "box": {"state": "down", "breaker": "open"}},
        links={"smsc": {"state": "down"}},
        arrived={"sms": 1_795_000_000_500_000, "box": 0},
        well=False,
    )
    text, samples = page(machine, node)
    assert of(samples, "wattbus_channel_up", channel="box") == 0
    assert of(samples, "wattbus_breaker_open", channel="box") == 1
    assert of(samples, "wattbus_link_up", link="smsc") == 0
    assert of(samples, "wattbus_last_arrival_seconds", channel="sms") == 1_795_000_000.5
    assert of(samples, "wattbus_well") == 0
    assert 'last_arrival_seconds{channel="box"}' not in text
    assert 'breaker_open{channel="sms"}' not in text


@pytest.mark.slow
def test_partitions_that_nobody_holds(postgres: Postgres) -> None:
    url = postgres.create()
    upgrade(url)
    machine = Machine(url)
    assert of(page(machine)[1], "wattbus_partitions_unleased") == 0, "no worker was ever there"
    leases = Leases(machine.store, "w1")
    leases.prepare()
    assert of(page(machine)[1], "wattbus_partitions_unleased") == PARTITIONS
    leases.balance()
    assert of(page(machine)[1], "wattbus_partitions_unleased") == 0
