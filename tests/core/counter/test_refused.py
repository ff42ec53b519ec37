"""What a desk does not do: each refusal moves nothing, and says what would help."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.collection.terms import CollectionTerms
from core.counter.entities import Series
from core.messages import Outcome, Pieces
from core.messages.collection import PaymentShare
from hub.channel import Accepted
from tests.core.collection.desk import debt, money, wrongs
from tests.core.counter.till import (
    OPERATORS,
    agreed,
    ask,
    cash,
    do,
    done,
    hall,
    money_of,
    no,
    numbered,
    opened,
    pieces,
    sell,
    take,
    till,
    way,
    whole,
    yes,
)
from tests.hub.machine import Machine, demo_terms


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return hall(tmp_path)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """With a shift at D1: one for all that moves nothing."""
    machine = hall(tmp_path_factory.mktemp("still"))
    opened(machine)
    yield machine
    whole(machine)
    machine.store.close()


CHEQUE = way("cheque", 500, "1", "Centenary")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (take(cash(0)), "tender-not-positive"),
        (take(cash(-5), cash(10)), "tender-not-positive"),
        (take(cash(500), currency="KES"), "currency-wrong"),
        (take(cash(500, 499)), "counter-wrong"),
        (take(cash(500), cash(500)), "counter-wrong"),
        (take(cash(500), amount=600), "counter-wrong"),
        (take(replace(CHEQUE, tendered=900)), "counter-wrong"),
        (take(way("card", 500)), "counter-wrong"),
        (take(way("cheque", 500, "1")), "counter-wrong"),
        (take(way("cheque", 500, "1", " ")), "counter-wrong"),
        (take(replace(cash(500), reference="1")), "counter-wrong"),
        (take(way("shells", 500, "1")), "payment-wrong"),
        (take(way("till", 500, "1")), "payment-wrong"),
        (take(way("agent", 500, "1")), "payment-wrong"),
        (take(way("balance", 500)), "credit-insufficient"),
        (take(cash(500), desk="D9"), "counter-unknown"),
        (take(cash(500), desk="D2"), "counter-not-now"),
        (take(cash(500), cashier="ben"), "counter-not-now"),
        (take(cash(500), cashier="henry"), "act-no-role"),
        (take(cash(500), cashier="nobody"), "operator-unknown"),
        (take(cash(500), shares=(PaymentShare(account="9", amount=500),)), "account-unknown"),
        (take(cash(500), shares=(PaymentShare(account="100001", amount=500),) * 2, amount=500),
         "counter-wrong"),
        (take(cash(500), shares=(PaymentShare(account="100001", amount=500, items=(7,)),)),
         "payment-unknown"),
        (take(cash(500), rule="none-such"), "payment-wrong"),
        (sell(cash(20_000), meter="04123456785"), "meter-check-digit"),
        (sell(cash(20_000), currency="KES"), "currency-wrong"),
        (sell(cash(20_000), tender=30_000), "counter-wrong"),
        (sell(way("balance", 20_000)), "counter-wrong"),
        (sell(cash(20_000), quoted_tenths=1), "quote-changed"),
        (ask("desk", "D9", name="Nine"), "act-no-role"),
        (ask("desk", "D:9", operator="grace", name="Nine"), "counter-wrong"),
        (ask("desk", "D9", operator="grace", name=" "), "counter-wrong"),
        (ask("desk", "D1", operator="grace", name="One"), "counter-wrong"),
        (ask("open"), "counter-not-now"),
        (ask("open", "D2"), "counter-not-now"),
        (ask("open", "D2", operator="ben", source="home"), "counter-wrong"),
        (ask("open", "D2", operator="ben", source="safe", amount=1), "counter-not-now"),
        (ask("open", "D2", operator="ben", amount=-1), "counter-wrong"),
        (ask("open", "D2", operator="ben", amount=5, pieces=pieces(6)), "counter-wrong"),
        (ask("paid-in", amount=0), "tender-not-positive"),
        (ask("paid-in", amount=5, reason=" "), "act-wrong"),
        (ask("paid-in", operator="ben", amount=5), "counter-not-now"),
        (ask("paid-out", amount=100_001), "counter-not-now"),
        (ask("drop", amount=-1), "tender-not-positive"),
        (ask("drop", amount=100_001), "counter-not-now"),
        (ask("deposit", amount=1), "counter-not-now"),
        (ask("hand-in", amount=1), "counter-not-now"),
        (ask("close"), "counter-not-now"),
        (ask("withdraw"), "counter-not-now"),
        (ask("takeover", operator="ben"), "counter-not-now"),
        (ask("handover", heir="ann", pieces=pieces(100_000)), "counter-wrong"),
        (ask("handover", heir="nobody", pieces=pieces(100_000)), "counter-wrong"),
        (ask("count", pieces=(Pieces(value=3, count=1),)), "counter-wrong"),
        (ask("count", pieces=(Pieces(value=50, count=-1),)), "counter-wrong"),
        (ask("count", pieces=(Pieces(value=50, count=1),) * 2), "counter-wrong"),
        (ask("recount", operator="grace", evidence=""), "act-wrong"),
        (ask("void", receipt="R1-999"), "counter-wrong"),
        (ask("cleared", operator="grace", slip=1, bank="b", reference="r"), "counter-wrong"),
        (ask("spoil", operator="ben"), "counter-not-now"),
        (ask("none-such"), "act-wrong"),
    ],
)  # fmt: skip
def test_nothing_moves(still: Machine, message: Any, code: str) -> None:
    assert no(still, message) == code
    assert till(still) == (100_000, 0)
    assert still.rows("SELECT next FROM receipt_series ORDER BY id LIMIT 1") == [(1,)]


@pytest.mark.parametrize(
    "changes",
    [
        {"prefix": "R1-", "first": 900, "last": 901},
        {"prefix": "r-"},
        {"prefix": "R-1-"},
        {"prefix": ""},
        {"prefix": "N-", "first": 0},
        {"prefix": "N-", "first": 9, "last": 8},
        {"prefix": "N-", "last": 10**10},
        {"prefix": "N-", "purpose": "credit-note"},
        {"prefix": "N-", "purpose": "raffle"},
    ],
)
def test_numbers_that_cannot_be_registered(machine: Machine, changes: dict[str, Any]) -> None:
    values = {"operator": "grace", "first": 1, "last": 9, **changes}
    assert no(machine, ask("series", **values)) == "counter-wrong"
    assert no(machine, ask("series", "", **{**values, "purpose": "receipt"})) == "counter-wrong"


def test_the_same_numbers_asked_for_twice(machine: Machine) -> None:
    asked = [ask("series", operator="grace", prefix="N-", first=n, last=9) for n in (1, 5)]
    first, second = (done(machine, each)["act"] for each in asked)
    done(machine, yes(second))
    assert no(machine, yes(first)) == "counter-wrong"
    assert machine.rows("SELECT first FROM receipt_series WHERE prefix = 'N-'") == [(5,)]


def test_a_desk_without_numbers_takes_nothing(machine: Machine) -> None:
    done(machine, ask("desk", "D3", operator="grace", name="Three"))
    opened(machine, desk="D3")
    assert no(machine, take(cash(500), desk="D3")) == "counter-not-now"
    numbered(machine, "D3", "S-", first=8, last=9)
    assert done(machine, take(cash(500), desk="D3"))["receipt"] == "S-8"
    assert done(machine, ask("spoil", "D3"))["receipt"] == "S-9"
    assert no(machine, take(cash(500), desk="D3")) == "counter-not-now"
    numbered(machine, "D3", "T-", first=1, last=10)
    assert done(machine, take(cash(500), desk="D3"))["receipt"] == "T-01"
    whole(machine)


def test_a_number_is_as_long_as_the_last_one() -> None:
    series = Series(id=1, company="demo", purpose="receipt", desk_id=1, prefix="A-", first=1,
                    last=1_000, next=7, act_id=1, added_at=0)  # fmt: skip
    assert series.number == "A-0007"


def test_a_company_that_declares_no_desks(tmp_path: Path) -> None:
    machine = hall(tmp_path)
    bare = demo_terms(operators=OPERATORS, collection=CollectionTerms())
    machine.worker.batch.terms = {"demo": bare}
    assert no(machine, ask("open")) == "counter-wrong"
    assert no(machine, take(cash(500))) == "counter-wrong"


def test_a_repeat_is_answered_and_does_nothing(machine: Machine) -> None:
    asked: list[Any] = [
        ask("open", pieces=pieces(100_000)),
        take(cash(15_000, 20_000), CHEQUE),
        sell(cash(20_000)),
        ask("paid-in", amount=700),
        ask("drop", amount=50_000),
        ask("deposit", amount=50_000),
        ask("count", pieces=pieces(85_700)),
        ask("close"),
    ]
    first = [do(machine, each, f"k{n}") for n, each in enumerate(asked)]
    assert {each.outcome for each in first} == {Outcome.DONE}
    before = money_of(machine)
    assert [do(machine, each, f"k{n}") for n, each in enumerate(asked)] == first
    assert money_of(machine) == before
    heard = machine.accept(take(cash(15_001), CHEQUE), "k1")
    machine.settle()
    assert not isinstance(heard[0], Accepted)
    whole(machine)


def test_the_same_money_under_another_key(machine: Machine) -> None:
    opened(machine)
    done(machine, money(500, "cheque", bank="CENTENARY", reference="01"))
    assert no(machine, take(cash(700), CHEQUE)) == "payment-known"
    assert no(machine, take(way("card", 5, "9"), way("card", 6, "9"))) == "payment-known"
    done(machine, sell(way("card", 20_000, "9")))
    assert no(machine, sell(way("card", 20_000, "9"), another=True)) == "payment-known"
    whole(machine)


def test_what_waits_for_the_second_person_is_looked_at_again(machine: Machine) -> None:
    debt(machine, 3_000)
    opened(machine)
    receipt = done(machine, take(cash(5_000)))["receipt"]
    void = done(machine, ask("void", receipt=receipt))["act"]
    again = done(machine, ask("void", receipt=receipt))["act"]
    out = done(machine, ask("paid-out", amount=60_000))["act"]
    more = done(machine, ask("paid-out", amount=60_000))["act"]
    done(machine, yes(void))
    assert no(machine, yes(again)) == "counter-not-now"
    done(machine, yes(out))
    assert no(machine, yes(more)) == "counter-not-now"
    late = done(machine, ask("paid-out", amount=30_000))["act"]
    done(machine, ask("count", pieces=pieces(1)))
    first, second = (done(machine, ask("close"))["act"] for _ in range(2))
    assert no(machine, yes(late)) == "counter-not-now"
    done(machine, ask("recount", operator="grace", pieces=pieces(39_000)))
    done(machine, yes(first))
    assert no(machine, yes(second)) == "counter-not-now"
    whole(machine)


def test_a_difference_that_has_grown_is_asked_for_again(machine: Machine) -> None:
    opened(machine)
    done(machine, ask("count", pieces=pieces(98_000)))
    waiting = done(machine, ask("close"))["act"]
    done(machine, ask("recount", operator="grace", pieces=pieces(97_999)))
    assert no(machine, yes(waiting)) == "counter-wrong"
    assert done(machine, yes(done(machine, ask("close"))["act"]))["variance"] == -2_001


def test_a_slip_is_cleared_once(machine: Machine) -> None:
    opened(machine)
    done(machine, ask("drop", amount=90_000))
    for _ in range(2):
        done(machine, ask("deposit", amount=40_000))
    told = {"operator": "grace", "bank": "stanbic", "reference": "FT1"}
    waiting = [done(machine, ask("cleared", slip=n, **told))["act"] for n in (1, 2, 1)]
    assert no(machine, yes(waiting[0], "grace")) == "act-no-role"
    done(machine, yes(waiting[0]))
    assert [no(machine, yes(each)) for each in waiting[1:]] == ["counter-not-now"] * 2
    agreed(machine, ask("cleared", slip=2, **{**told, "reference": "FT2"}))
    assert no(machine, ask("deposit", amount=10_001)) == "counter-not-now"
    whole(machine)


def test_many_at_once_in_one_batch(machine: Machine) -> None:
    """Decided one after another on one evolving state: each sees what the one before has done."""
    asked: list[Any] = [
        ask("open", pieces=pieces(100_000)),
        take(cash(5_000)),
        take(way("balance", 9_000)),
        sell(cash(20_000)),
        ask("void", receipt="R1-001"),
        ask("x", operator="grace"),
        ask("count", pieces=pieces(125_000)),
        ask("close"),
        ask("open", "D2", amount=5),
        take(cash(700), desk="D2"),
    ]
    heard = [machine.accept(each, f"b{n}", ref="operator/ann") for n, each in enumerate(asked)]
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert [each.outcome for each in answers] == [
        Outcome.REFUSED if number == 2 else Outcome.DONE for number in range(len(asked))
    ]
    assert answers[5].data["ways"]["cash"]["amount"] == 25_000
    assert answers[-1].data["receipt"] == "R2-001"
    assert wrongs(machine) == []
    whole(machine)
