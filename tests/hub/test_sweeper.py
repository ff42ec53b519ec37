"""The sweeper opens what is due or released, and looks at nothing else."""

from pathlib import Path

import pytest

from core.messages import SendNotice
from core.vending import sale
from hub import inbox, sweeper
from hub.channel import Failed
from tests.hub.machine import PHONE, Machine, buy, enrol, fresh_sqlite, pay


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    return machine


def states(machine: Machine) -> list[int]:
    return [row[0] for row in machine.rows("SELECT state FROM delivery WHERE state < 4")]


def test_a_retry_is_opened_when_it_is_due_and_not_before(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "RETRY_AFTER_S", (60,))
    machine.channel.results = [Failed("busy", retry=True)]
    machine.do(buy(), "b1")
    assert states(machine) == [1]
    machine.time.at_us += 30_000_000
    assert not machine.sweeper.step()
    assert states(machine) == [1]
    machine.time.at_us += 60_000_000
    assert machine.sweeper.step()
    assert states(machine) == [0]


def test_it_looks_twice_a_second_at_most(machine: Machine) -> None:
    machine.sweeper.step()
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 1, due = 0")
    assert not machine.sweeper.step()
    machine.time.at_us += sweeper.EVERY_US
    assert machine.sweeper.step()


def test_what_is_parked_is_released_only_when_nothing_stands_before_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sale, "price_purchase", None)
        patched.setattr(inbox, "RETRY_AFTER_S", ())
        machine.accept(buy(), "b1")
        machine.accept(buy(another=True), "b2")
        machine.accept(buy(another=True), "b3")
        machine.settle()
    assert sorted(states(machine)) == [2, 2, 3]
    machine.time.at_us += sweeper.EVERY_US
    assert not machine.sweeper.step()
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 4, outcome = 'discarded' WHERE state = 3")
    machine.time.at_us += sweeper.EVERY_US
    assert machine.sweeper.step()
    assert states(machine) == [0, 0]


@pytest.mark.parametrize("name", ["_DUE", "_RELEASED", "_EXPIRED", "_ANY"])
def test_its_statements_read_only_what_is_held_back(machine: Machine, name: str) -> None:
    sql = getattr(sweeper, name)
    now = {"now": 1} if ":now" in sql else {}
    plans = [row[3] for row in machine.rows(f"EXPLAIN QUERY PLAN {sql}", **now)]
    looked = [plan for plan in plans if plan.startswith(("SCAN", "SEARCH"))]
    assert looked
    assert all("USING INDEX ix_delivery_held" in plan for plan in looked), plans


def test_who_is_to_work_on_what_was_opened_is_rung_for(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    rung: list[str] = []
    machine.sweeper.doorbell = lambda tx: rung.append(tx.dialect)
    assert not machine.sweeper.step()
    assert rung == [], "nothing was opened"
    machine.channel.results = [Failed("no", retry=True)] * 3
    machine.do(enrol(), "e")
    message = SendNotice(way="sms", recipient=PHONE, template="help", args={})
    machine.accept(message, "k", ref=f"phone/{PHONE}")
    machine.settle()
    machine.time.at_us += 60_000_000
    assert machine.sweeper.step()
    assert rung == ["sqlite"]


def test_a_notice_that_is_journaled_is_rung_for_after_its_commit(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    seen: list[int] = []

    def outward() -> None:
        seen.append(machine.rows("SELECT count(*) FROM delivery WHERE target <> 'worker'")[0][0])

    machine.intake.outward = outward
    machine.accept(enrol(), "e")
    machine.intake.step()
    assert seen == [], "that is for workers"
    message = SendNotice(way="sms", recipient=PHONE, template="help", args={})
    machine.accept(message, "k", ref=f"phone/{PHONE}")
    machine.intake.step()
    assert seen == [1]
