"""The proof on PostgreSQL: the same statements, the same names for the same crimes."""

from collections.abc import Iterator

import pytest

from core.store.upgrade import open_store, upgrade
from hub.engine import Parts, clocked
from hub.hostclock import ClockGuard
from hub.proof import EVERYTHING, Proof
from hub.prover import Prover
from tests.hub.crimes import CRIMES, Crime, by_name, sold
from tests.hub.machine import FakeTime, Machine, buy
from tests.hub.sales import set_clock
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
ZONES = {"demo": "Africa/Kampala"}


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    def five_sold(url: str) -> None:
        upgrade(url)
        sold(url).store.close()

    url = postgres.prepared("five_sold", five_sold)
    machine = Machine(url, FakeTime(drawn=1_000))
    set_clock(machine, "2026-11-21T12:00:00")
    yield machine
    machine.store.close()
    postgres.drop(url)


def codes(machine: Machine, rows: int = 2) -> set[str]:
    proof = Proof(machine.store.reader, EVERYTHING, ZONES, slice=rows)
    assert [*proof.run()]
    return set(proof.findings.counts)


@pytest.mark.parametrize("crime", CRIMES, ids=by_name)
def test_a_crime_is_called_by_its_name(machine: Machine, crime: Crime) -> None:
    assert codes(machine) == set()
    crime.act(machine)
    assert codes(machine) == crime.codes


def test_the_daily_proof_is_kept(machine: Machine) -> None:
    machine.do(buy(another=True), "another")
    set_clock(machine, "2026-11-22T03:00:00")
    daily = Prover(machine.store, ZONES, "02:30", machine.time.sources())
    for _ in range(100):
        if not daily.step():
            break
    kept = "SELECT made, sold, findings FROM token_proof"
    assert machine.rows(kept) == [(6, 6, 0)]


def test_the_hosts_clock_is_held_to_the_databases(machine: Machine) -> None:
    store = open_store(machine.url)
    here = ClockGuard(store.reader, True, 5_000_000)
    assert here.difference() == ""
    there = ClockGuard(store.reader, True, 5_000_000, FakeTime(1).sources())
    assert "behind the database's" in there.difference()
    store.close()


def test_a_worker_whose_clock_is_off_takes_nothing(machine: Machine) -> None:
    parts = Parts(
        machine.url, {"demo": machine.terms}, machine.routing, 100, machine.call,
        machine.time.sources(),
    )  # fmt: skip
    source = clocked(parts, machine.store, machine.worker.source)
    machine.worker.source = source
    machine.time.at_us = 1_000_000_000_000_000  # 2001: no host of ours
    heard = machine.accept(buy(another=True), "held")
    machine.settle()
    assert "the database's clock is the reference" in source.guard.wrong
    assert machine.rows(
        "SELECT attempt, state FROM delivery WHERE message_id = :m", m=heard[0].message_id
    ) == [(0, 0)]
