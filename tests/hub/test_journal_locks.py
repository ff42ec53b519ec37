"""The journal on PostgreSQL beside a batch that is still writing."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.messages import Outcome
from core.store.upgrade import open_store, upgrade
from hub import failpoints, journal
from tests.hub.machine import Machine, buy, enrol, pay
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("journal", upgrade)
    machine = Machine(url)
    assert machine.do(enrol(), "enrol").outcome is Outcome.DONE
    machine.do(pay(50_000), "pay")
    yield machine
    machine.store.close()
    postgres.drop(url)


def test_a_repeat_does_not_hold_the_row_that_a_batch_answers(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.do(buy(), "k")
    beside = open_store(machine.url)
    answered: list[int] = []

    def hit(point: str) -> None:
        if point == "journal.before-commit":
            with beside.transaction() as tx:
                tx.run("SET LOCAL lock_timeout = 200")
                answered.append(tx.run("UPDATE request SET answered = 1 WHERE key = 'k'"))

    monkeypatch.setattr(failpoints, "hit", hit)
    heard = machine.accept(buy(), "k")
    machine.intake.step()
    monkeypatch.undo()
    beside.close()
    assert heard[0].repeat
    assert answered == [1]


def test_a_key_whose_time_is_over_names_a_new_request_once(machine: Machine) -> None:
    machine.do(buy(another=True), "k", valid_for_s=600.0)
    machine.time.at_us += 601_000_000
    heard = [machine.accept(buy(another=True), "k", valid_for_s=600.0) for _ in range(2)]
    machine.settle()
    assert [each[0].repeat for each in heard] == [False, True]
    assert machine.rows("SELECT count(*) FROM sale") == [(2,)]
    assert machine.unaccounted() == 0


@pytest.mark.parametrize("read", [1, 2])
def test_a_key_that_is_pruned_while_it_is_claimed_is_remembered(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, read: int
) -> None:
    machine.do(buy(another=True), "k", valid_for_s=600.0)
    machine.time.at_us += 601_000_000
    beside, reads, known = open_store(machine.url), [0], journal._known

    def pruned(*args: Any, **named: Any) -> Any:
        reads[0] += 1
        if reads[0] == read:  # the first looks, the second locks
            with beside.transaction() as tx:
                assert tx.run("DELETE FROM request WHERE key = 'k'") == 1
        return known(*args, **named)

    monkeypatch.setattr(journal, "_known", pruned)
    first = machine.accept(buy(another=True), "k", valid_for_s=600.0)
    machine.intake.step()
    monkeypatch.undo()
    beside.close()
    again = machine.accept(buy(another=True), "k", valid_for_s=600.0)
    machine.settle()
    assert (first[0].repeat, again[0].repeat) == (False, True)
    assert machine.rows("SELECT count(*) FROM sale") == [(2,)]
    assert machine.unaccounted() == 0
