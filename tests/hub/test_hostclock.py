"""No token on a wrong clock: the worker takes nothing, refuses nobody, counts no attempt."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from hub.engine import Parts, clocked
from hub.hostclock import EVERY_US, ClockedSource, ClockGuard
from tests.hub.crimes import sold
from tests.hub.machine import FakeTime, Machine, buy, fresh_sqlite

SECOND = 1_000_000
LIMIT = 5 * SECOND


class Database:
    """A database with a clock of its own; it has no tokens."""

    def __init__(self, time: FakeTime) -> None:
        self.time, self.ahead, self.looks = time, 0, 0

    @contextmanager
    def reading(self) -> Iterator[Any]:
        yield self

    def rows(self, sql: str, **_: Any) -> list[tuple[Any, ...]]:
        if "clock_timestamp" not in sql:
            return []
        self.looks += 1
        return [(self.time.at_us + self.ahead,)]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def database(time: FakeTime) -> Database:
    return Database(time)


def guard_of(database: Database) -> ClockGuard:
    return ClockGuard(database.reading, True, LIMIT, database.time.sources())


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (0, ""),
        (LIMIT - SECOND, ""),
        (-LIMIT + SECOND, ""),
        (LIMIT + SECOND, "behind the database's"),
        (-LIMIT - SECOND, "ahead of the database's"),
    ],
)
def test_a_clock_that_is_off_is_told_with_its_way(
    database: Database, ahead: int, words: str
) -> None:
    database.ahead = ahead
    guard = guard_of(database)
    assert guard.right() is (words == "")
    assert words in guard.wrong
    assert not words or "6.0 s" in guard.wrong


def test_it_looks_every_few_seconds_and_not_with_every_batch(
    database: Database, time: FakeTime
) -> None:
    guard = guard_of(database)
    for _ in range(50):
        assert guard.right()
    assert database.looks == 1
    time.at_us += EVERY_US
    assert guard.right()
    assert database.looks == 2


def test_it_logs_once_and_goes_on_when_the_clock_is_right(
    database: Database, time: FakeTime
) -> None:
    guard = guard_of(database)
    database.ahead = 3_600 * SECOND
    with capture_logs() as logs:
        for _ in range(3):
            assert not guard.right()
            time.at_us += 1_000
        database.ahead = 0
        time.at_us += EVERY_US
        assert guard.right()
    assert [entry["event"] for entry in logs] == ["clock.wrong", "clock.right"]
    assert "NTP" in logs[0]["sentence"]


def test_a_clock_set_back_is_looked_at_at_once(database: Database, time: FakeTime) -> None:
    guard = guard_of(database)
    assert guard.right()
    time.at_us -= 60 * SECOND
    database.ahead = 60 * SECOND
    assert not guard.right()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = sold(fresh_sqlite(tmp_path))
    companies = {"demo": machine.terms}
    parts = Parts(
        machine.url, companies, machine.routing, 100, machine.call, machine.time.sources()
    )
    machine.worker.source = clocked(parts, machine.store, machine.worker.source)
    yield machine
    machine.store.close()


def test_on_sqlite_the_last_token_is_the_reference(machine: Machine) -> None:
    """Nothing is taken, nobody is refused, no attempt is counted; then it goes on."""
    machine.time.at_us -= 3_600 * SECOND
    heard = machine.accept(buy(another=True), "late")
    machine.settle()
    open_ = "SELECT attempt, started, state FROM delivery WHERE message_id = :m"
    message = heard[0].message_id
    assert machine.rows(open_, m=message) == [(0, 0, 0)]
    assert machine.rows("SELECT answer FROM request WHERE message_id = :m", m=message) == [(None,)]
    assert isinstance(machine.worker.source, ClockedSource)
    assert "before the last token that a security module made" in machine.worker.source.guard.wrong
    machine.time.at_us += 3_590 * SECOND
    machine.settle()
    machine.time.at_us += 3_600 * SECOND
    machine.settle()
    assert machine.answer(message).outcome == "done"
    assert machine.rows(open_, m=message)[0][0] <= 1


def test_a_clock_set_back_while_it_runs_is_noticed_by_the_last_token(machine: Machine) -> None:
    machine.do(buy(another=True), "now")
    machine.time.at_us -= 10 * 60 * SECOND
    machine.accept(buy(another=True), "then")
    machine.settle()
    assert machine.rows("SELECT count(*) FROM sale") == [(6,)]


def test_assigning_goes_to_the_source_itself(machine: Machine) -> None:
    source: Any = machine.worker.source
    source.assign([1, 2])
    assert source.source.partitions == [1, 2]
