"""Corrections: reversed to zero line by line, billed anew; what was paid is not lost."""

from contextlib import closing
from pathlib import Path

import pytest

from core.billing.reverse import reverse_one
from core.billing.shapes import BillingError
from core.billing.states import BillMove
from hub.billphases import Books
from hub.billruns import open_desk
from tests.core.billing.village import decide, issued, report, rows, village, wrongs


def pay(made: Books, bill: int, amount: int, source: str = "payment") -> None:
    """As collection leaves it: the item settled, the money posted, a row that says so."""
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        ((item, account, total),) = tx.rows(
            "SELECT item_id, account_id, total FROM bill WHERE id = :id", id=bill
        )
        txn = draw("ledger_txn", 1)
        tx.run("UPDATE open_item SET open = open - :n WHERE id = :id", n=amount, id=item)
        tx.load("ledger_txn", ("id", "company", "kind", "currency", "message_id", "at"),
                [(txn, "demo", source, "UGX", f"m{txn}", 1)])  # fmt: skip
        tx.load("posting", ("txn_id", "line", "ledger", "owner", "amount"), [
            (txn, 1, "cash:desk", 0, amount), (txn, 2, "receivable:bill", account, -amount)
        ])  # fmt: skip
        paid = draw("payment", 1)
        if source == "payment":
            tx.insert("payment", (
                "id", "company", "number", "currency", "amount", "way", "desk", "reference",
                "rule", "state", "txn_id", "clear_txn_id", "message_id", "received_at",
                "decided_at",
            ), [(paid, "demo", f"P{paid}", "UGX", amount, "cash", "desk", "", "{}", "received",
                 txn, 0, f"m{txn}", 1, 0)])  # fmt: skip
        tx.load("allocation", (
            "message_id", "line", "company", "source", "source_id", "account_id", "item_id",
            "debt_id", "ledger", "amount", "at",
        ), [(f"m{txn}", 1, "demo", source, paid, account, item, 0, "receivable:bill", amount, 1)]
        )  # fmt: skip
        assert amount <= total


def reverse(made: Books, bill: int) -> None:
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, draw):
        reverse_one(tx, bill, draw, 5)


def test_a_reversal_nets_to_zero_line_by_line(tmp_path: Path) -> None:
    made = village(tmp_path)
    issued(made)
    reverse(made, 2)
    ((txn, reversal, state, live),) = rows(
        made, "SELECT txn_id, reversal_id, state, live FROM bill WHERE id = 2"
    )
    assert (state, live) == ("reversed", 0)
    pairs = rows(
        made,
        "SELECT p.ledger, p.amount + r.amount FROM posting p JOIN posting r ON r.line = p.line "
        "AND r.ledger = p.ledger AND r.owner = p.owner WHERE p.txn_id = :a AND r.txn_id = :b",
        a=txn, b=reversal,
    )  # fmt: skip
    assert "tax:vat" in dict(pairs)
    assert len(pairs) == 5
    assert {rest for _, rest in pairs} == {0}
    assert rows(made, "SELECT open, state FROM open_item WHERE id = 2") == [(0, "cancelled")]
    assert wrongs(made) == []
    with pytest.raises(BillingError, match="not issued, or reversed already"):
        reverse(made, 2)


@pytest.mark.parametrize("part", [1, 20_000, 87_319])
def test_what_was_paid_becomes_credit(tmp_path: Path, part: int) -> None:
    made = village(tmp_path)
    issued(made)
    pay(made, 1, part)
    assert wrongs(made) == []
    reverse(made, 1)
    assert rows(made, "SELECT credit FROM account WHERE id = 1") == [(part,)]
    assert wrongs(made) == []


@pytest.mark.parametrize("units", [50_000, 150_000])
def test_a_corrected_reading_leads_to_a_new_bill(tmp_path: Path, units: int) -> None:
    made = village(tmp_path)
    issued(made)
    report(made, {3: units})
    run = issued(made, kind="rebill")
    bills = rows(
        made, "SELECT id, run_id, state, live, replaces, consumption FROM bill "
        "WHERE agreement_id = 3 ORDER BY id",
    )  # fmt: skip
    assert bills == [(3, 1, "rebilled", 0, 0, 103_000), (8, run, "issued", 1, 3, units)]
    assert rows(made, "SELECT count(*) FROM bill") == [(8,)]  # nobody else was touched
    live = rows(made, "SELECT amount FROM open_item WHERE agreement_id = 3 AND state = 'live'")
    assert live == rows(made, "SELECT total FROM bill WHERE id = 8")
    assert wrongs(made) == []


def test_one_bill_is_corrected_by_itself(tmp_path: Path) -> None:
    made = village(tmp_path)
    issued(made)
    report(made, {2: 1_000, 5: 1_000})
    issued(made, kind="rebill", agreement=5)
    found = rows(made, "SELECT agreement_id FROM bill WHERE replaces > 0")
    assert found == [(5,)]
    assert wrongs(made) == []


def test_a_bill_that_was_written_off_is_not_mirrored(tmp_path: Path) -> None:
    made = village(tmp_path)
    issued(made)
    pay(made, 1, 500, "write-off")
    with pytest.raises(BillingError, match="write-off first"):
        reverse(made, 1)
    report(made, {1: 1_000, 2: 1_000})
    issued(made, kind="rebill")
    assert rows(made, "SELECT state, outsort FROM bill WHERE replaces = 1") == [
        ("held", "old-bill write-off first")
    ]
    assert rows(made, "SELECT state FROM bill WHERE replaces = 2") == [("issued",)]
    assert rows(made, "SELECT state, live FROM bill WHERE id = 1") == [("issued", 1)]
    decide(made, 8, BillMove.WITHDRAW)
    assert wrongs(made) == []


def test_a_bill_that_a_cheque_paid_waits_for_the_cheque(tmp_path: Path) -> None:
    """Else the reversal would make credit of money that may still not come."""
    made = village(tmp_path)
    issued(made)
    pay(made, 2, 1_000)
    with closing(open_desk(made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE payment SET state = 'uncleared'")
    with pytest.raises(BillingError, match="a payment that has not cleared first"):
        reverse(made, 2)


def test_a_correction_of_a_correction(tmp_path: Path) -> None:
    made = village(tmp_path)
    issued(made)
    for units in 10_000, 20_000, 0:
        report(made, {1: units})
        issued(made, kind="rebill")
    found = rows(made, "SELECT state, consumption FROM bill WHERE agreement_id = 1 ORDER BY id")
    assert found == [("rebilled", 101_000), ("rebilled", 10_000), ("rebilled", 20_000),
                     ("issued", 0)]  # fmt: skip
    assert wrongs(made) == []
