"""Several bulk workers on PostgreSQL: one list, row locks, and an end that is seen by the last."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from core.store.upgrade import open_store, upgrade
from hub import billphases
from hub.bulk import BulkWorker
from tests.core.billing.village import planned
from tests.hub.lane import Lane
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
#: Nothing here takes a tenth of it.
SOON_S = 60.0


@pytest.fixture
def lane(postgres: Postgres) -> Lane:
    return Lane(postgres.prepared("bulk", upgrade))


@pytest.fixture
def crew(lane: Lane) -> Iterator[list[BulkWorker]]:
    """Two workers, each with connections of its own."""
    made = [lane.worker(f"bulk{index}") for index in range(2)]
    for worker in made:
        worker.store, worker.counter = open_store(lane.url), open_store(lane.url)
    yield made
    for worker in made:
        worker.store.close()
        assert worker.counter is not None
        worker.counter.close()


def test_who_ends_first_waits_for_the_last_and_the_run_moves_once(
    lane: Lane, crew: list[BulkWorker], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, real = planned(lane.books), billphases.step
    inside, go_on = threading.Event(), threading.Event()

    def step(tx: Any, terms: Any, part: Any, *rest: Any) -> int:
        if threading.current_thread().name == "slow":
            inside.set()
            assert go_on.wait(SOON_S)
        return real(tx, terms, part, *rest)

    monkeypatch.setattr(billphases, "step", step)
    lane.begin(run, "freeze")
    crew[0].step()
    slow = threading.Thread(target=crew[0].step, name="slow")
    slow.start()
    assert inside.wait(SOON_S)
    others = threading.Thread(target=lambda: [crew[1].step() for _ in range(3)])
    others.start()  # partitions 2 and 3, then an end that has to wait for partition 1
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        "AND query LIKE '%run_partition%'"
    )
    until = threading.Event()
    for _ in range(int(SOON_S / 0.05)):
        if lane.rows(waiting) == [(1,)]:
            break
        until.wait(0.05)
    assert lane.rows(waiting) == [(1,)]
    assert lane.state(run) == "planned"
    go_on.set()
    slow.join()
    others.join()
    while crew[0].step() or crew[1].step():
        pass
    assert lane.state(run) == "validated"
    assert lane.rows("SELECT count(*), count(DISTINCT agreement_id) FROM bill") == [(7, 7)]
    events = lane.rows("SELECT count(*) FROM message WHERE type LIKE '%BillRunMoved%'")
    assert events == [(2,)], "each phase has ended once"
    assert lane.wrongs() == []


def test_a_start_is_counted_by_one_of_those_that_begin_together(
    lane: Lane, crew: list[BulkWorker]
) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    for worker in crew:
        worker._count()
    assert lane.rows("SELECT started FROM delivery") == [(1,)]
    crew[0].store.close()  # it died of it: the next one that begins counts again
    _until_gone(lane)
    crew[0].store = open_store(lane.url)
    crew[1]._count()
    assert lane.rows("SELECT started FROM delivery") == [(2,)]


def _until_gone(lane: Lane) -> None:
    """The server ends a session, and frees its locks, some time after the client has left.
    Other tests' databases are on the same server: their locks are theirs."""
    ours = (
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
        "WHERE l.locktype = 'advisory' AND d.datname = current_database()"
    )
    until = threading.Event()
    for _ in range(int(SOON_S / 0.05)):
        if lane.rows(ours) == [(0,)]:
            return
        until.wait(0.05)
    raise AssertionError("the lock outlives its session")


def test_two_threads_do_each_partition_once(lane: Lane, crew: list[BulkWorker]) -> None:
    run = planned(lane.books, size=1)
    lane.begin(run, "freeze")

    def work(worker: BulkWorker) -> None:
        while lane.state(run) != "validated":
            worker.step()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in crew]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON_S)
    while crew[0].step():
        pass
    assert lane.state(run) == "validated"
    assert lane.rows("SELECT count(*), count(DISTINCT agreement_id) FROM bill") == [(7, 7)]
    assert lane.wrongs() == []
