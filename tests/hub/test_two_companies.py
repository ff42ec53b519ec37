"""Two companies in one installation know nothing of each other, though every number is the same."""

from pathlib import Path
from typing import Any

import pytest

from core.company import SaleLimits
from core.messages import Answer, AskBalance, AskLastTokens, ConfirmVend, Outcome, PhoneLink
from core.messages.vending import Recipient
from core.queries import customer
from tests.hub.machine import METER, PHONE, Machine, buy, demo_terms, enrol, fresh_sqlite, pay
from tests.hub.sales import carried_by, change, drn_of, owe, refused

NEIGHBOUR = "+256700000002"
OTHERS = drn_of(1)
DAY = SaleLimits(per_day_meter=50_000, per_day_phone=50_000)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """The same meter, account, customer and phone in ``demo`` and in ``other``."""
    other = demo_terms("other", name="Other Power", zone="Africa/Lagos", limits=DAY)
    machine = Machine(fresh_sqlite(tmp_path), terms=demo_terms(limits=DAY), others=(other,))
    for company in ("demo", "other"):
        do(machine, company, enrol(), "enrol")
        do(machine, company, enrol("100002", OTHERS, NEIGHBOUR), "enrol2")
        do(machine, company, pay(100_000), "pay")
    return machine


def do(machine: Machine, company: str, message: Any, key: str) -> Answer:
    return machine.do(message, key, company=company)


def credits(machine: Machine, number: str = "100001") -> dict[str, int]:
    return dict(
        machine.rows("SELECT company, credit FROM account WHERE number = :number", number=number)
    )


def test_the_same_key_and_the_same_numbers_are_two_sales(machine: Machine) -> None:
    ours = do(machine, "demo", buy(), "k")
    assert credits(machine) == {"demo": 80_002, "other": 100_000}
    theirs = do(machine, "other", buy(), "k")
    assert credits(machine) == {"demo": 80_002, "other": 80_002}
    assert ours.data["receipt"] == theirs.data["receipt"] == "DP-00000001"
    rows = machine.rows("SELECT company, meter_id, account_id FROM sale ORDER BY id")
    assert [row[0] for row in rows] == ["demo", "other"]
    assert rows[0][1:] != rows[1][1:]
    for company, terms in (("demo", machine.terms), ("other", machine.others[0])):
        sale = {"demo": ours, "other": theirs}[company].data
        assert carried_by(terms.module, company, sale) == 281
    assert machine.unaccounted() == 0


def test_both_in_one_batch(machine: Machine) -> None:
    heard = [machine.accept(buy(), "k", company=company) for company in ("demo", "other")]
    machine.settle()
    assert [machine.answer(each[0].message_id).outcome for each in heard] == [Outcome.DONE] * 2
    assert credits(machine) == {"demo": 80_002, "other": 80_002}


def test_a_sale_of_the_other_is_no_likely_repeat(machine: Machine) -> None:
    do(machine, "demo", buy(), "a")
    assert do(machine, "other", buy(), "b").outcome is Outcome.DONE
    refused(do(machine, "demo", buy(), "c"), "likely-repeat")


def test_the_month_and_the_debts_are_each_ones_own(machine: Machine) -> None:
    owe(machine, "100001", {"code": "loan", "method": "all", "outstanding": 1_000})
    first = do(machine, "demo", buy(), "a")
    second = do(machine, "other", buy(), "b")
    assert "loan" in {line["code"] for line in first.data["lines"]}
    assert "loan" not in {line["code"] for line in second.data["lines"]}
    assert "service" in {line["code"] for line in second.data["lines"]}


def test_the_limits_of_the_day_are_each_ones_own(machine: Machine) -> None:
    assert do(machine, "demo", buy(45_000), "a").outcome is Outcome.DONE
    assert do(machine, "other", buy(45_000), "b").outcome is Outcome.DONE
    refused(do(machine, "demo", buy(6_000), "c"), "limit-per-day-meter")
    refused(do(machine, "other", buy(6_000), "d"), "limit-per-day-meter")


def test_the_phones_limit_counts_only_what_it_spent_here(machine: Machine) -> None:
    for company in ("demo", "other"):
        second = enrol("100003", drn_of(3), customer="C100001", phones=(PhoneLink(msisdn=PHONE),))
        do(machine, company, second, "enrol3")
        do(machine, company, pay(100_000, "100003"), "pay3")
    assert do(machine, "demo", buy(45_000), "a").outcome is Outcome.DONE
    assert do(machine, "other", buy(45_000, drn_of(3)), "b").outcome is Outcome.DONE
    refused(do(machine, "demo", buy(6_000, drn_of(3)), "c"), "limit-per-day-phone")


def test_a_block_here_is_none_there(machine: Machine) -> None:
    change(machine, "UPDATE meter SET state = 'blocked' WHERE company = 'demo' AND drn = :d",
           d=METER)  # fmt: skip
    refused(do(machine, "demo", buy(), "a"), "meter-blocked")
    assert do(machine, "other", buy(), "b").outcome is Outcome.DONE


def test_a_phone_of_the_other_is_a_stranger_here(machine: Machine) -> None:
    only = "+256700000009"
    do(machine, "other", enrol("100009", drn_of(9), only), "enrol9")
    refused(do(machine, "demo", buy(meter=METER, phone=only), "a"), "phone-not-registered")
    refused(do(machine, "demo", buy(meter=drn_of(9)), "b"), "meter-unknown")


def test_a_code_asked_for_here_is_unknown_there(machine: Machine) -> None:
    code = refused(do(machine, "demo", buy(meter=OTHERS), "a"), "confirm-holder")["code"]
    yes = ConfirmVend(phone=PHONE, code=code, reply=(Recipient(way="sms", address=PHONE),))
    refused(do(machine, "other", yes, "yes"), "confirm-unknown")
    assert do(machine, "demo", yes, "yes").outcome is Outcome.DONE
    assert credits(machine)["other"] == 100_000


def test_what_is_asked_is_answered_with_ones_own(machine: Machine) -> None:
    sale = do(machine, "demo", buy(), "a")
    reply = (Recipient(way="sms", address=PHONE),)
    ask = AskLastTokens(phone=PHONE, reply=reply)
    assert [s["token"] for s in do(machine, "demo", ask, "b").data["sales"]] == [sale.data["token"]]
    assert do(machine, "other", ask, "b").data["sales"] in ([], ())
    balance = AskBalance(phone=PHONE, reply=reply)
    assert do(machine, "demo", balance, "c").data["credit"] == 80_002
    assert do(machine, "other", balance, "c").data["credit"] == 100_000
    with machine.store.reader() as reader:
        assert len(customer.last_sales(reader, machine.terms, PHONE, 3)) == 1
        assert customer.last_sales(reader, machine.others[0], PHONE, 3) == ()
        views = [customer.phone_view(reader, t, PHONE) for t in (machine.terms, *machine.others)]
    assert [view.accounts[0].credit for view in views] == [80_002, 100_000]


def test_the_numbers_of_one_are_free_in_the_other(machine: Machine) -> None:
    assert do(machine, "demo", enrol("100005", drn_of(5)), "e").outcome is Outcome.DONE
    assert do(machine, "other", enrol("100005", drn_of(5)), "e").outcome is Outcome.DONE
    refused(do(machine, "demo", enrol("100005", drn_of(6)), "f"), "enrol-conflict")


def test_the_books_of_each_come_to_nothing(machine: Machine) -> None:
    do(machine, "demo", buy(), "a")
    do(machine, "other", buy(30_000), "b")
    rows = machine.rows(
        "SELECT t.company, sum(p.amount), sum(CASE WHEN p.ledger = 'cash:main' THEN p.amount "
        "ELSE 0 END) FROM posting p JOIN ledger_txn t ON t.id = p.txn_id GROUP BY t.company "
        "ORDER BY t.company"
    )
    assert rows == [("demo", 0, 100_000), ("other", 0, 100_000)]
