"""A town that was loaded set-wise is one that could have been enrolled."""

from pathlib import Path

import pytest

from core.messages import Outcome
from core.sts.meter_id import parse_drn
from simulators.bench import town
from simulators.bench.feeder import Feeder, purchase, sold
from tests.hub.machine import METER, MORNING_US, Machine, buy, enrol, fresh_sqlite, pay


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(town, "CHUNK", 4)
    url = fresh_sqlite(tmp_path)
    told: list[tuple[int, int]] = []
    town.enrol(url, 10, MORNING_US, lambda done, of: told.append((done, of)))
    assert told == [(4, 10), (8, 10), (10, 10)]
    return Machine(url)


def test_meters_and_phones_are_real_ones() -> None:
    assert len({town.meter_of(house) for house in range(500)}) == 500
    for house in (0, 7, 19_999):
        parse_drn(town.meter_of(house))
        assert town.phone_of(house).startswith("+256")


def test_every_household_can_buy(machine: Machine) -> None:
    for house in (0, 3, 9):
        command = buy(meter=town.meter_of(house), phone=town.phone_of(house))
        assert machine.do(command, f"k{house}").outcome is Outcome.DONE


def test_the_ledger_adds_up(machine: Machine) -> None:
    machine.do(buy(meter=town.meter_of(1), phone=town.phone_of(1)), "k")
    assert machine.rows("SELECT sum(amount) FROM posting") == [(0,)]
    ((posted,),) = machine.rows("SELECT -sum(amount) FROM posting WHERE ledger = 'customer-credit'")
    assert machine.rows("SELECT sum(credit) FROM account") == [(posted,)]


def test_numbers_go_on_where_the_loader_ended(machine: Machine) -> None:
    """A customer enrolled afterwards gets ids of his own."""
    assert machine.do(enrol("777", METER, "+256711111111"), "e").outcome is Outcome.DONE
    assert machine.do(pay(5, "777"), "p").outcome is Outcome.DONE


def test_the_feeder_takes_in_rounds_that_look_like_no_repeat(machine: Machine) -> None:
    feed = Feeder(machine.store, 10)
    assert [feed.step(8) for _ in range(3)] == [8, 8, 8]
    while machine.worker.step():
        pass
    assert sold(machine.store) == 24
    assert machine.rows("SELECT count(DISTINCT tender) FROM sale") == [(3,)]
    assert machine.unaccounted() == 0


def test_a_purchase_has_the_key_of_its_content() -> None:
    assert purchase(1, 5).key != purchase(1, 6).key
    assert purchase(1, 5).partition_ref == f"meter/{town.meter_of(1)}"
