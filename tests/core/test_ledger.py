"""The ledger: entries that sum to zero, and credit that moves with them or not at all."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.book import Book, Stage
from core.entities import Account
from core.ledger import CUSTOMER_CREDIT, Entry, LedgerError, Transaction, post

TXN = Transaction(7, "demo", "payment", "UGX", "m1", 1)


def stage(credit: int = 100, reserved: int = 0, currency: str = "UGX") -> Stage:
    book = Book()
    for number in (1, 2):
        account = Account(
            id=number, company="demo", number=f"10000{number}", currency=currency, state="active",
            credit=credit, reserved=reserved,
        )  # fmt: skip
        book.load(number, account)
    return Stage(book)


def postings(on: Stage) -> list[tuple[str, int, int]]:
    return [(v["ledger"], v["owner"], v["amount"]) for table, v in on.rows if table == "posting"]


def test_a_payment_is_two_postings_and_moves_the_credit() -> None:
    on = stage()
    post(on, TXN, (Entry("cash:main", 50), Entry(CUSTOMER_CREDIT, -50, 1)))
    assert postings(on) == [("cash:main", 0, 50), (CUSTOMER_CREDIT, 1, -50)]
    assert on.need(Account, 1).credit == 150
    assert on.need(Account, 2).credit == 100
    (head,) = [values for table, values in on.rows if table == "ledger_txn"]
    assert (head["id"], head["kind"], head["message_id"], head["reverses"]) == (
        7,
        "payment",
        "m1",
        None,
    )


def test_what_does_not_sum_to_zero_is_never_posted() -> None:
    on = stage()
    with pytest.raises(LedgerError, match="does not sum to zero"):
        post(on, TXN, (Entry("cash:main", 50), Entry(CUSTOMER_CREDIT, -49, 1)))
    assert on.rows == []


def test_credit_never_falls_below_zero_or_below_what_is_reserved() -> None:
    for on, amount in ((stage(100), 101), (stage(100, reserved=60), 41)):
        with pytest.raises(LedgerError, match="credit would fall"):
            post(on, TXN, (Entry(CUSTOMER_CREDIT, amount, 1), Entry("revenue:energy", -amount)))
    on = stage(100, reserved=60)
    post(on, TXN, (Entry(CUSTOMER_CREDIT, 40, 1), Entry("revenue:energy", -40)))
    assert on.need(Account, 1).credit == 60


def test_another_currency_is_our_own_mistake() -> None:
    with pytest.raises(LedgerError, match="is in KES, not UGX"):
        post(stage(currency="KES"), TXN, (Entry("cash:main", 1), Entry(CUSTOMER_CREDIT, -1, 1)))


def test_entries_of_one_ledger_and_owner_are_one_posting_and_nothing_is_none() -> None:
    on = stage()
    entries = (
        Entry(CUSTOMER_CREDIT, 30, 1), Entry(CUSTOMER_CREDIT, -10, 1), Entry("tax:vat", -20),
        Entry("revenue:fee", 5), Entry("revenue:fee", -5),
    )  # fmt: skip
    post(on, TXN, entries)
    assert postings(on) == [(CUSTOMER_CREDIT, 1, 20), ("tax:vat", 0, -20)]
    assert on.need(Account, 1).credit == 80


def test_a_reversal_names_what_it_undoes() -> None:
    on = stage()
    post(on, replace(TXN, reverses=3), (Entry("cash:main", -5), Entry(CUSTOMER_CREDIT, 5, 1)))
    assert on.rows[0][1]["reverses"] == 3


owners = st.sampled_from([1, 2])
amounts = st.integers(-500, 500)


@settings(max_examples=150)
@given(st.lists(st.tuples(owners, amounts), max_size=6))
def test_credits_are_always_the_sum_of_their_postings(moves: list[tuple[int, int]]) -> None:
    on = stage(1_000)
    for owner, amount in moves:
        before = list(on.rows)
        try:
            post(on, TXN, (Entry(CUSTOMER_CREDIT, amount, owner), Entry("cash:main", -amount)))
        except LedgerError:
            on.rows[:] = before  # the message's changes are dropped
    assert sum(amount for _, _, amount in postings(on)) == 0
    for owner in (1, 2):
        moved = -sum(a for ledger, o, a in postings(on) if (ledger, o) == (CUSTOMER_CREDIT, owner))
        credit = on.need(Account, owner).credit
        assert credit == 1_000 + moved
        assert credit >= 0
