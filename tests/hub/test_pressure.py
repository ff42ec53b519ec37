"""Back-pressure: what is open is counted in the database, and in memory between the counts."""

from pathlib import Path

import pytest

from hub.channel import Overloaded
from hub.pressure import EVERY_US, STALLED_US, Pressure
from tests.hub.machine import Machine, fresh_sqlite, pay


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(fresh_sqlite(tmp_path))


def test_a_channel_that_is_full_is_closed_and_the_others_are_open(machine: Machine) -> None:
    pressure = Pressure(machine.store, 2, machine.time.sources())
    assert [pressure.open_for("sms") for _ in range(4)] == [True, True, False, False]
    assert pressure.open_for("ussd")


def test_it_opens_again_when_the_work_is_done(machine: Machine) -> None:
    pressure = Pressure(machine.store, 2, machine.time.sources())
    machine.intake.gate = pressure.open_for
    for number in range(2):
        machine.accept(pay(1, account="none"), f"p{number}")
    refused = machine.accept(pay(1), "p3")
    assert isinstance(refused[0].value, Overloaded)
    machine.intake.step()
    pressure.step()
    assert not pressure.open_for("sms"), "two are open in the database"
    machine.settle()
    pressure.step()
    assert not pressure.open_for("sms"), "it counts once a second at most"
    machine.time.at_us += EVERY_US
    pressure.step()
    assert pressure.open_for("sms")


def test_without_traffic_it_counts_at_the_start_only(machine: Machine) -> None:
    pressure = Pressure(machine.store, 2, machine.time.sources())
    pressure.step()
    machine.time.at_us += 10 * EVERY_US
    machine.store.close()
    assert not pressure.step()


def test_while_the_broker_takes_nothing_fewer_may_wait(machine: Machine) -> None:
    """The rows say it: they are not confirmed, and have not been for seconds."""
    pressure = Pressure(machine.store, 1_000, machine.time.sources(), backlog=3)
    for number in range(3):
        machine.accept(pay(10 + number), f"p{number}")
    machine.intake.step()
    pressure.step()
    assert pressure.open_for("sms"), "a confirm may be on its way"
    machine.time.at_us += STALLED_US + EVERY_US
    pressure.step()
    assert not pressure.open_for("sms")
    assert not pressure.open_for("ussd"), "whoever it comes by would wait"
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET published = 1")
    machine.time.at_us += EVERY_US
    pressure.step()
    assert pressure.open_for("sms")


def test_what_comes_between_two_counts_counts_too(machine: Machine) -> None:
    pressure = Pressure(machine.store, 1_000, machine.time.sources(), backlog=3)
    machine.accept(pay(10), "p")
    machine.intake.step()
    machine.time.at_us += STALLED_US + EVERY_US
    pressure.step()
    assert [pressure.open_for("sms") for _ in range(3)] == [True, True, False]


def test_without_a_broker_nothing_waits_for_one(machine: Machine) -> None:
    pressure = Pressure(machine.store, 1_000, machine.time.sources())
    machine.accept(pay(10), "p")
    machine.intake.step()
    machine.time.at_us += STALLED_US + EVERY_US
    pressure.step()
    assert pressure.waiting == 0
    assert pressure.open_for("sms")


def test_what_was_held_back_and_is_opened_has_not_waited_for_the_broker(machine: Machine) -> None:
    """Hundreds of sales that a module kept waiting are no sign of a broker that takes nothing."""
    pressure = Pressure(machine.store, 1_000, machine.time.sources(), backlog=3)
    for number in range(4):
        machine.accept(pay(10 + number), f"p{number}")
    machine.intake.step()
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = CASE WHEN seq % 2 = 0 THEN 1 ELSE 2 END, published = 1")
    machine.time.at_us += 10 * STALLED_US
    assert machine.sweeper.step()
    assert machine.rows("SELECT count(*) FROM delivery WHERE state = 0 AND published = 0") == [(4,)]
    pressure.step()
    assert pressure.waiting == 0
    machine.time.at_us += STALLED_US + EVERY_US
    pressure.step()
    assert pressure.waiting == 4, "now it has"
