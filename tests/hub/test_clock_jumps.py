"""A clock that is set back by hours stops nothing."""

from pathlib import Path

from core.store.tables.machine import OPEN, RETRY
from tests.hub.machine import Machine, enrol, fresh_sqlite, pay

HOUR_US = 3_600_000_000


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
