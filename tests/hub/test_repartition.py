"""Another count of partitions: everything that is not done moves, and nothing else changes."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages import Outcome
from core.store.states import DEAD, DONE, PARKED
from core.store.upgrade import open_store, sqlite_path
from hub import audit, partitions
from hub.channel import Accepted, Failed
from hub.engine import EngineError, check_partitions, lock_file
from hub.partitions import LEAST, MOST, NEW, NEXT, PartitioningError, every, partition_of
from hub.repartition import Repartition, RepartitionError
from tests.hub.machine import MORNING_US, FakeTime, Machine, buy, enrol, fresh_sqlite, pay
from tests.hub.verbs.installation import Installation, installed
from tests.scratch import in_memory

HOUSES = [str(200_001 + n) for n in range(9)]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The count is one for a whole process: the next test has another database."""
    yield
    partitions.use(NEW)


class Cut(Exception):
    """The verb was killed here."""


def household(machine: Machine, number: str) -> None:
    """An account with money, whose work is ordered among itself."""
    changes = {"meter": None, "phones": ()}
    machine.do(enrol(number, **changes), f"e{number}", ref=f"account/{number}")


def at_work(folder: Path) -> Machine:
    """A hub that was stopped in the middle: done, open, parked and dead deliveries."""
    partitions.use(NEW)
    url = f"sqlite:{folder / 'wattbus.db'}"
    sqlite_path(url).write_bytes(_at_work())
    return Machine(url, FakeTime(MORNING_US + 1_000_000))


@cache
def _at_work() -> bytes:
    with TemporaryDirectory(dir=in_memory()) as folder:
        machine = _worked(Path(folder))
        machine.store.close()
        return sqlite_path(machine.url).read_bytes()


def _worked(folder: Path) -> Machine:
    machine = Machine(fresh_sqlite(folder))
    check_partitions(machine.store)
    for number in HOUSES:
        household(machine, number)
    machine.do(enrol(), "e")
    machine.do(pay(90_000), "p")
    machine.channel.results = [Failed("the far end says no", False)]
    machine.do(buy(), "b1")  # its notice is dead, and those behind it are parked
    machine.do(buy(), "b2")
    for turn in range(3):
        for number in HOUSES:
            machine.accept(pay(1_000 + turn, number), f"{turn}/{number}")
    machine.intake.step()
    return machine


def repartition(machine: Machine, count: int, **changes: Any) -> Any:
    run = Repartition(machine.store, "hub", machine.time.now_us, chunk=7)
    for name, value in changes.items():
        setattr(run, name, value)
    return run.run(count, "mary")


def placed(machine: Machine, count: int) -> bool:
    rows = machine.rows("SELECT partition, partitionkey, published FROM delivery WHERE state <> 4")
    return all(p == crc32(key.encode()) % count and not out for p, key, out in rows)


def goes_on(machine: Machine) -> Machine:
    """The hub is started again and works off everything."""
    again = Machine(machine.url, machine.time)
    check_partitions(again.store)
    again = Machine(machine.url, machine.time)  # its source has the new partitions
    again.settle()
    return again


def end(machine: Machine) -> None:
    """Nothing was lost, everything came in its order."""
    assert machine.unaccounted() == 0
    assert machine.rows("SELECT count(*) FROM delivery WHERE state = 0") == [(0,)]
    for number in HOUSES:
        rows = machine.rows(
            "SELECT r.key, r.answer FROM delivery d JOIN request r ON r.message_id = d.message_id "
            "WHERE d.state = :done AND r.key LIKE :like ORDER BY d.decided, d.seq",
            done=DONE,
            like=f"%/{number}",
        )
        assert [key for key, _ in rows] == [f"{turn}/{number}" for turn in range(3)]
        assert {json.loads(answer)["outcome"] for _, answer in rows} == {Outcome.DONE}


@pytest.mark.parametrize("count", [1, 8, 24, 256])
def test_what_is_not_done_moves_and_is_worked_off(tmp_path: Path, count: int) -> None:
    machine = at_work(tmp_path)
    states = dict(machine.rows("SELECT state, count(*) FROM delivery GROUP BY state"))
    assert {0, PARKED, DEAD, DONE} <= states.keys()
    of_old = machine.rows("SELECT seq, partition, updated FROM delivery WHERE state = 4")
    with machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET published = 1 WHERE state <> 4")
    told: list[tuple[int, int]] = []
    found = repartition(machine, count, told=lambda *n: told.append(n))
    total = sum(n for state, n in states.items() if state != DONE)
    assert (found.before, found.after, found.deliveries) == (NEW, count, total)
    assert told[-1] == (total, total)
    assert placed(machine, count)
    assert machine.rows("SELECT seq, partition, updated FROM delivery WHERE state = 4") == of_old
    again = goes_on(machine)
    assert every() == range(count)
    end(again)
    with machine.store.reader() as reader:
        (row,) = audit.read(reader)
        assert all(chain.broken_at is None for chain in audit.verify([row]))
    assert (row.actor, row.act) == ("mary", "repartition")
    assert json.loads(row.detail)["after"] == count


def test_a_run_that_was_interrupted_anywhere_is_run_again(tmp_path: Path) -> None:
    cuts = 0
    while True:
        folder = tmp_path / str(cuts)
        folder.mkdir()
        machine = at_work(folder)
        left = cuts

        def cut(*_: int) -> None:
            nonlocal left
            if left == 0:
                raise Cut
            left -= 1

        try:
            repartition(machine, 24, told=cut, emptied=cut)
        except Cut:
            with pytest.raises(EngineError, match="being changed from 16 to 24"):
                check_partitions(machine.store)
        else:
            break
        wanted = (24, 16, 5)[cuts % 3]  # on to the end, back, or to another count
        assert repartition(machine, wanted).after == wanted
        assert placed(machine, wanted)
        assert not machine.rows("SELECT 1 FROM setting WHERE name = :name", name=NEXT)
        end(goes_on(machine))
        cuts += 1
    assert cuts > 5, "each commit was followed by a cut"


def test_the_same_count_changes_nothing(tmp_path: Path) -> None:
    machine = at_work(tmp_path)
    before = machine.rows("SELECT * FROM delivery ORDER BY seq")
    assert repartition(machine, NEW).deliveries == 0
    assert machine.rows("SELECT * FROM delivery ORDER BY seq") == before
    assert machine.rows("SELECT count(*) FROM audit") == [(0,)]


@pytest.mark.parametrize("count", [-1, 0, 257])
def test_a_count_that_cannot_be_is_refused(tmp_path: Path, count: int) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    with pytest.raises(RepartitionError, match="1 to 256"):
        repartition(machine, count)


def test_leases_are_nobody_s_and_their_epochs_grow(tmp_path: Path) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    columns = ("partition", "owner", "epoch", "until")
    with machine.store.transaction() as tx:
        tx.insert("partition_lease", columns, [(n, "w", 7 + n, 0) for n in range(NEW)])
    repartition(machine, 3)
    repartition(machine, 5)
    rows = machine.rows("SELECT partition, owner, epoch, until FROM partition_lease ORDER BY 1")
    assert rows == [(n, "", 7 + NEW + 1, 0) for n in range(5)]


@settings(max_examples=40)
@given(st.text(), st.integers(LEAST, MOST))
def test_every_key_has_a_partition(key: str, count: int) -> None:
    partitions.use(count)
    assert partition_of(key) in every()


@pytest.mark.parametrize("said", ["md5/16", "crc32/0", "crc32/257", "crc32/", "16", "crc32/-1"])
def test_words_of_another_partitioning_are_refused(said: str) -> None:
    with pytest.raises(PartitioningError, match="partitioned by"):
        partitions.count_of(said)


# -- the verb ------------------------------------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    found = installed(tmp_path)
    heard = found.machine.accept(enrol(), "e")
    found.machine.intake.step()
    assert isinstance(heard[0], Accepted)
    found.machine.store.close()
    return found


def test_the_verb_changes_it_and_says_so(place: Installation) -> None:
    code, out, err = place.call("db", "partitions", "24", "--operator", "mary")
    assert (code, err) == (0, "")
    assert "1 of 1 deliveries" in out
    assert "16 -> 24 partitions" in out
    code, out, _ = place.call("db", "partitions", "24", "--json")
    told = {"before": 24, "after": 24, "deliveries": 0, "moved": 0}
    assert (code, json.loads(out)) == (0, told)
    code, out, _ = place.call("audit", "list")
    assert code == 0
    assert "repartition" in out


def test_beside_a_hub_that_runs_it_refuses(place: Installation) -> None:
    lock = lock_file(place.folder / "var" / "wattbus.db")
    code, _, err = place.call("db", "partitions", "24")
    lock.close()
    assert code == 1
    assert "in use by another Wattbus process" in err
    store = open_store(place.machine.url)
    with store.reader() as reader:
        assert partitions.stands(reader) == (NEW, 0)
    store.close()


def test_a_count_out_of_range_is_said(place: Installation) -> None:
    code, _, err = place.call("db", "partitions", "300")
    assert code == 1
    assert "there are 1 to 256" in err
