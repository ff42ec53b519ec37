"""Bill runs on PostgreSQL: COPY, several worker processes, one that is killed, sales meanwhile."""

import multiprocessing
import signal
from contextlib import closing

import pytest

from core.billing import runs
from core.billing.shapes import BillingError
from core.billing.states import RunMove
from core.store.pg_copy import copy_text
from core.store.upgrade import upgrade
from hub import failpoints
from hub.billphases import Books
from hub.billruns import do_next, open_desk, run_phase
from tests.core.billing.village import (
    approve,
    calculated,
    issued,
    planned,
    report,
    rows,
    settle,
    wrongs,
)
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def made(postgres: Postgres) -> Books:
    return settle(postgres.prepared("bills", upgrade), households=20)


def test_two_workers_make_every_bill_once(made: Books) -> None:
    issued(made, workers=2)
    assert rows(made, "SELECT count(*), count(DISTINCT agreement_id) FROM bill") == [(20, 20)]
    assert wrongs(made) == []
    report(made, dict.fromkeys(range(1, 21), 30_000))
    issued(made, workers=2, kind="rebill")
    assert rows(made, "SELECT state, count(*) FROM bill GROUP BY state ORDER BY state") == [
        ("issued", 20), ("rebilled", 20)
    ]  # fmt: skip
    assert wrongs(made) == []


def _killed(made: Books, run: int, phase: RunMove, point: str) -> None:
    failpoints.arm(f"{point}@2")
    with closing(open_desk(made)) as desk:
        with desk.store.reader() as reader:
            terms = runs.terms_of(runs.run_of(reader, run), made.tariffs)
        while do_next(desk, terms, phase) is not None:
            pass


@pytest.mark.parametrize("point", failpoints.BILL_POINTS)
@pytest.mark.parametrize("phase", [RunMove.CALCULATE, RunMove.ISSUE])
def test_a_killed_process_leaves_whole_partitions(made: Books, phase: RunMove, point: str) -> None:
    if phase is RunMove.ISSUE:
        run = calculated(made)
        approve(made, run)
    else:
        run = planned(made)
        run_phase(made, run, RunMove.FREEZE)
    child = multiprocessing.get_context("fork").Process(
        target=_killed, args=(made, run, phase, point)
    )
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert wrongs(made) == []
    run_phase(made, run, phase, workers=2)
    if phase is RunMove.CALCULATE:
        approve(made, run)
        run_phase(made, run, RunMove.ISSUE)
    assert rows(made, "SELECT count(*), count(DISTINCT agreement_id) FROM bill") == [(20, 20)]
    assert rows(made, "SELECT count(*) FROM open_item") == [(20,)]
    assert wrongs(made) == []


def test_a_worker_that_fails_is_told_of(made: Books) -> None:
    run = planned(made)
    run_phase(made, run, RunMove.FREEZE, workers=2)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE run_partition SET inputs = '[]' WHERE number = 4")
    with pytest.raises(BillingError, match="partition 4: its inputs were changed"):
        run_phase(made, run, RunMove.CALCULATE, workers=2)
    assert wrongs(made) == []


def test_an_account_in_use_does_not_hold_up_the_run(made: Books) -> None:
    """A sale has the account's row locked all the while: bills of it are issued beside it."""
    with closing(open_desk(made)) as other, other.transaction() as (sale, _):
        sale.rows("SELECT id FROM account WHERE id = 3 FOR UPDATE")
        issued(made, workers=2)
    assert rows(made, "SELECT count(*) FROM open_item") == [(20,)]


@pytest.mark.parametrize("word", ["a\\b", "tab\there", "line\nend", "\\N", "r\rq", "é中'\""])
def test_texts_come_back_as_they_were(made: Books, word: str) -> None:
    columns = ("company", "period", "state", "opened_at", "closed_at")
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.load("billing_period", columns, [(word, 1, "open", 2, -3), ("plain", 1, word, 2, 3)])
    found = rows(made, "SELECT company, state, closed_at FROM billing_period WHERE period = 1")
    assert sorted(found) == sorted([(word, "open", -3), ("plain", word, 3)])
    assert copy_text("billing_period", columns, [("x", 1, "y", 2, 3)]) == "x\t1\ty\t2\t3\n"
