"""People and runs at once on PostgreSQL: who comes second waits, and neither is cut off."""

import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from core.billing import issue, partitions, periods, runs
from core.billing.runs import Plan
from core.billing.shapes import BillingError
from core.billing.states import BillMove, RunMove, WrongMoveError
from core.store.tx import StoreError
from core.store.upgrade import upgrade
from hub.billphases import Books
from hub.billruns import Desk, open_desk
from tests.core.billing.village import PERIOD, approve, calculated, rows, settle, wrongs
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow
#: Nothing here takes a tenth of it.
SOON_S = 60.0
_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
    "AND datname = current_database()"
)


@pytest.fixture
def made(postgres: Postgres) -> Books:
    return settle(postgres.prepared("waiting", upgrade), households=3)


def meanwhile(made: Books, act: Callable[[Desk], None]) -> tuple[threading.Thread, list[str]]:
    """Begin an act of somebody else, and come back when it waits for a lock."""
    heard: list[str] = []

    def do() -> None:
        with closing(open_desk(made)) as desk:
            try:
                act(desk)
                heard.append("done")
            except (BillingError, WrongMoveError, StoreError) as error:
                heard.append(str(error))

    thread = threading.Thread(target=do)
    thread.start()
    rest = threading.Event()
    for _ in range(600):
        if rows(made, _WAITING)[0][0] or heard:
            break
        rest.wait(0.05)
    return thread, heard


def test_a_decision_waits_for_the_partition_before_it_holds_the_bill(made: Books) -> None:
    run = calculated(made)
    approve(made, run)

    def withdraw(desk: Desk) -> None:
        with desk.transaction() as (tx, _):
            issue.decide(tx, 2, BillMove.WITHDRAW)

    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        part = partitions.claim(tx, run, RunMove.ISSUE)
        assert part is not None
        thread, heard = meanwhile(made, withdraw)
        assert heard == []
        assert issue.issue(tx, runs.run_of(tx, run), part, draw, 1) == 3
    thread.join(SOON_S)
    assert "withdraw is not possible when it is issued" in heard[0]
    assert wrongs(made) == []


def test_no_run_is_planned_into_a_period_that_is_being_closed(made: Books) -> None:
    def close(desk: Desk) -> None:
        with desk.transaction() as (tx, _):
            periods.close_period(tx, "demo", PERIOD, 2)

    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        plan = Plan(company="demo", period=PERIOD, currency="UGX", operator="grace")
        run = runs.plan(tx, plan, draw, 1)
        thread, heard = meanwhile(made, close)
        assert heard == []
    thread.join(SOON_S)
    assert heard == [f"run {run} of period {PERIOD} is not issued"]
