"""The metrics page: its vocabulary, its numbers, and nobody's name in a label."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from core.store.upgrade import upgrade
from hub import inbox, lastbackup, metrics
from hub.channel import Failed
from hub.leases import Leases
from hub.metricnode import processes
from hub.metrics import Node
from hub.partitions import NEW as PARTITIONS
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


def test_what_is_published_again_and_again_is_as_old_as_it_is(machine: Machine) -> None:
    """Each publication touches the row; the alert must not begin anew with it."""
    machine.accept(pay(1), "p2")
    machine.intake.step()
    machine.time.at_us += 90_000_000
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET published = 1, updated = :now", now=machine.time.at_us)
    _, samples = page(machine)
    assert 90 <= of(samples, "wattbus_oldest_age_seconds", target="worker") < 91


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
    assert len(looked) >= 8
    covered = ("USING INDEX ix_delivery_", "USING COVERING INDEX ix_delivery_")
    assert all(any(way in plan for way in covered) for plan in looked), looked
    for table in ("held_money", "wallet_payment", "token_order"):
        scans = [plan for plan in seen if table in plan]
        assert scans
        assert all("INDEX ix_" in plan for plan in scans), scans
    joined = [plan for plan in seen if plan.split()[1] in ("d", "m")]
    assert all("PRIMARY KEY" in plan or "autoindex" in plan for plan in joined), joined


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


def test_what_is_unfinished_has_the_age_of_its_acceptance(machine: Machine) -> None:
    """Not of its last attempt: the customer has waited all the time."""
    machine.accept(buy(), "b1")
    machine.accept(pay(1), "p2")
    machine.intake.step()
    machine.time.at_us += 30_000_000
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 1, updated = :now WHERE state = 0 AND handler = "
               "'vending.credit-vend'", now=machine.time.at_us)  # fmt: skip
    _, samples = page(machine)
    ages = {
        what: of(samples, "wattbus_oldest_unfinished_seconds", what=what)
        for what in ("sale", "payment", "wallet")
    }
    assert 30 <= ages["sale"] < 31
    assert 30 <= ages["payment"] < 31
    assert ages["wallet"] == 0


def test_what_is_dead_waits_for_people_and_is_no_unfinished_sale(machine: Machine) -> None:
    machine.accept(buy(), "b1")
    machine.intake.step()
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 3 WHERE state = 0")
    _, samples = page(machine)
    assert of(samples, "wattbus_oldest_unfinished_seconds", what="sale") == 0


def test_the_lag_is_by_partition_and_there_at_zero(machine: Machine) -> None:
    _, samples = page(machine)
    lags = {key: n for key, n in samples.items() if key[0] == "wattbus_lag_messages"}
    assert len(lags) == PARTITIONS
    assert set(lags.values()) == {0}
    machine.accept(pay(1), "p2")
    machine.intake.step()
    _, samples = page(machine)
    assert sum(n for key, n in samples.items() if key[0] == "wattbus_lag_messages") == 1


def test_held_money_by_company_with_its_age(machine: Machine) -> None:
    columns = [
        row[1] for row in machine.rows("SELECT cid, name FROM pragma_table_info('held_money')")
    ]
    kinds = dict(machine.rows("SELECT name, type FROM pragma_table_info('held_money')"))
    now = machine.time.at_us
    rows = (("held", 5_000, 60, 10), ("overdue", 700, 90, -10), ("waits", 90, 1_000, 5))
    with machine.store.transaction() as tx:
        for number, (state, rest, ago_s, left_s) in enumerate(rows, start=1):
            given = {name: 0 if kinds[name] != "TEXT" else "" for name in columns}
            given |= {"id": number, "company": "demo", "currency": "UGX", "state": state}
            given |= {"rest": rest, "since": now - ago_s * 10**6, "deadline": now + left_s * 10**6}
            tx.insert("held_money", tuple(given), [tuple(given.values())])
    _, samples = page(machine)
    who = {"company": "demo", "currency": "UGX"}
    assert of(samples, "wattbus_held_money", **who) == 5_700, "what waits is its account's"
    assert 90 <= of(samples, "wattbus_held_oldest_seconds", **who) < 91
    assert of(samples, "wattbus_held_overdue", **who) == 1


def test_the_process_tells_how_long_it_took_and_why_it_said_no(
    machine: Machine, tmp_path: Path
) -> None:
    watch = machine.intake.journal.watch
    machine.worker.watch = machine.outbound.watch = watch
    machine.do(buy(), "b1")
    machine.do(buy(tender=900_000), "b2")
    node = Node(processes=processes(tmp_path, "node1", watch))
    text, samples = page(machine, node)
    hub = {"process": "hub"}
    sold = {**hub, "handler": "vending.credit-vend"}
    assert of(samples, "wattbus_sale_seconds_count", **sold) == 2
    assert of(samples, "wattbus_acceptance_seconds_count", channel="sms", **hub) == 4
    assert of(samples, "wattbus_told_seconds_count", channel="sms", **hub) == 2
    assert of(samples, "wattbus_batch_size_sum", stage="journal", **hub) == 4
    assert of(samples, "wattbus_not_done_total", code="credit-insufficient", **sold) == 1
    assert of(samples, "wattbus_process_memory_bytes", **hub) > 1e6
    assert of(samples, "wattbus_process_open_files", **hub) > 2
    assert of(samples, "wattbus_clock_wrong", **hub) == 0
    assert PHONE not in text


def test_the_disk_and_the_last_backup(machine: Machine, tmp_path: Path) -> None:
    _, samples = page(machine, Node(data=tmp_path))
    free = of(samples, "wattbus_disk_free_bytes")
    assert 0 < free <= of(samples, "wattbus_disk_size_bytes")
    assert ("wattbus_backup_seconds", frozenset()) not in samples
    lastbackup.note(tmp_path, 1_795_000_000_500_000)
    _, samples = page(machine, Node(data=tmp_path))
    assert of(samples, "wattbus_backup_seconds") == 1_795_000_000.5
