"""A bill below nothing: held for a person, then a credit; taken back as a whole."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from core.billing import periods
from core.billing.periods import Reported
from core.billing.states import BillMove, RunMove
from core.tariffs.load import load_file
from hub.billacts import OfBill, Work, perform
from hub.billruns import Books, open_desk, run_phase
from tests.core.billing import village
from tests.core.billing.test_rebill import pay, reverse
from tests.core.billing.village import (
    approve,
    books,
    calculated,
    decide,
    issued,
    report,
    rows,
    settle,
    wrongs,
)
from tests.hub.machine import fresh_sqlite

#: Solar power that is fed in is paid for.
SOLAR = village.TARIFF.replace(
    "        - kind: fixed\n",
    """        - kind: levy
          code: fed-in
          label: Fed in
          quantity: fed_in
          rate: -400
          tax_class: none
          payee: own
          rounding: half_up
        - kind: fixed
""",
)


def solar(folder: Path) -> Books:
    made = settle(fresh_sqlite(folder), 3)
    made = books(made.url, {"village": load_file(SOLAR, "solar.yaml").tariff})
    feed(made, {1: 0, 2: 1_000, 3: 500_000})
    return made


def feed(made: Books, fed: dict[int, int]) -> None:
    """Each uses 10 kWh; what he feeds in."""
    reported = [
        Reported(agreement=id_, first=village.FIRST, last=village.LAST, source="test",
                 registers={"units": 10_000, "fed_in": milli})
        for id_, milli in fed.items()
    ]  # fmt: skip
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        periods.record_usage(tx, "demo", village.PERIOD, reported, draw, 1)


def credit_of(made: Books, account: int) -> int:
    return int(rows(made, "SELECT credit FROM account WHERE id = :id", id=account)[0][0])


def given(made: Books) -> int:
    """A run in which the third bill is below nothing, and out; what it gave."""
    run = calculated(made)
    decide(made, 3, BillMove.APPROVE)
    approve(made, run)
    run_phase(made, run, RunMove.ISSUE)
    return credit_of(made, 3)


def test_it_is_held_until_a_person_approves_it(tmp_path: Path) -> None:
    made = solar(tmp_path)
    run = calculated(made)
    assert rows(made, "SELECT id, state, outsort FROM bill WHERE total < 0") == [
        (3, "held", "below-nothing")
    ]
    approve(made, run)
    run_phase(made, run, RunMove.ISSUE)
    assert credit_of(made, 3) == 0
    decide(made, 3, BillMove.APPROVE)
    run_phase(made, run, RunMove.ISSUE)
    ((state, total, item),) = rows(made, "SELECT state, total, item_id FROM bill WHERE id = 3")
    assert (state, item, credit_of(made, 3)) == ("issued", 0, -total)
    assert rows(made, "SELECT kind FROM ledger_txn WHERE message_id = 'bill/3'") == [
        ("credit-bill",)
    ]
    assert rows(made, "SELECT count(*) FROM open_item") == [(2,)]
    assert wrongs(made) == []


def test_a_second_issue_gives_nothing_twice(tmp_path: Path) -> None:
    made = solar(tmp_path)
    before = given(made)
    run_phase(made, 1, RunMove.ISSUE)
    assert credit_of(made, 3) == before > 0
    assert wrongs(made) == []


def test_reversed_its_credit_is_taken_back(tmp_path: Path) -> None:
    made = solar(tmp_path)
    given(made)
    reverse(made, 3)
    assert credit_of(made, 3) == 0
    assert rows(made, "SELECT state, live FROM bill WHERE id = 3") == [("reversed", 0)]
    assert rows(made, "SELECT count(*) FROM open_item WHERE kind = 'returned'") == [(0,)]
    assert wrongs(made) == []


@pytest.mark.parametrize("reserved", [0, 1_000])
def test_what_was_used_of_it_is_owed_again(tmp_path: Path, reserved: int) -> None:
    made = solar(tmp_path)
    before = given(made)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        txn = draw("ledger_txn", 1)
        tx.load("ledger_txn", ("id", "company", "kind", "currency", "message_id", "at"),
                [(txn, "demo", "pay-out", "UGX", "out", 1)])  # fmt: skip
        tx.load("posting", ("txn_id", "line", "ledger", "owner", "amount"),
                [(txn, 1, "customer-credit", 3, 5_000),
                 (txn, 2, "cash:desk", 0, -5_000)])  # fmt: skip
        tx.run("UPDATE account SET credit = credit - 5000, reserved = :n WHERE id = 3", n=reserved)
    reverse(made, 3)
    owed = rows(made, "SELECT amount, open, due FROM open_item WHERE kind = 'returned'")
    assert owed == [(5_000 + reserved, 5_000 + reserved, "1970-01-01")]
    assert credit_of(made, 3) == reserved
    assert before > 10_000
    assert wrongs(made) == []


def test_what_is_owed_again_is_due_on_the_day_of_the_company(tmp_path: Path) -> None:
    """An hour after midnight in Kampala it is still yesterday by UTC."""
    made = solar(tmp_path)
    given(made)
    night = replace(made, now_us=lambda: 1_795_300_200_000_000)  # 2026-11-21T22:30Z
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        tx.run("UPDATE account SET reserved = credit WHERE id = 3")
        perform("reverse", OfBill(3), Work(tx, draw, night, "henry", "henry", "node1"))
    owed = rows(made, "SELECT due FROM open_item WHERE kind = 'returned'")
    assert owed == [("2026-11-22",)]


def test_a_rebill_goes_from_credit_to_debt_and_back(tmp_path: Path) -> None:
    made = solar(tmp_path)
    before = given(made)
    feed(made, {3: 0})
    issued(made, kind="rebill")
    assert credit_of(made, 3) == 0
    ((bill, owed),) = rows(made, "SELECT id, total FROM bill WHERE agreement_id = 3 AND live = 1")
    pay(made, bill, owed)
    feed(made, {3: 500_000})
    run = calculated(made, kind="rebill")
    decide(made, bill + 1, BillMove.APPROVE)
    approve(made, run)
    run_phase(made, run, RunMove.ISSUE)
    assert credit_of(made, 3) == before + owed  # what he paid, and what he fed in
    states = rows(made, "SELECT state FROM bill WHERE agreement_id = 3 ORDER BY id")
    assert states == [("rebilled",), ("rebilled",), ("issued",)]
    assert wrongs(made) == []


def test_withdrawn_it_gives_nothing(tmp_path: Path) -> None:
    made = solar(tmp_path)
    calculated(made)
    decide(made, 3, BillMove.WITHDRAW)
    assert credit_of(made, 3) == 0
    report(made, {3: 10_000})
    assert wrongs(made) == []
