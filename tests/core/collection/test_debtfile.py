"""A file of old debts: whole or not at all, every problem with its line."""

import pytest

from core.collection.debtfile import DebtFileError, against_books, read_debts

GOOD = "account,year,amount,class\n1,2024,1500,energy\n\n1,2025,20.50,fee\n"


def test_debts() -> None:
    lines = read_debts(GOOD, "old.csv", "KES", 2026)
    assert [(x.number, x.debt.amount, x.debt.item_class) for x in lines] == [
        (2, 150_000, "energy"),
        (4, 2_050, "fee"),
    ]


def test_credit_is_a_line_below_nothing() -> None:
    text = "account,year,amount,class\n1,2024,5,\n2,2024,-5,energy\n2,2024,-7,fee\n"
    with pytest.raises(DebtFileError, match=r"old.csv:2: class '' .*\n.*old.csv:4: the same debt"):
        read_debts(text, "old.csv", "UGX", 2026)
    lines = read_debts("account,year,amount\n1,2024,5\n1,2024,-5\n", "old.csv", "UGX", 2026)
    assert [(x.debt.amount, x.identity) for x in lines] == [
        (5, "old/1/2024/energy"),
        (-5, "credit/1/2024"),
    ]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    text = (
        "account,year,amount\n,2024,1\n1,1066,1\n1,2024,x\n1,2024,1.5\n1,2024,0\n1,2024\n"
        "2,2024,5\n2,2024,6\n3,2027,1\n"
    )
    with pytest.raises(DebtFileError) as caught:
        read_debts(text, "old.csv", "UGX", 2026)
    assert [p.split(": ")[0] for p in caught.value.problems] == [
        f"old.csv:{line}" for line in (2, 3, 4, 5, 6, 7, 9, 10)
    ]


@pytest.mark.parametrize("text", ["", "a,b\n", "year,account,amount\n"])
def test_the_first_line_says_what_the_columns_are(text: str) -> None:
    with pytest.raises(DebtFileError, match=r"old.csv:1: the first line"):
        read_debts(text, "old.csv", "UGX", 2026)


def test_what_the_books_say_against_it() -> None:
    lines = read_debts("account,year,amount\n1,2024,5\n2,2024,5\n3,2024,5\n", "f", "UGX", 2026)
    states = {"1": "active", "2": "closed"}
    assert against_books(lines, "f", states, {"old/1/2024/energy"}) == [
        "f:2: account 1 has a debt of 2024 on file already",
        "f:3: account 2 is closed",
        "f:4: no account 3",
    ]


def test_many_problems_are_cut_short() -> None:
    text = "account,year,amount\n" + "1,2024,x\n" * 60
    with pytest.raises(DebtFileError, match="and 10 more"):
        read_debts(text, "f", "UGX", 2026)
