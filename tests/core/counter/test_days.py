"""A day at a desk, from the first coin that is counted to the line of the bank."""

import json
from pathlib import Path

import pytest

from core.messages.collection import PaymentShare
from tests.core.collection.desk import act as money_act
from tests.core.collection.desk import agreed as money_agreed
from tests.core.collection.desk import credit, debt, opens
from tests.core.counter.till import (
    agreed,
    ask,
    cash,
    done,
    hall,
    ledger,
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
from tests.hub.machine import Machine, enrol
from tests.hub.test_replaying import replayed


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return hall(tmp_path)


def test_a_day(machine: Machine) -> None:
    debt(machine, 30_000)
    opened(machine)
    paid = done(machine, take(
        cash(15_000, tendered=20_000), way("cheque", 20_000, "417", "Centenary"),
        way("card", 5_000, "831207"),
    ))  # fmt: skip
    assert (paid["receipt"], paid["change"], paid["tendered"]) == ("R1-001", 5_000, 20_000)
    assert len(paid["payments"]) == 3
    assert till(machine) == (115_000, 0)
    assert ledger(machine, "cheque:D1") == 20_000
    assert ledger(machine, "card:D1") == 5_000
    assert opens(machine) == {}
    done(machine, ask("paid-in", amount=10_000))
    done(machine, ask("paid-out", amount=4_000))
    done(machine, ask("drop", amount=50_000))
    assert till(machine) == (71_000, 50_000)
    counted = done(machine, ask("count", pieces=pieces(70_900)))
    assert (counted["expected"], counted["variance"]) == (71_000, -100)
    z = done(machine, ask("close"))
    assert (z["z_number"], z["counted"], z["variance"], z["cash"]) == (1, 70_900, -100, 15_000)
    assert z["ways"]["cheque"] == {"count": 1, "amount": 20_000, "voids": 0, "voided": 0}
    assert till(machine) == (0, 120_900)
    assert ledger(machine, "over-short") == 100
    slip = done(machine, ask("deposit", amount=100_000, bank="bag 7"))
    assert (slip["slip"], till(machine)) == (1, (0, 20_900))
    assert ledger(machine, "cash-in-transit") == 100_000
    done(machine, ask("hand-in", amount=900))
    banked = ask("cleared", operator="grace", slip=1, bank="stanbic", reference="FT9",
                 amount=99_950)  # fmt: skip
    cleared = agreed(machine, banked)
    assert (cleared["credited"], cleared["difference"]) == (99_950, -50)
    assert ledger(machine, "cash-in-transit") == 0
    assert ledger(machine, "over-short") == 150
    assert no(machine, banked) == "counter-not-now"
    whole(machine)


def test_a_prepaid_sale(machine: Machine) -> None:
    opened(machine)
    sold = done(machine, sell(cash(15_000, 20_000), way("card", 5_000, "9")))
    assert (sold["receipt"], sold["change"], sold["tender"]) == ("R1-001", 5_000, 20_000)
    assert len(sold["token"]) == 20
    assert sold["sale_receipt"].startswith("DP-")
    assert till(machine) == (115_000, 0)
    assert credit(machine) == sold.get("carried_forward", 0)
    assert no(machine, ask("void", receipt="R1-001")) == "counter-not-now"
    assert no(machine, sell(cash(20_000))) == "likely-repeat"
    assert no(machine, sell(way("cheque", 20_000, "1", "Centenary"))) == "counter-wrong"
    assert no(machine, sell(cash(1))) == "tender-too-small"
    assert done(machine, sell(cash(20_000), another=True))["receipt"] == "R1-002"
    whole(machine)


def test_a_receipt_is_voided_in_its_shift_by_two(machine: Machine) -> None:
    debt(machine, 30_000)
    opened(machine)
    done(machine, take(cash(20_000), desk="D1", rule="credit"))
    assert credit(machine) == 20_000
    tenders = cash(15_000), way("cheque", 9_000, "1", "Centenary"), way("balance", 10_000)
    paid = done(machine, take(*tenders))
    assert (credit(machine), opens(machine), till(machine)) == (10_000, {}, (135_000, 0))
    waiting = done(machine, ask("void", receipt=paid["receipt"]))
    assert no(machine, yes(waiting["act"], "ann")) == "act-no-role"
    back = done(machine, yes(waiting["act"]))
    assert (back["cash_back"], till(machine)) == (15_000, (120_000, 0))
    assert (credit(machine), opens(machine)) == (20_000, {"old-debt": 30_000})
    assert no(machine, ask("void", receipt=paid["receipt"])) == "counter-not-now"
    x = done(machine, ask("x", operator="grace"))
    assert x["voided"] == 15_000
    assert x["ways"]["balance"] == {"count": 1, "amount": 10_000, "voids": 1, "voided": 10_000}
    assert x["ways"]["cash"] == {"count": 2, "amount": 35_000, "voids": 1, "voided": 15_000}
    again = done(machine, take(way("cheque", 9_000, "1", "Centenary")))
    done(machine, ask("count", pieces=pieces(120_000)))
    done(machine, ask("close"))
    opened(machine)
    assert no(machine, ask("void", receipt=again["receipt"])) == "counter-not-now"
    found, unlike = replayed(machine)
    assert (found.otherwise, unlike) == ([], [])
    whole(machine)


def test_what_comes_late_is_the_cash_offices(machine: Machine) -> None:
    opened(machine)
    paid = done(machine, take(cash(20_000)))["payments"][0]
    reverse = money_act("reverse", payment=paid)
    done(machine, ask("count", pieces=pieces(120_000)))
    done(machine, ask("close"))
    numbered(machine, "", "CN-")
    back = money_agreed(machine, reverse)
    assert back["note"] == "CN-01"
    assert ledger(machine, "cash-office") == -120_000
    assert (till(machine), credit(machine)) == ((0, 120_000), 0)
    whole(machine)


def test_a_handover(machine: Machine) -> None:
    first = opened(machine)
    done(machine, take(cash(20_000)))
    offered = done(machine, ask("handover", heir="ben", pieces=pieces(119_500)))
    assert offered["heir"] == "ben"
    assert no(machine, take(cash(500))) == "counter-not-now"
    ben = ask("takeover", operator="ben", pieces=pieces(119_000))
    assert no(machine, ben) == "counter-not-now"
    assert no(machine, ask("takeover", operator="grace", pieces=pieces(119_500))) == (
        "counter-not-now"
    )
    taken = done(machine, ask("takeover", operator="ben", pieces=pieces(119_500)))
    assert (taken["z_number"], taken["variance"], taken["shift"]) == (1, -500, first)
    assert till(machine) == (119_500, 0)
    done(machine, take(cash(500), cashier="ben"))
    assert no(machine, take(cash(500))) == "counter-not-now"
    x = done(machine, ask("x", operator="grace"))
    assert (x["cashier"], x["opening"], x["expected"]) == ("ben", 119_500, 120_000)
    whole(machine)


def test_above_the_tolerance_another_must_agree_never_the_cashier(machine: Machine) -> None:
    opened(machine, "both")
    done(machine, ask("count", operator="both", pieces=pieces(90_000)))
    assert no(machine, ask("close", operator="both", reason="")) == "act-wrong"
    waiting = done(machine, ask("close", operator="grace"))
    assert (waiting["state"], waiting["amount"]) == ("requested", 10_000)
    assert no(machine, yes(waiting["act"], "both")) == "act-same-person"
    waiting = done(machine, ask("close", operator="both"))
    assert done(machine, yes(waiting["act"]))["variance"] == -10_000
    assert ledger(machine, "over-short") == 10_000
    whole(machine)


def test_a_supervisor_counts_again(machine: Machine) -> None:
    opened(machine)
    done(machine, ask("count", pieces=pieces(10_000)))
    assert no(machine, ask("recount", pieces=pieces(100_000))) == "act-no-role"
    done(machine, ask("recount", operator="grace", pieces=pieces(100_000)))
    assert done(machine, ask("close", reason=""))["variance"] == 0
    assert machine.rows("SELECT why, operator, amount FROM till_count ORDER BY id") == [
        ("open", "ann", 100_000), ("count", "ann", 10_000), ("recount", "grace", 100_000),
    ]  # fmt: skip
    whole(machine)


def test_an_x_report_is_blind_for_who_has_not_counted(machine: Machine) -> None:
    opened(machine)
    done(machine, take(cash(7_000), way("card", 500, "1")))
    own = done(machine, ask("x"))
    assert "expected" not in own
    assert "cash" not in {*own, *own["ways"]}
    assert own["ways"]["card"]["amount"] == 500
    assert no(machine, ask("x", operator="ben")) == "counter-not-now"
    assert done(machine, ask("x", operator="grace"))["expected"] == 107_000
    done(machine, ask("count", pieces=pieces(107_000)))
    assert done(machine, ask("x"))["expected"] == 107_000


def test_z_reports_are_kept_and_numbered(machine: Machine) -> None:
    for number in range(1, 4):
        opened(machine)
        done(machine, take(cash(1_000)))
        done(machine, ask("count", pieces=pieces(101_000)))
        z = done(machine, ask("close"))
        assert z["z_number"] == number
        rows = machine.rows("SELECT report FROM till_shift WHERE z_number = :z", z=number)
        stored = json.loads(rows[0][0])
        assert {name: z[name] for name in stored} == stored
    whole(machine)


def test_one_payment_for_two_accounts_in_two_ways(machine: Machine) -> None:
    done(machine, enrol("100002", "04123456792", "+256700000002"))
    opened(machine)
    shares = (PaymentShare(account="100001", amount=7_000),
              PaymentShare(account="100002", amount=5_000))  # fmt: skip
    tenders = way("card", 9_000, "77"), cash(3_000, 5_000)
    paid = done(machine, take(*tenders, shares=shares))
    assert paid["credits"] == {"100001": 7_000, "100002": 5_000}
    assert machine.rows("SELECT amount FROM payment ORDER BY id") == [(9_000,), (3_000,)]
    agreed(machine, ask("void", receipt=paid["receipt"]))
    assert credit(machine) == credit(machine, "100002") == 0
    whole(machine)
