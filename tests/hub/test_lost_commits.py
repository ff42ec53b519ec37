"""A connection that is lost at COMMIT: done or not done, it is asked, and nothing happens twice."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.store.tx import StoreError, TransientStoreError, UnknownOutcomeError
from core.store.upgrade import open_store, upgrade
from hub import intake
from hub.channel import Accepted
from hub.notebook import Notebook, note_of
from hub.worker import StoreAway
from tests.core.billing.village import planned
from tests.hub.lane import Lane
from tests.hub.machine import Machine, buy, enrol, pay
from tests.servers.postgres import Postgres
from tests.servers.proxy import Proxy

pytestmark = pytest.mark.slow

DONE_OR_NOT = pytest.mark.parametrize("passed", [True, False], ids=["committed", "not-committed"])


@pytest.fixture
def direct(postgres: Postgres) -> Iterator[str]:
    url = postgres.prepared("lost", upgrade)
    yield url
    postgres.drop(url)


@pytest.fixture
def proxy(direct: str) -> Iterator[Proxy]:
    with Proxy.before(direct) as made:
        yield made


@pytest.fixture
def machine(proxy: Proxy, direct: str) -> Iterator[Machine]:
    made = Machine(proxy.url(direct))
    yield made
    made.store.close()


def _settle(machine: Machine) -> int:
    """As the loops do it: what is raised because the store is away is followed by another turn."""
    lost = 0
    for _ in range(10):
        try:
            machine.settle()
        except (TransientStoreError, StoreAway):
            lost += 1
        else:
            return lost
    raise AssertionError("the store stays away")


@DONE_OR_NOT
@pytest.mark.parametrize("skip", range(4))
def test_a_sale_whichever_commit_of_it_is_lost(
    machine: Machine, proxy: Proxy, skip: int, passed: bool
) -> None:
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    trap = proxy.swallow(b"COMMIT", passed=passed, skip=skip, answer=b"COMMIT\0")
    heard = machine.accept(buy(), "buy")
    _settle(machine)
    trap.wait()
    assert isinstance(heard[0], Accepted), heard
    assert len(heard) == 1
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]
    assert machine.rows("SELECT count(*) FROM message WHERE type LIKE '%CreditVend%'") == [(1,)]
    assert machine.answer(heard[0].message_id).outcome == "done"
    assert len(machine.channel.sent) == len({each.message_id for each in machine.channel.sent})
    assert machine.rows("SELECT count(*) FROM delivery WHERE state <> 4") == [(0,)]
    assert machine.unaccounted() == 0


def test_the_journal_asks_no_longer_than_somebody_waits(machine: Machine, proxy: Proxy) -> None:
    now = [0.0]
    machine.intake.clock = lambda: now[0]
    heard = machine.accept(enrol(), "enrol")
    proxy.swallow(b"COMMIT", passed=True)
    with pytest.raises(UnknownOutcomeError):
        machine.intake.step()
    proxy.down()
    with pytest.raises(TransientStoreError):
        machine.intake.step()
    assert heard == []
    now[0] = intake.ASK_S + 1
    with pytest.raises(TransientStoreError):
        machine.intake.step()
    assert isinstance(heard[0].value, StoreError)
    proxy.up()
    again = machine.accept(enrol(), "enrol")  # as the counterpart repeats it, by its key
    machine.settle()
    assert isinstance(again[0], Accepted)
    outcomes = machine.rows("SELECT outcome FROM journal ORDER BY recorded")
    assert outcomes == [("accepted",), ("duplicate",)]
    assert machine.rows("SELECT count(*) FROM account") == [(1,)]


@DONE_OR_NOT
@pytest.mark.parametrize("before", [0, 1], ids=["first-chore", "later-chore"])
def test_an_operators_act_is_not_called_failed_when_it_was_done(
    machine: Machine, proxy: Proxy, passed: bool, before: int
) -> None:
    chores = machine.chores
    for number in range(before):
        chores.do(lambda tx, name=f"b{number}": _set(tx, name))
        chores.step()
    heard: list[Any] = []
    chores.do(lambda tx: _set(tx, "act")).addBoth(heard.append)
    trap = proxy.swallow(b"COMMIT", passed=passed)
    with pytest.raises(UnknownOutcomeError):
        chores.step()
    trap.wait()
    assert heard == [], "nobody knows yet"
    proxy.down()
    with pytest.raises(TransientStoreError):
        chores.step()
    assert heard == [], "nobody knows yet"
    proxy.up()
    assert chores.step()
    stands = machine.rows("SELECT value FROM setting WHERE name = 'act'")
    if passed:
        assert (heard, stands) == (["act"], [("1",)])
    else:
        assert "nothing was changed" in str(heard[0].value)
        assert stands == []


def _set(tx: Any, name: str) -> str:
    tx.insert("setting", ("name", "value"), [(name, "1")])
    return name


@DONE_OR_NOT
def test_notes_are_written_again_under_their_keys(
    machine: Machine, proxy: Proxy, passed: bool
) -> None:
    notebook = Notebook(machine.store, machine.call)
    heard: list[Any] = []
    for value in ("first", "second"):
        notebook.keep("box", "k", value).addBoth(heard.append)
    proxy.swallow(b"COMMIT", passed=passed)
    with pytest.raises(UnknownOutcomeError):
        notebook.step()
    assert heard == []
    notebook.step()
    assert heard == [None, None]
    with machine.store.reader() as reader:
        assert note_of(reader, "box", "k") == "second"


@DONE_OR_NOT
def test_a_partition_of_a_bill_run_is_done_once(proxy: Proxy, direct: str, passed: bool) -> None:
    lane = Lane(direct)
    run = planned(lane.books)
    lane.bulk.store = open_store(proxy.url(direct))
    lane.begin(run, "freeze")
    lane.begin(run, "calculate")
    lost = 0
    for skip in range(3):
        trap = proxy.swallow(b"COMMIT", passed=passed, skip=skip)
        while not trap.sprung.is_set():
            try:
                lane.bulk.step()
            except TransientStoreError:
                lost += 1
    while lane.bulk.step():
        pass
    assert lost == 3
    assert lane.rows("SELECT count(*), count(DISTINCT agreement_id) FROM bill") == [(7, 7)]
    assert lane.wrongs() == []
    assert lane.machine.unaccounted() == 0
    lane.bulk.store.close()
    lane.machine.store.close()
