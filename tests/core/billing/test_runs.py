"""A bill run from plan to issue on SQLite: each partition whole or not at all."""

from contextlib import closing
from pathlib import Path

import pytest

from core.billing import partitions, periods, runs
from core.billing.outsort import OutsortRule
from core.billing.shapes import BillingError
from core.billing.states import PHASES, BillMove, RunMove, WrongMoveError
from core.store.tx import DataStoreError, TransientStoreError
from hub import billruns, failpoints
from hub.billphases import Books
from hub.billruns import open_desk, run_phase
from tests.core.billing.village import (
    PERIOD,
    approve,
    books,
    calculated,
    decide,
    issued,
    planned,
    report,
    rows,
    village,
    wrongs,
)


class KilledError(Exception):
    """Stands for the end of a process."""


def die_at(monkeypatch: pytest.MonkeyPatch, point: str, count: int) -> None:
    left = [count]

    def hit(name: str) -> None:
        if name == point:
            left[0] -= 1
            if not left[0]:
                raise KilledError

    monkeypatch.setattr(failpoints, "hit", hit)


def test_a_run_from_plan_to_issue(tmp_path: Path) -> None:
    made = village(tmp_path)
    run = issued(made)
    assert rows(made, "SELECT state, approver FROM bill_run") == [("issued", "henry")]
    assert rows(made, "SELECT count(*), min(state), max(live) FROM bill") == [(7, "issued", 1)]
    assert rows(made, "SELECT bills FROM run_partition ORDER BY number") == [(3,), (3,), (1,)]
    # 101 kWh: 15 at 250, 65 at 750.9, 21 at 810; levy 12.5; fee 3360; 18 % on energy and fee
    expected = 3_750 + 48_809 + 17_010 + 1_263 + 3_360 + 13_127
    assert rows(made, "SELECT total, tax FROM bill WHERE id = 1") == [(expected, 13_127)]
    item = rows(made, "SELECT amount, open, due, identity, period FROM open_item WHERE id = 1")
    assert item == [(expected, expected, "2026-12-05", f"bill/1/{PERIOD}/1", PERIOD)]
    assert wrongs(made) == []
    assert run == 1


def test_a_second_run_bills_nobody_twice(tmp_path: Path) -> None:
    made = village(tmp_path)
    issued(made)
    issued(made)
    assert rows(made, "SELECT count(*) FROM bill") == [(7,)]


def test_two_runs_at_once_make_one_bill_each(tmp_path: Path) -> None:
    made = village(tmp_path)
    first, second = planned(made), planned(made)
    run_phase(made, first, RunMove.FREEZE)
    run_phase(made, second, RunMove.FREEZE)
    run_phase(made, first, RunMove.CALCULATE)
    run_phase(made, second, RunMove.CALCULATE)
    assert rows(made, "SELECT run_id, count(*) FROM bill GROUP BY run_id") == [(first, 7)]


def test_the_database_refuses_a_second_live_bill(tmp_path: Path) -> None:
    made = village(tmp_path)
    calculated(made)
    columns = ", ".join(partitions.BILL[1:])
    again = f"INSERT INTO bill (id, {columns}) SELECT id + 100, {columns} FROM bill"
    with (
        closing(open_desk(made)) as desk,
        desk.transaction() as (tx, _),
        pytest.raises(DataStoreError),
    ):
        tx.run(again)


@pytest.mark.parametrize("phase", list(PHASES))
@pytest.mark.parametrize("point", failpoints.BILL_POINTS)
def test_a_killed_worker_leaves_whole_partitions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: RunMove, point: str
) -> None:
    made = village(tmp_path)
    run = planned(made)
    with monkeypatch.context() as patched:
        for each in RunMove.FREEZE, RunMove.CALCULATE, RunMove.ISSUE:
            if each is RunMove.ISSUE:
                approve(made, run)
            if each is phase:
                die_at(patched, point, 2)
                with pytest.raises(KilledError):
                    run_phase(made, run, each)
                break
            run_phase(made, run, each)
    after = PHASES[phase][1].value
    done = rows(made, "SELECT number FROM run_partition WHERE state = :s", s=after)
    assert done == ([(1,)] if point == "billrun.before-commit" else [(1,), (2,)])
    assert wrongs(made) == []
    rest = list(PHASES)
    for each in rest[rest.index(phase) :]:
        if each is RunMove.ISSUE and phase is not RunMove.ISSUE:
            approve(made, run)
        run_phase(made, run, each)
    assert rows(made, "SELECT count(*), count(DISTINCT agreement_id) FROM bill") == [(7, 7)]
    assert rows(made, "SELECT count(*) FROM open_item") == [(7,)]
    assert wrongs(made) == []


def test_a_rerun_of_the_same_snapshot_is_the_same_to_the_byte(tmp_path: Path) -> None:
    made = village(tmp_path)
    run = issued(made)
    report(made, {1: 5_000})  # what comes later is not in the snapshot
    with closing(open_desk(made)) as desk, desk.store.reader() as reader:
        terms = runs.terms_of(runs.run_of(reader, run), made.tariffs)
        for number in 1, 2, 3:
            stored, now = partitions.again(reader, terms, number)
            assert stored == now
            assert len(now) == 32
        with pytest.raises(BillingError, match="no partition 4"):
            partitions.again(reader, terms, 4)


def test_changed_inputs_and_tariffs_are_noticed(tmp_path: Path) -> None:
    made = village(tmp_path)
    run = planned(made)
    run_phase(made, run, RunMove.FREEZE)
    with pytest.raises(BillingError, match="tariff village is not as it was"):
        run_phase(books(made.url, {}), run, RunMove.CALCULATE)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE run_partition SET inputs = '[]' WHERE number = 2")
    with pytest.raises(BillingError, match="partition 2: its inputs were changed"):
        run_phase(made, run, RunMove.CALCULATE)


def test_what_is_held_holds_up_nobody(tmp_path: Path) -> None:
    made = village(tmp_path)
    rule = OutsortRule(name="high", measure="consumption", high=106_000)
    run = issued(made, rules=(rule,))
    held = rows(made, "SELECT id, outsort FROM bill WHERE state = 'held'")
    assert held == [(7, "high")]
    assert rows(made, "SELECT count(*) FROM open_item") == [(6,)]
    decide(made, 7, BillMove.APPROVE)
    run_phase(made, run, RunMove.ISSUE)
    assert rows(made, "SELECT count(*) FROM open_item") == [(7,)]
    assert rows(made, "SELECT state, outsort FROM bill WHERE id = 7") == [("issued", "high")]
    assert wrongs(made) == []
    with pytest.raises(WrongMoveError):
        decide(made, 7, BillMove.WITHDRAW)


def test_what_cannot_be_calculated_is_held_and_made_again(tmp_path: Path) -> None:
    made = village(tmp_path)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE agreement SET tariff = 'gone' WHERE id = 2")
        tx.run("UPDATE account SET currency = 'KES' WHERE id = 3")
    issued(made)
    held: dict[int, str] = dict(rows(made, "SELECT id, outsort FROM bill WHERE state = 'held'"))
    assert held[2] == "error: tariff gone is not among those of the company"
    assert held[3] == "error: the account is in KES, the run in UGX"
    with pytest.raises(BillingError, match="cannot go out"):
        decide(made, 2, BillMove.APPROVE)
    decide(made, 2, BillMove.WITHDRAW)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE agreement SET tariff = 'village' WHERE id = 2")
    issued(made)
    assert rows(made, "SELECT state FROM bill WHERE agreement_id = 2 AND live = 1") == [("issued",)]
    assert wrongs(made) == []


def test_the_order_of_things_and_two_persons(tmp_path: Path) -> None:
    made = village(tmp_path)
    run = planned(made)
    with pytest.raises(WrongMoveError, match="issue is not possible when it is planned"):
        run_phase(made, run, RunMove.ISSUE)
    run_phase(made, run, RunMove.FREEZE)
    run_phase(made, run, RunMove.CALCULATE)
    with pytest.raises(BillingError, match="grace planned run 1"):
        approve(made, run, "grace")
    approve(made, run)
    with pytest.raises(WrongMoveError):
        approve(made, run)
    with pytest.raises(BillingError, match="there is no run 9"):
        approve(made, 9)


@pytest.mark.parametrize("phases", [0, 1, 2])
def test_a_run_that_is_given_up_leaves_room_for_another(tmp_path: Path, phases: int) -> None:
    made = village(tmp_path)
    run = planned(made)
    for phase in list(PHASES)[:phases]:
        run_phase(made, run, phase)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        runs.abandon(tx, run)
    assert rows(made, "SELECT state FROM bill_run") == [("abandoned",)]
    issued(made)
    assert rows(made, "SELECT count(*) FROM bill WHERE live = 1") == [(7,)]
    assert wrongs(made) == []
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        periods.close_period(tx, "demo", PERIOD, 2)


def test_control_totals_are_compared(tmp_path: Path) -> None:
    made = village(tmp_path)
    run = planned(made)
    run_phase(made, run, RunMove.FREEZE)
    with closing(open_desk(made)) as desk:
        with desk.store.reader() as reader:
            terms = runs.terms_of(runs.run_of(reader, run), made.tariffs)
        billruns.work(desk, terms, RunMove.CALCULATE)
        with desk.transaction() as (tx, _):
            tx.run("UPDATE bill SET total = total + 1 WHERE id = 4")
    with pytest.raises(BillingError, match="partition 2"):
        run_phase(made, run, RunMove.CALCULATE)


def test_periods_open_and_close(tmp_path: Path) -> None:
    made = village(tmp_path)
    run = planned(made)
    with closing(open_desk(made)) as desk:
        with pytest.raises(BillingError, match="opened already"), desk.transaction() as (tx, _):
            periods.open_period(tx, "demo", PERIOD, 1)
        with pytest.raises(BillingError, match="is no period"), desk.transaction() as (tx, _):
            periods.open_period(tx, "demo", 202613, 1)
        with pytest.raises(BillingError, match="run 1 of period"), desk.transaction() as (tx, _):
            periods.close_period(tx, "demo", PERIOD, 1)
    run_phase(made, run, RunMove.FREEZE)
    run_phase(made, run, RunMove.CALCULATE)
    approve(made, run)
    run_phase(made, run, RunMove.ISSUE)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        periods.close_period(tx, "demo", PERIOD, 2)
    with pytest.raises(BillingError, match="is closed"):
        planned(made)
    with pytest.raises(BillingError, match="is closed"):
        report(made, {1: 1_000})
    with pytest.raises(BillingError, match="is not open"):
        planned(made, period=202611)


def test_a_lost_connection_is_tried_again_and_then_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = village(tmp_path)
    run = planned(made)
    monkeypatch.setattr(billruns, "_REST_S", 0.0)
    failures = iter([True, False, True] + [False] * 9)
    real = billruns.do_next

    def flaky(*args: object) -> tuple[int, int] | None:
        if next(failures):
            raise TransientStoreError("deadlock")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(billruns, "do_next", flaky)
    run_phase(made, run, RunMove.FREEZE)
    failures = iter([True] * billruns.ATTEMPTS)
    with pytest.raises(TransientStoreError):
        run_phase(made, run, RunMove.CALCULATE)


def test_progress_is_told(tmp_path: Path) -> None:
    made: Books = village(tmp_path)
    run = planned(made)
    seen: list[tuple[int, int]] = []
    spent = run_phase(made, run, RunMove.FREEZE, watch=lambda *at: seen.append(at))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert (spent.bills, spent.peak_kib > 0) == (7, True)
