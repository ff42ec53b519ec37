"""Credit of an older system by two people; late fees only from the day debts were taken over."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.messages import ImportDebts
from core.messages.collection import OldDebt
from tests.core.collection.desk import (
    OPERATORS,
    act,
    agreed,
    credit,
    desk,
    done,
    refused,
    whole,
    yes,
)
from tests.hub.machine import Machine

DAY_US = 86_400_000_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return desk(tmp_path)


def asked(amount: int = 5_000, year: int = 2024) -> object:
    return act("opening-credit", amount=amount, year=year)


def test_credit_comes_by_two_people_and_is_posted(machine: Machine) -> None:
    waiting = done(machine, asked())
    assert (waiting["state"], credit(machine)) == ("requested", 0)
    assert refused(machine, yes(waiting["act"], "grace")).code == "act-no-role"
    assert done(machine, yes(waiting["act"]))["credit"] == 5_000
    rows = machine.rows(
        "SELECT p.ledger, p.owner, p.amount FROM posting p JOIN ledger_txn t ON t.id = p.txn_id "
        "WHERE t.kind = 'opening-credit' ORDER BY p.line"
    )
    assert rows == [("opening:credit", 0, 5_000), ("customer-credit", 1, -5_000)]
    whole(machine)


def test_a_year_of_an_account_is_taken_over_once(machine: Machine) -> None:
    first = done(machine, asked())["act"]
    assert "waits for its approval" in refused(machine, asked(9)).args["what"]
    done(machine, yes(first))
    assert f"by act {first} already" in refused(machine, asked(9)).args["what"]
    agreed(machine, asked(70, 2023))
    assert credit(machine) == 5_070


def test_of_two_of_one_batch_the_second_waits_for_nothing(machine: Machine) -> None:
    heard = [machine.accept(asked(), f"a{n}") for n in range(2)]
    machine.settle()
    first, second = (machine.answer(each[0].message_id) for each in heard)
    assert "waits for its approval" in second.args["what"]
    done(machine, yes(first.data["act"]))
    assert credit(machine) == 5_000
    whole(machine)


def test_what_lapsed_or_was_rejected_is_asked_for_again(machine: Machine) -> None:
    first = done(machine, asked())["act"]
    done(machine, yes(first, decision="reject"))
    second = done(machine, asked())["act"]
    machine.time.at_us += 2 * DAY_US
    third = done(machine, asked())["act"]
    assert refused(machine, yes(second)).code == "act-expired"
    done(machine, yes(third))
    assert credit(machine) == 5_000


@pytest.mark.parametrize(("amount", "year"), [(0, 2024), (-5, 2024), (5, 0), (5, 1979), (5, 2027)])
def test_what_cannot_be(machine: Machine, amount: int, year: int) -> None:
    refused(machine, asked(amount, year))
    assert machine.rows("SELECT count(*) FROM token_act") == [(0,)]


def test_a_run_over_all_customers_is_not_a_day_of_acts(tmp_path: Path) -> None:
    few = {**OPERATORS, "grace": replace(OPERATORS["grace"], acts_per_day=2)}
    machine = desk(tmp_path, operators=few)
    for _ in range(4):
        done(machine, act("late-fees", on="2026-11-21"))
    for year in range(2015, 2019):
        done(machine, asked(1, year))
    for _ in range(2):
        done(machine, act("fee", fee="visit"))
    assert refused(machine, act("fee", fee="visit")).code == "act-over-limit"


@pytest.mark.parametrize(("on", "owed"), [("2026-11-11", 1_100), ("2026-01-01", 32_500), ("", 100)])
def test_late_fees_begin_with_the_taking_over(machine: Machine, on: str, owed: int) -> None:
    """0.1 % a day of 100,000 since the day, which counts; it is 2026-11-21."""
    old = OldDebt(account="100001", year=2019, amount=100_000)
    taken = ImportDebts(
        operator="grace", source="f", currency="UGX", debts=(old,), taken_over_on=on
    )
    done(machine, taken)
    assert done(machine, act("late-fees", on="2026-11-21"))["owed"] == owed
    whole(machine)


@pytest.mark.parametrize("on", ["2026-11-22", "tomorrow"])
def test_a_day_of_taking_over_has_come(machine: Machine, on: str) -> None:
    old = OldDebt(account="100001", year=2019, amount=1)
    taken = ImportDebts(
        operator="grace", source="f", currency="UGX", debts=(old,), taken_over_on=on
    )
    assert refused(machine, taken).code == "payment-wrong"


@pytest.mark.parametrize(("kind", "limit"), [
    ("write-off", "write_off_per_day"), ("credit-note", "credit_note_per_day"),
])  # fmt: skip
def test_what_is_given_up_in_a_day_has_a_limit(tmp_path: Path, kind: str, limit: str) -> None:
    small = {**OPERATORS, "grace": replace(OPERATORS["grace"], **{limit: 11_000})}
    machine = desk(tmp_path, operators=small)
    item = done(machine, act("fee", fee="visit"))["item"]
    done(machine, act(kind, items=(item,), amount=10_000))
    assert refused(machine, act(kind, items=(item,), amount=1_001)).code == "act-over-limit"
    machine.time.at_us += DAY_US
    done(machine, act(kind, items=(item,), amount=1_001))
    none = {**OPERATORS, "grace": replace(OPERATORS["grace"], **{limit: 0})}
    machine.worker.batch.terms = {"demo": replace(machine.terms, operators=none)}
    machine.time.at_us += DAY_US
    assert refused(machine, act(kind, items=(item,), amount=1)).code == "act-over-limit"
