"""The evolving state of a batch: what one message does is seen by the next, or by nobody."""

import pytest
from msgspec.structs import replace

from core.book import Book, Stage, Wants
from core.entities import Account, Debt
from tests.hub.machine import pay


def account(credit: int = 0) -> Account:
    return Account(
        id=1, company="demo", number="1", currency="UGX", state="active", credit=credit, reserved=0
    )


def loaded() -> Book:
    book = Book()
    book.load(1, account())
    book.link("account-number", "1", 1)
    return book


def test_a_stage_sees_the_book_and_hides_its_changes_until_it_ends_well() -> None:
    book = loaded()
    stage = Stage(book)
    stage.put(1, account(5))
    stage.link("x", "y", 2)
    stage.add("posting", line=1)
    assert stage.need(Account, 1).credit == 5
    assert (stage.linked("x", "y"), stage.linked("account-number", "1")) == (2, 1)
    assert Stage(book).need(Account, 1).credit == 0
    assert book.rows == {}
    stage.accept()
    assert Stage(book).need(Account, 1).credit == 5
    assert Stage(book).linked("x", "y") == 2
    assert book.rows == {"posting": [{"line": 1}]}


def test_what_is_dropped_leaves_no_trace() -> None:
    book = loaded()
    Stage(book).put(1, account(5))
    assert book.changed(Account) == []


def test_only_what_changed_is_written_with_what_it_was() -> None:
    book = loaded()
    stage = Stage(book)
    stage.put(1, replace(account(), credit=9))
    stage.accept()
    ((now, before),) = book.changed(Account)
    assert before is not None
    assert (now.credit, before.credit) == (9, 0)
    assert book.changed(Debt) == []


def test_what_was_not_loaded_is_our_own_bug() -> None:
    stage = Stage(loaded())
    assert stage.get(Account, 2) is None
    assert stage.linked("account-number", "2") is None
    with pytest.raises(LookupError, match="Account 2 was not loaded"):
        stage.need(Account, 2)


def test_entities_of_two_kinds_do_not_meet_under_one_key() -> None:
    stage = Stage(loaded())
    assert stage.get(Debt, 1) is None


def test_messages_are_kept_in_their_order() -> None:
    stage = Stage(loaded())
    stage.emit(pay(1), "a")
    stage.emit(pay(2))
    assert [(item.message, item.party) for item in stage.emitted] == [(pay(1), "a"), (pay(2), "")]


def test_a_link_may_hold_a_falsy_value() -> None:
    book = loaded()
    book.link("n", "k", 5)
    stage = Stage(book)
    stage.link("n", "k", 0)
    assert stage.linked("n", "k") == 0


def test_wants_are_joined_each_once_in_their_order() -> None:
    joined = Wants.union(
        [
            Wants(meters=("b", "a"), phones=("p",)),
            Wants(meters=("a", "c")),
            Wants(waiting=(("p", "1"),)),
        ]
    )
    assert joined == Wants(meters=("b", "a", "c"), phones=("p",), waiting=(("p", "1"),))
    assert Wants.union([]) == Wants()


def test_a_union_takes_what_comes_once_and_drops_doubles_of_one_message() -> None:
    wanted = [Wants(meters=("c", "c"), acts=(2,)), Wants(), Wants(acts=(1, 2))]
    assert Wants.union(iter(wanted)) == Wants(meters=("c",), acts=(2, 1))
    assert Wants.union((Wants(), Wants())) == Wants()


def test_all_that_changed_is_by_kind_what_each_kind_says() -> None:
    book = loaded()
    book.load(2, replace(account(), id=2))
    stage = Stage(book)
    stage.put(1, account(5))
    stage.put(3, replace(account(), id=3))
    stage.accept()
    changed = book.all_changed()
    assert set(changed) == {Account}
    assert changed[Account] == book.changed(Account)
    assert [(now.id, before) for now, before in changed[Account]] == [(1, account()), (3, None)]
