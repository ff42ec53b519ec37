"""The bulk lane, stepped by hand: a run goes over the bus whole, whatever happens in between."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.billing import partitions, runs
from core.billing.states import RunMove
from core.messages import Answer, BillPartition, BillRunMoved, EndBillPhase, Outcome, RunBillPhase
from core.store.tx import TransientStoreError
from hub import billbulk, billphases, deadletter, failpoints, inbox
from hub.billdesk import troubles, under_way
from hub.envelope import body_of, unseal
from hub.outbox import BULK, WORKER
from tests.core.billing.village import approve, planned
from tests.hub.lane import Lane
from tests.hub.machine import enrol, fresh_sqlite

EACH_BILLED_ONCE = [(7, 7)]
BILLS = "SELECT count(*), count(DISTINCT agreement_id) FROM bill"


class KilledError(BaseException):
    """Stands for the end of a process: nothing catches it."""


@pytest.fixture
def lane(tmp_path: Path) -> Lane:
    return Lane(fresh_sqlite(tmp_path))


def moved(lane: Lane) -> list[Any]:
    rows = lane.rows("SELECT envelope FROM message WHERE type LIKE '%BillRunMoved%' ORDER BY id")
    return [body_of(unseal(row[0])) for row in rows]


def test_a_run_goes_over_the_bus_from_plan_to_issue(lane: Lane) -> None:
    run = planned(lane.books)
    first = lane.begin(run, "freeze")
    lane.work()
    assert lane.state(run) == "validated"
    approve(lane.books, run)
    lane.begin(run, "issue")
    lane.work()
    assert lane.state(run) == "issued"
    assert lane.rows(BILLS) == EACH_BILLED_ONCE
    assert lane.rows("SELECT count(*) FROM open_item") == [(7,)]
    events = moved(lane)
    assert [(e.phase, e.state, e.bills) for e in events] == [
        ("freeze", "frozen", 0), ("calculate", "validated", 7), ("issue", "issued", 7)
    ]  # fmt: skip
    assert all(isinstance(each, BillRunMoved) for each in events)
    assert lane.machine.answer(first).outcome is Outcome.DONE
    assert lane.rows("SELECT DISTINCT lane, target, state, outcome FROM delivery") == [
        (1, "bulk", 4, "done")
    ]  # fmt: skip
    assert lane.wrongs() == []


def test_partitions_come_to_the_bus_some_at_a_time(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(billbulk, "AT_ONCE", 3)
    run = planned(lane.books, size=1)
    lane.begin(run, "freeze")
    lane.bulk.step()
    count = "SELECT count(*) FROM delivery WHERE handler = 'billing.partition'"
    assert lane.rows(count) == [(3,)]
    lane.work()
    assert lane.state(run) == "validated"
    assert lane.rows(count) == [(14,)], "seven in each phase, none twice"
    assert lane.rows(BILLS) == EACH_BILLED_ONCE
    assert lane.wrongs() == []


def test_two_runs_take_turns(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billbulk, "AT_ONCE", 1)
    long, short = planned(lane.books, size=1), planned(lane.books, agreement=4)
    lane.begin(long, "freeze")
    lane.begin(short, "freeze")
    while lane.state(short) != "validated":
        assert lane.bulk.step()
    assert lane.state(long) != "validated"
    lane.work()
    assert lane.rows(BILLS) == EACH_BILLED_ONCE
    assert lane.wrongs() == []


def test_neither_lane_sees_the_other_s_work(lane: Lane) -> None:
    run = planned(lane.books)
    lane.machine.accept(enrol(), "e1")
    lane.begin(run, "freeze")
    with lane.machine.store.transaction() as tx:
        found = inbox.fetch_open(tx, WORKER, range(16), 10)
        bulk = inbox.next_of(tx, BULK)
    assert [each.handler for each in found] == ["accounts.enrol"]
    assert bulk is not None
    assert bulk.handler == "billing.phase"
    lane.machine.settle()
    assert lane.state(run) == "planned", "the interactive worker has done all of its own"
    assert lane.work() > 0
    assert lane.wrongs() == []


@pytest.mark.parametrize("point", failpoints.BILL_POINTS)
@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_what_is_cut_off_at_any_partition_goes_on(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, point: str, count: int
) -> None:
    run, left = planned(lane.books), [count]

    def hit(name: str) -> None:
        left[0] -= name == point
        if not left[0]:
            left[0] = -1
            raise KilledError

    monkeypatch.setattr(failpoints, "hit", hit)
    lane.begin(run, "freeze")
    with pytest.raises(KilledError):
        lane.work()
    assert lane.machine.unaccounted() == 0
    lane.bulk = lane.worker("bulk1")
    lane.work()
    assert lane.state(run) == "validated"
    assert lane.rows(BILLS) == EACH_BILLED_ONCE
    assert lane.wrongs() == []


def test_repeats_of_every_command_are_harmless(lane: Lane) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    lane.work()
    commands = (
        BillPartition(run=run, phase="calculate", number=1),
        BillPartition(run=run, phase="freeze", number=2),
        EndBillPhase(run=run, phase="calculate"),
        RunBillPhase(run=run, phase="freeze"),
    )
    answers = [lane.ask(each, f"again{place}") for place, each in enumerate(commands)]
    lane.work()
    found = [lane.machine.answer(each) for each in answers]
    assert [str(each.outcome) for each in found] == ["done", "done", "refused", "refused"]
    assert found[0].data["repeat"]
    assert "freeze is not possible when it is validated" in found[3].args["what"]
    assert lane.state(run) == "validated"
    assert lane.rows(BILLS) == EACH_BILLED_ONCE
    assert lane.wrongs() == []


def test_an_end_that_comes_too_early_moves_nothing(lane: Lane) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    lane.work(2)
    early = lane.ask(EndBillPhase(run=run, phase="freeze"), "early")
    lane.bulk.step()
    lane.bulk.step()
    with lane.machine.store.transaction() as tx:
        tx.run("UPDATE run_partition SET state = 'planned' WHERE number = 3")
    lane.bulk.step()
    assert lane.machine.answer(early).data["left"] == 1
    assert lane.state(run) == "planned"


def test_a_run_that_is_given_up_meanwhile_makes_no_more_bills(lane: Lane) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    while lane.rows("SELECT count(*) FROM bill") == [(0,)]:
        assert lane.bulk.step()
    with lane.machine.store.transaction() as tx:
        runs.abandon(tx, run)
    lane.work()
    assert lane.state(run) == "abandoned"
    assert lane.rows("SELECT count(*), max(live) FROM bill") == [(3, 0)]
    assert ("refused",) in lane.rows("SELECT DISTINCT outcome FROM delivery")
    assert lane.wrongs() == []


def test_what_people_must_look_at_is_dead_and_the_rest_goes_on(lane: Lane) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    while lane.state(run) == "planned":
        assert lane.bulk.step()
    with lane.machine.store.transaction() as tx:
        was = tx.rows("SELECT inputs FROM run_partition WHERE number = 2")[0][0]
        tx.run("UPDATE run_partition SET inputs = '[]' WHERE number = 2")
    lane.work()
    assert lane.state(run) == "frozen"
    dead = "SELECT error_class, error FROM delivery WHERE state = 3"
    assert lane.rows(dead) == [
        ("BillingError", "BillingError: partition 2: its inputs were changed")
    ]
    assert lane.wrongs() == []
    with lane.machine.store.transaction() as tx:
        tx.run("UPDATE run_partition SET inputs = :was WHERE number = 2", was=was)
    said = lane.over_the_socket("bill-phase", run=run, what="run", key="again")
    assert said == {"run": run, "phase": "calculate", "under_way": True, "answer": None}
    lane.work()
    assert lane.state(run) == "validated"
    assert lane.rows(BILLS) == EACH_BILLED_ONCE
    assert lane.wrongs() == []


def test_an_unknown_fault_is_tried_again_by_the_schedule(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, real, faults = planned(lane.books), billphases.step, [3]

    def step(*args: Any) -> int:
        faults[0] -= 1
        if faults[0] == 0:
            raise ZeroDivisionError("a fault of ours")
        return real(*args)

    monkeypatch.setattr(billphases, "step", step)
    lane.begin(run, "freeze")
    lane.work()
    assert lane.rows("SELECT state, attempt, error_class FROM delivery WHERE state <> 4") == [
        (1, 1, "ZeroDivisionError")
    ]
    assert lane.machine.unaccounted() == 0
    lane.machine.time.at_us += 1_000_000
    lane.machine.sweeper.step()
    lane.work()
    assert lane.state(run) == "validated"
    assert lane.rows(BILLS) == EACH_BILLED_ONCE
    assert lane.wrongs() == []


def test_a_store_in_trouble_burns_no_attempt(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    lane.bulk.step()

    def away(*_: Any) -> int:
        raise TransientStoreError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(billphases, "step", away)
        for _ in range(5):
            with pytest.raises(TransientStoreError):
                lane.bulk.step()
    assert lane.rows("SELECT max(attempt), max(started) FROM delivery WHERE state = 0") == [(0, 0)]
    lane.work()
    assert lane.state(run) == "validated"


def test_what_kills_its_process_is_dead_after_some_starts(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, real = planned(lane.books), billphases.step

    def step(tx: Any, terms: Any, part: Any, *rest: Any) -> int:
        if part.number == 1:
            raise KilledError
        return real(tx, terms, part, *rest)

    lane.begin(run, "freeze")
    lane.bulk.step()
    with monkeypatch.context() as patched:
        patched.setattr(billphases, "step", step)
        for life in range(3):
            lane.bulk = lane.worker(f"life{life}")
            with pytest.raises(KilledError):
                lane.work()
        lane.bulk = lane.worker("last")
        lane.work()
    assert lane.rows("SELECT error_class FROM delivery WHERE state = 3") == [("killer",)]
    assert lane.rows("SELECT number FROM run_partition WHERE state = 'planned'") == [(1,)]
    assert lane.machine.unaccounted() == 0
    assert lane.over_the_socket("bill-phase", run=run, what="run", key="x")["under_way"]
    lane.work()
    assert lane.state(run) == "validated"


def test_what_cannot_be_read_is_dead_alone(lane: Lane) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    broken = lane.begin(99, "freeze")
    with lane.machine.store.transaction() as tx:
        tx.run("UPDATE message SET envelope = '{' WHERE id = :id", id=broken)
    lane.work()
    assert lane.state(run) == "validated"
    assert lane.rows("SELECT message_id, error_class FROM delivery WHERE state = 3") == [
        (broken, "EnvelopeError")
    ]
    assert lane.machine.answer(broken).outcome is Outcome.UNKNOWN
    assert lane.machine.unaccounted() == 0


def test_a_held_bill_that_is_let_out_is_issued_by_another_phase(lane: Lane) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    lane.work()
    approve(lane.books, run)
    for turn in "one", "two":
        lane.begin(run, RunMove.ISSUE.value, turn)
        lane.work()
        assert lane.state(run) == "issued"
    assert lane.rows("SELECT count(*) FROM open_item") == [(7,)]
    assert lane.wrongs() == []


def test_an_answer_is_of_the_one_form(lane: Lane) -> None:
    id_ = lane.begin(99, "issue")
    lane.work()
    answer = lane.machine.answer(id_)
    assert answer == msgspec.convert(msgspec.to_builtins(answer), Answer)
    assert answer.args == {"kind": "bill run", "what": "there is no run 99"}


def test_inputs_are_frozen_by_the_days_of_the_company(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was paid an hour after midnight is not paid on the day before, in any zone."""
    zones, plain = [], partitions.freeze

    def freeze(tx: Any, terms: Any, part: Any) -> int:
        zones.append(terms.zone)
        return plain(tx, terms, part)

    monkeypatch.setattr(partitions, "freeze", freeze)
    lane.begin(planned(lane.books), "freeze")
    lane.work()
    assert set(zones) == {lane.machine.terms.zone} != {"UTC"}


def test_a_run_of_which_a_command_was_discarded_goes_on_when_it_is_started_again(
    lane: Lane,
) -> None:
    run = planned(lane.books)
    lane.begin(run, "freeze")
    lane.bulk.step()
    with lane.machine.store.transaction() as tx:
        tx.run("UPDATE delivery SET state = 3 WHERE seq = (SELECT min(seq) FROM delivery "
               "WHERE state = 0)")  # fmt: skip
        ((id_,),) = tx.rows("SELECT message_id FROM delivery WHERE state = 3")
        letters = deadletter.locked(tx, deadletter.Named((id_,)), frozenset({3}))
        deadletter.discard(tx, letters, "by mistake", "node1", 1)
    lane.work()
    assert lane.state(run) == "planned"
    assert lane.machine.unaccounted() == 0
    with lane.machine.store.reader() as reader:
        assert not under_way(reader, "demo", run)
        assert troubles(reader, "demo", run) == []
    said = lane.over_the_socket("bill-phase", run=run, what="run", key="again")
    assert not said["under_way"]
    lane.work()
    assert lane.state(run) == "validated"
    assert lane.rows(BILLS) == EACH_BILLED_ONCE
    assert lane.wrongs() == []
