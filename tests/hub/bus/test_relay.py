"""The relay's marks: only what was published as it is now counts as published."""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from hub.bus.relay import Relay
from hub.pressure import STALLED_US, Pressure
from tests.hub.machine import Machine, enrol, fresh_sqlite


class Quick:
    """A broker whose worker has had the bundle before its confirm is here."""

    def __init__(self, machine: Machine, meanwhile: str) -> None:
        self.machine, self.meanwhile = machine, meanwhile
        self.published = 0

    def ready(self) -> bool:
        return True

    def emptied(self) -> set[int]:
        return set()

    def publish(self, _partition: int, _body: bytes, _name: str) -> "Future[bool]":
        self.published += 1
        if self.published == 1:
            with self.machine.store.transaction() as tx:
                tx.run(f"UPDATE delivery SET {self.meanwhile}, published = 0")
        done: Future[bool] = Future()
        done.set_result(True)
        return done


@pytest.mark.parametrize("meanwhile", ["attempt = attempt + 1", "updated = updated + 1"])
def test_what_was_touched_and_opened_again_before_its_confirm_is_published_again(
    tmp_path: Path, meanwhile: str
) -> None:
    """Tried once more, or only postponed or parked, which counts no attempt."""
    machine = Machine(fresh_sqlite(tmp_path))
    broker: Any = Quick(machine, meanwhile)
    relay = Relay(machine.store, broker, machine.time.sources())
    machine.accept(enrol(), "enrol")
    machine.intake.step()
    relay.step()
    assert machine.rows("SELECT published FROM delivery") == [(0,)]
    relay.step()
    assert machine.rows("SELECT published FROM delivery") == [(1,)]
    assert broker.published == 2


def test_what_is_published_once_more_has_not_waited_for_the_broker(tmp_path: Path) -> None:
    """A relay begins with all that is open, however old: the edge must not say "come again"."""
    machine = Machine(fresh_sqlite(tmp_path))
    machine.accept(enrol(), "enrol")
    machine.intake.step()
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET published = 1")
    pressure = Pressure(machine.store, 1_000, machine.time.sources(), backlog=1)
    machine.time.at_us += 10 * STALLED_US
    broker: Any = Full()
    Relay(machine.store, broker, machine.time.sources()).step()
    assert machine.rows("SELECT published FROM delivery") == [(0,)]
    pressure.step()
    assert pressure.waiting == 0


class Full(Quick):
    """One that refuses."""

    def __init__(self) -> None:
        self.published = 0

    def publish(self, _partition: int, _body: bytes, _name: str) -> "Future[bool]":
        done: Future[bool] = Future()
        done.set_result(False)
        return done
