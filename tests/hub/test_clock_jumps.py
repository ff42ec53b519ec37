"""A clock that is set back by hours stops nothing."""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

from core.store.tables.machine import OPEN, RETRY
from hub.bus.relay import Relay
from hub.pressure import Pressure
from tests.hub.machine import Machine, enrol, fresh_sqlite, pay

SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US


def test_the_sweeper_opens_what_is_due_although_its_own_time_lies_ahead(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.accept(pay(50_000), "pay")
    machine.intake.step()
    machine.time.at_us += 3 * HOUR_US
    machine.sweeper.step()
    machine.time.at_us -= 3 * HOUR_US
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = :retry, due = 1 WHERE state = :open", retry=RETRY,
               open=OPEN)  # fmt: skip
    assert machine.sweeper.step()
    machine.settle()
    assert machine.rows("SELECT credit FROM account") == [(50_000,)]


def test_the_gate_opens_again_although_its_own_time_lies_ahead(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    pressure = Pressure(machine.store, limit=3, sources=machine.time.sources())
    machine.time.at_us += 3 * HOUR_US
    pressure.step()
    machine.time.at_us -= 3 * HOUR_US
    assert [pressure.open_for("sms") for _ in range(4)] == [True, True, True, False]
    machine.time.at_us += 2 * SECOND_US
    pressure.step()  # nothing is open any more
    assert pressure.open_for("sms")


def test_the_relay_looks_for_what_was_lost_although_its_own_time_lies_ahead(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    broker: Any = Mute()
    relay = Relay(machine.store, broker, machine.time.sources())
    machine.accept(enrol(), "enrol")
    machine.intake.step()
    machine.time.at_us += 3 * HOUR_US
    relay.step()
    machine.time.at_us -= 3 * HOUR_US
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET published = 1, updated = 1")
    relay.step()
    assert machine.rows("SELECT published FROM delivery") == [(1,)], "it was published again"
    assert len(broker.bundles) == 2


class Mute:
    """A publisher that takes everything."""

    def __init__(self) -> None:
        self.bundles: list[bytes] = []

    def ready(self) -> bool:
        return True

    def emptied(self) -> set[int]:
        return set()

    def publish(self, _partition: int, body: bytes, _name: str) -> "Future[bool]":
        self.bundles.append(body)
        done: Future[bool] = Future()
        done.set_result(True)
        return done
