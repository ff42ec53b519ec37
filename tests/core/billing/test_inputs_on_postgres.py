"""The inputs of bills on PostgreSQL: the same statements, the same bills; two decide at once."""

from contextlib import closing, suppress
from threading import Barrier, Thread

import pytest

from core.billing import changes
from core.billing.changes import Approval, Wanted
from core.billing.commons import CommonTotal
from core.billing.shapes import BillingError
from core.billing.states import BillMove, RunMove
from core.queries.remittance import remittances
from core.store.tx import StoreError
from core.store.upgrade import upgrade
from core.tariffs.load import load_file
from hub.billruns import Books, open_desk, run_phase
from tests.core.billing.test_credits import SOLAR, credit_of, feed, given
from tests.core.billing.test_inputs import KW, verified
from tests.core.billing.test_rebill import reverse
from tests.core.billing.village import (
    approve,
    books,
    calculated,
    decide,
    issued,
    rows,
    settle,
    wrongs,
)
from tests.core.billing.works import billed, common, fact, lines, opened, place_at, state, used
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


def test_everything_that_is_known_is_billed(postgres: Postgres) -> None:
    made = place_at(postgres.prepared("inputs", upgrade), lift=True)
    for id_ in 1, 2, 3:
        state(made, fact(id_, "attribute", "contracted_kw", "2026-01-01", value=1_000),
              fact(id_, "share", "lift", "2026-01-01", value=1_000, word="B1"),
              fact(id_, "history", "max_kw", "2026-03-01", value=50_000),
              fact(id_, "history", "units", "2026-09-01", value=290_000),
              fact(id_, "history", "units", "2026-08-01", value=10_000))  # fmt: skip
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.insert("agreement_state", ("agreement_id", "period", "units_milli", "fixed_through"),
                  [(1, 202611, 20_000, 0)])  # fmt: skip
        tx.run("UPDATE open_item SET due = '2026-11-05'")
    opened(made, 202611)
    found = rows(made, "SELECT agreement_id, category, months FROM agreement_category")
    assert sorted(found) == [(id_, "large", 2) for id_ in (1, 2, 3)]
    for period in 202610, 202611:
        common(made, period, CommonTotal(common="B1", name="lift", what="amount", total=1_000))
        used(made, period, {id_: {"units": 100_000, **KW} for id_ in (1, 2, 3)})
        run = billed(made, period)
        assert verified(made, run)
        with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
            tx.run("UPDATE open_item SET due = '2026-11-05'")
    bill = lines(made, 1, 202611)
    assert bill["demand"] == 40_000
    assert bill["energy"] == 30 * 100 + 70 * 200
    assert bill["beyond"] == 700
    assert bill["large"] == 5_000
    assert bill["late"] > 0
    assert sum(lines(made, id_, 202611)["lift"] for id_ in (1, 2, 3)) == 1_000
    with closing(open_desk(made)) as desk, desk.store.reader() as reader:
        (house,) = remittances(reader, "demo", 202612, made.zone, "house")
    assert house.closing == 2_000
    assert wrongs(made) == []


def solar(postgres: Postgres) -> Books:
    made = settle(postgres.prepared("solar", upgrade), 3)
    made = books(made.url, {"village": load_file(SOLAR, "solar.yaml").tariff})
    feed(made, {1: 0, 2: 1_000, 3: 500_000})
    return made


def test_a_credit_goes_out_and_back(postgres: Postgres) -> None:
    made = solar(postgres)
    assert given(made) > 0
    feed(made, {3: 600_000, 1: 1_000})
    run = calculated(made, kind="rebill")
    ((bill,),) = rows(made, "SELECT id FROM bill WHERE total < 0 AND replaces > 0")
    decide(made, bill, BillMove.APPROVE)
    approve(made, run)
    run_phase(made, run, RunMove.ISSUE, 2)
    ((total,),) = rows(made, "SELECT total FROM bill WHERE id = :id", id=bill)
    assert credit_of(made, 3) == -total
    assert wrongs(made) == []
    reverse(made, bill)
    assert credit_of(made, 3) == 0
    assert wrongs(made) == []


def test_of_two_who_approve_a_change_at_once_one_does(postgres: Postgres) -> None:
    made = solar(postgres)
    issued(made)
    wanted = Wanted(bill=1, by={"units": 1_000}, reason="r", evidence="e", operator="grace")
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        changes.ask(tx, "demo", wanted, draw, 5)
    both, done = Barrier(2), []

    def approve_it(who: str) -> None:
        plan = Approval(
            company="demo", currency="UGX", zone=made.zone, tariffs=made.tariffs, approver=who
        )
        with closing(open_desk(made)) as desk, suppress(BillingError, StoreError):
            with desk.transaction() as (tx, draw):
                both.wait(10)
                changes.approve(tx, 1, plan, draw, 6)
            done.append(who)

    threads = [Thread(target=approve_it, args=(who,)) for who in ("henry", "irene")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(done) == 1
    assert rows(made, "SELECT decided_by FROM usage_change") == [(done[0],)]
    assert rows(made, "SELECT max(version) FROM bill_usage WHERE agreement_id = 1") == [(3,)]
    assert rows(made, "SELECT count(*) FROM bill_run WHERE kind = 'rebill'") == [(1,)]
    assert rows(made, "SELECT count(*) FROM bill WHERE replaces = 1 AND state = 'issued'") == [(1,)]
    assert wrongs(made) == []
