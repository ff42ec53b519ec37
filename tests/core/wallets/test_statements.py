"""A provider's account of a day against the books: four outcomes, and what follows from each."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.messages import Outcome, StatementLine
from core.wallets.comparing import compare
from tests.core.collection.desk import whole
from tests.core.wallets.proofs import cases, line, outcomes, statement, states, took
from tests.core.wallets.purse import METER, balance, do, done, held, pay_in, purse, told


def test_four_outcomes_in_one_day(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    for receipt, amount in (("MATCH", 20_000), ("OURS", 9_000), ("DIFF", 5_000)):
        done(machine, pay_in(amount, receipt=receipt, typed="who knows"))
    data = took(
        machine, line("MATCH", 20_000), line("DIFF", 5_500), line("THEIRS", 30_000, typed=METER)
    )
    told_ = {name: data[name] for name in ("match", "theirs-only", "amount-differs", "whole")}
    assert told_ == {"match": 1, "theirs-only": 1, "amount-differs": 1, "whole": True}
    assert outcomes(machine) == [
        ("DIFF", "amount-differs", 5_500, 5_000),
        ("MATCH", "match", 20_000, 20_000),
        ("OURS", "ours-only", 0, 9_000),
        ("THEIRS", "theirs-only", 30_000, 0),
    ]
    assert cases(machine) == [("statement-differs", "open", 500)]
    assert states(machine)["THEIRS"] == "applied", "booked as if its notice had come"
    assert "token" in [template for template, _ in told(machine)]
    assert balance(machine, "wallet:mpesa") == 64_000
    whole(machine)


def test_the_notice_that_comes_after_the_statement_is_the_same_money(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    took(machine, line("LOST", 20_000, typed=METER))
    late = done(machine, pay_in(20_000, receipt="LOST"))
    assert late["known"] is True
    assert machine.rows("SELECT count(*) FROM sale") == [(1,)]
    again = took(machine, line("LOST", 20_000, typed=METER))
    assert (again["theirs-only"], machine.rows("SELECT count(*) FROM sale")) == (1, [(1,)])
    third = took(machine, line("LOST", 20_000, typed=METER))
    assert third["repeat"] is True
    assert outcomes(machine) == [("LOST", "theirs-only", 20_000, 20_000)]
    whole(machine)


def test_the_same_page_twice_is_a_repeat_and_opens_no_second_case(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(5_000, receipt="DIFF", typed="x"))
    first = took(machine, line("DIFF", 5_500))
    second = took(machine, line("DIFF", 5_500))
    assert (first["repeat"], second["repeat"]) == (False, True)
    assert len(cases(machine)) == 1


def test_a_later_correct_page_changes_the_outcome(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(5_000, receipt="DIFF", typed="x"))
    done(machine, pay_in(6_000, receipt="OURS", typed="x"))
    took(machine, line("DIFF", 5_500))
    assert {row[0]: row[1] for row in outcomes(machine)} == {
        "DIFF": "amount-differs", "OURS": "ours-only",
    }  # fmt: skip
    took(machine, line("DIFF", 5_000), line("OURS", 6_000))
    assert {row[0]: row[1] for row in outcomes(machine)} == {
        "DIFF": "match", "OURS": "match",
    }  # fmt: skip


def test_a_line_that_is_taken_back_leaves_a_case(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    took(machine, line("GHOST", 8_000, typed="x"), line("REAL", 1_000, typed="x"))
    data = took(machine, line("REAL", 1_000, typed="x"))
    assert data["withdrawn"] == 1
    assert cases(machine) == [("statement-withdrawn", "open", 8_000)]
    ghost, real = outcomes(machine)
    assert (ghost, real[:2]) == (("GHOST", "ours-only", 0, 8_000), ("REAL", "theirs-only"))
    assert machine.rows("SELECT handler, error FROM delivery WHERE state = 3") == []
    assert machine.rows("SELECT checked FROM wallet_statement") == [("yes",)]
    took(machine, line("GHOST", 8_000, typed="x"), line("REAL", 1_000, typed="x"))
    assert [row[:2] for row in outcomes(machine)] == [
        ("GHOST", "theirs-only"), ("REAL", "theirs-only"),
    ]  # fmt: skip


def test_pages_in_any_order_and_ours_only_when_the_day_is_whole(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(9_000, receipt="OURS", typed="x"))
    last = took(machine, line("B", 2_000, typed="x"), page=2, last=True)
    assert (last["whole"], [row[1] for row in outcomes(machine)]) == (False, ["theirs-only"])
    first = took(machine, line("A", 1_000, typed="x"), page=1, last=False)
    assert first["whole"] is True
    assert ("OURS", "ours-only", 0, 9_000) in outcomes(machine)
    assert machine.rows("SELECT checked FROM wallet_statement") == [("yes",)]


def test_another_day_has_its_own_payments(tmp_path: Path) -> None:
    machine = purse(tmp_path)
    done(machine, pay_in(9_000, receipt="TODAY", typed="x"))
    took(machine, line("OLD", 1_000, typed="x"), day=20261120)
    assert [row[0] for row in outcomes(machine)] == ["OLD"]


@pytest.mark.parametrize(
    ("page", "what"),
    [
        (statement(line("A", 0)), "line 1: 0 is no amount of money"),
        (statement(line("A", 1), line("A", 2)), "line 2: receipt A stands on line 1, too"),
        (statement(line("A", -5)), "line 1: a reversal names what it gave back"),
        (statement(line("", 5)), "line 1: a receipt has 1 to 64 characters"),
        (statement(line("A", 5, fee=-1)), "line 1: -1 is no fee"),
        (statement(line("A", 5), currency="KES"), "it is in UGX, not KES"),
        (statement(line("A", 5), wallet="gold"), "no such wallet; there are: mpesa"),
        (statement(line("A", 5), day=20261340), "20261340 is no day: write YYYYMMDD"),
        (statement(line("A", 5), day=20271121), "the day 2027-11-21 has not come yet"),
        (statement(line("A", 5), page=0), "page 0 is not one of 1 to 20000"),
    ],
)
def test_a_page_that_cannot_be_is_refused_and_nothing_of_it_is_booked(
    tmp_path: Path, page: object, what: str
) -> None:
    machine = purse(tmp_path)
    answer = do(machine, page)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "statement-wrong")
    assert answer.args["what"] == what
    assert machine.rows("SELECT count(*) FROM wallet_statement_line") == [(0,)]
    assert held(machine) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(-(10**9), 10**9).filter(bool), st.text(max_size=5))
def test_a_line_of_nothing_of_ours_is_always_theirs_only(amount: int, typed: str) -> None:
    original = "R1" if amount < 0 else ""
    row = StatementLine(receipt="R2", amount=amount, at=1, typed=typed, original=original)
    found = compare(row, None, None)
    assert (found.outcome, found.missing, found.payment_id) == ("theirs-only", True, 0)
