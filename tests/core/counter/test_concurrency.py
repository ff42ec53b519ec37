"""Many at one desk at once, on PostgreSQL with connections of their own: the rows alone keep the
cash right. No number of a receipt is given twice or left out, no shift begins twice."""

from collections.abc import Iterator
from typing import Any

import pytest

from core.messages import Outcome
from core.store.upgrade import upgrade
from tests.core.agents.test_concurrency import all_at_once
from tests.core.collection.desk import credit, debt, opens
from tests.core.counter.till import (
    agreed,
    ask,
    cash,
    done,
    hall_on,
    opened,
    pieces,
    sell,
    take,
    till,
    way,
    whole,
    yes,
)
from tests.hub.machine import Machine
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.slow


@pytest.fixture
def machine(postgres: Postgres) -> Iterator[Machine]:
    url = postgres.prepared("desks", upgrade)
    machine = hall_on(url)
    yield machine
    machine.store.close()
    postgres.drop(url)


def together(machine: Machine, asked: list[Any], size: int) -> list[Any]:
    """Their answers, when all were dealt out to workers at once."""
    heard = [machine.accept(each, f"now{n}") for n, each in enumerate(asked)]
    machine.intake.step()
    all_at_once(machine, size)
    machine.settle()
    return [machine.answer(each[0].message_id) for each in heard]


@pytest.mark.parametrize("size", [1, 5])
def test_two_desks_at_once(machine: Machine, size: int) -> None:
    opened(machine)
    opened(machine, "ben", "D2")
    paid = done(machine, take(cash(9_000)))["receipt"]
    voids = [yes(done(machine, ask("void", receipt=paid))["act"]) for _ in range(2)]
    asked: list[Any] = [*voids]
    for number in range(12):
        cashier, desk = ("ann", "D1") if number % 2 else ("ben", "D2")
        asked += [
            take(cash(1_000, 2_000), cashier=cashier, desk=desk),
            take(way("card", 500, "one"), cash(100), cashier=cashier, desk=desk),
            sell(cash(20_000), operator=cashier, desk=desk, another=True),
            ask("drop", desk, operator=cashier, amount=30_000),
        ]
    asked += [ask("open", desk, operator="grace") for desk in ("D1", "D2")]
    mixed = [asked[(number * 29) % len(asked)] for number in range(len(asked))]
    assert len({id(each) for each in mixed}) == len(asked)
    answers = together(machine, mixed, size)
    assert {each.outcome for each in answers} <= {Outcome.DONE, Outcome.REFUSED}
    codes = [each.code for each in answers if each.outcome is Outcome.REFUSED]
    assert codes.count("payment-known") == 10, "the card's number counts once at each desk"
    assert min(till(machine)) >= 0
    numbers = machine.rows("SELECT number FROM counter_receipt ORDER BY number")
    found = [each.data["receipt"] for each in answers if "change" in each.data]
    assert sorted([*found, paid]) == [row[0] for row in numbers]
    whole(machine)


def test_of_two_who_begin_or_end_at_once_one_does(machine: Machine) -> None:
    asked: list[Any] = [ask("open", desk, operator="ann") for desk in ("D1", "D2")] * 2
    asked += [ask("open", desk, operator="ben") for desk in ("D1", "D2")] * 2
    answers = together(machine, asked, 1)
    assert [each.outcome for each in answers].count(Outcome.DONE) == 2
    whole(machine)
    ((desk,),) = machine.rows(
        "SELECT d.code FROM cash_desk d JOIN till_shift s ON s.id = d.shift_id "
        "WHERE s.cashier = 'ann'"
    )
    done(machine, take(cash(90_000), desk=desk))
    done(machine, ask("count", desk, pieces=pieces(50_000)))
    closing = [yes(done(machine, ask("close", desk))["act"]) for _ in range(4)]
    heard = [machine.accept(each, f"end{n}") for n, each in enumerate(closing * 2)]
    machine.intake.step()
    all_at_once(machine, 1)
    machine.settle()
    ends = [machine.answer(each[0].message_id).outcome for each in heard]
    assert ends.count(Outcome.DONE) == 1
    assert till(machine, desk) == (0, 50_000)
    whole(machine)


def test_a_handover_and_a_void_of_what_the_balance_paid(machine: Machine) -> None:
    opened(machine)
    done(machine, take(cash(50_000), rule="credit"))
    debt(machine, 9_000)
    receipt = done(machine, take(way("balance", 9_000)))["receipt"]
    assert (credit(machine), opens(machine)) == (41_000, {})
    agreed(machine, ask("void", receipt=receipt))
    assert (credit(machine), opens(machine)) == (50_000, {"old-debt": 9_000})
    done(machine, ask("handover", heir="ben", pieces=pieces(150_000)))
    done(machine, ask("takeover", operator="ben", pieces=pieces(150_000)))
    x = done(machine, ask("x", operator="grace"))
    assert (x["cashier"], x["opening"], x["ways"]) == ("ben", 150_000, {})
    whole(machine)
