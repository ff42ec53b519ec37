"""A statement that the database does not understand is our fault: nobody is buried for it."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from structlog.testing import capture_logs

from core.messages import Outcome
from core.store.tx import DataStoreError, FaultyStatementError, TransientStoreError
from core.store.upgrade import upgrade
from hub import stages
from hub.balance import lines
from hub.stages import StageLoop
from hub.worker import StoreAway
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay
from tests.servers.postgres import Postgres

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture(params=ENGINES)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    if request.param == "sqlite":
        yield enrolled(fresh_sqlite(tmp_path))
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.prepared("statements", upgrade)
    machine = enrolled(url)
    yield machine
    machine.store.close()
    postgres.drop(url)


def enrolled(url: str) -> Machine:
    machine = Machine(url)
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    return machine


@pytest.mark.parametrize("sql", ["SELECT nothing FROM sale", "SELECT id FROM nowhere", "SELEKT 1"])
def test_it_is_told_from_wrong_data_and_from_a_store_that_is_away(
    machine: Machine, sql: str
) -> None:
    with pytest.raises(FaultyStatementError, match=sql), machine.store.transaction() as tx:
        tx.run(sql)
    with pytest.raises(DataStoreError), machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET partitionkey = NULL")


def test_the_worker_keeps_what_it_has_until_the_schema_fits_again(machine: Machine) -> None:
    change(machine, "ALTER TABLE sale RENAME COLUMN tender TO tendered")
    heard = [machine.accept(buy(another=True), f"b{number}") for number in range(3)]
    machine.intake.step()
    for _ in range(3):
        with pytest.raises(StoreAway) as caught:
            machine.worker.step()
        assert isinstance(caught.value.__cause__, FaultyStatementError)
    with machine.store.reader() as reader:
        (line,) = [each for each in lines(reader) if each.handler == "vending.credit-vend"]
    assert (line.accepted, line.pending, line.dead, line.parked) == (3, 3, 0, 0)
    change(machine, "ALTER TABLE sale RENAME COLUMN tendered TO tender")
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert [answer.outcome for answer in answers] == [Outcome.DONE, Outcome.DONE, Outcome.REFUSED]
    assert machine.unaccounted() == 0


def change(machine: Machine, sql: str) -> None:
    with machine.store.transaction() as tx:
        tx.run(sql)


@pytest.mark.parametrize(
    ("cause", "event", "level"),
    [
        (FaultyStatementError("no such column"), "store.statement-fault", "critical"),
        (TransientStoreError("connection lost"), "store.away", "error"),
    ],
)
def test_it_is_said_loudly_and_the_loop_goes_on(
    cause: Exception, event: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Worker:
        def __init__(self) -> None:
            self.left, self.mended = 2, Event()

        def step(self) -> bool:
            self.left -= 1
            if self.left >= 0:
                raise StoreAway(str(cause)) from cause
            self.mended.set()
            return False

    monkeypatch.setattr(stages, "AWAY_S", 0.01)
    worker = Worker()
    loop = StageLoop("test", [worker], idle_s=0.01)
    with capture_logs() as said:
        loop.start()
        assert worker.mended.wait(30)
        loop.stop()
    assert [(line["event"], line["log_level"], line["error"]) for line in said] == [
        (event, level, str(cause))
    ] * 2
