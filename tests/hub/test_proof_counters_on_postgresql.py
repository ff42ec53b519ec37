"""Modules' counters on PostgreSQL: the same statements, the same findings, rows as final."""

from collections.abc import Iterator

import psycopg
import pytest

from core.queries.modules import Work, newest_orders, open_orders, orders_by_state
from core.store.upgrade import upgrade
from hub.proof import EVERYTHING, Proof
from tests.hub.machine import buy
from tests.hub.remote import BOX
from tests.hub.test_proof_counters import ZONES, Counting
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Counting]:
    url = postgres.prepared("counting", upgrade)
    machine = Counting(url)
    machine.open_account(500_000)
    machine.tells()
    yield machine
    machine.store.close()
    postgres.drop(url)


def found(machine: Counting) -> list[str]:
    proof = Proof(machine.store.reader, EVERYTHING, ZONES)
    assert [*proof.run()]
    return [finding.code for finding in proof.findings.listed]


def test_what_was_made_and_not_logged_is_found(machine: Counting) -> None:
    machine.sells("b1")
    machine.tells()
    assert found(machine) == []
    machine.count += 1
    machine.tells()
    assert found(machine) == ["counter-ahead"]


def test_open_orders_are_seen(machine: Counting) -> None:
    machine.sells("b1")
    machine.accept(buy(10_000, another=True), "b2")
    machine.settle()
    assert machine.work() == Work(1, 1)
    with machine.store.reader() as reader:
        assert orders_by_state(reader) == [(BOX, "ordered", 1)]
        (view,) = open_orders(reader, 10)
        assert (view.module, view.tender, view.ended_at) == (BOX, 10_000, 0)
        assert [each.state for each in newest_orders(reader, 10)] == ["ordered", "made"]


def test_readings_are_final(machine: Counting) -> None:
    for sql in ("UPDATE module_count SET counted = 0", "TRUNCATE module_count"):
        with (
            psycopg.connect(machine.url) as server,
            pytest.raises(psycopg.Error, match="final"),
        ):
            server.execute(sql.encode())
