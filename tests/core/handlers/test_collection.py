"""Money that pays what is owed: given out by a rule, mirrored when it comes back."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.messages import ReceiveJointPayment
from core.messages.collection import PaymentShare
from tests.core.collection.desk import (
    OPERATORS,
    act,
    agreed,
    credit,
    debt,
    desk,
    done,
    money,
    opens,
    refused,
    whole,
    wrongs,
    yes,
)
from tests.hub.machine import Machine, buy, enrol


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return desk(tmp_path)


def test_a_fee_is_an_open_item_with_its_tax(machine: Machine) -> None:
    answer = done(machine, act("fee", fee="visit"))
    assert answer["open"] == answer["amount"] == 11_800
    rows = machine.rows("SELECT ledger, amount FROM posting ORDER BY line")
    assert rows == [("receivable:visit", 11_800), ("revenue:visit", -10_000), ("tax:vat", -1_800)]
    whole(machine)


def test_a_payment_pays_what_is_owed_and_the_rest_is_credit(machine: Machine) -> None:
    item = done(machine, act("fee", fee="visit"))["item"]
    old = debt(machine, 20_000)
    part = done(machine, money(15_000))
    assert part["paid"] == {str(item): 11_800, str(old): 3_200}, "the fee's class comes first"
    assert part["credit"] == 0
    over = done(machine, money(20_000))
    assert (over["paid"], over["credit"]) == ({str(old): 16_800}, 3_200)
    assert opens(machine) == {}
    whole(machine)


@pytest.mark.parametrize(
    ("rule", "items", "left"),
    [
        ("oldest", (), {2024: 0, 2025: 1_300}),
        ("share", (), {2024: 325, 2025: 975}),
        ("named", (2,), {2024: 500, 2025: 800}),
        ("", (2,), {2024: 500, 2025: 800}),
        ("credit", (), {2024: 500, 2025: 1_500}),
    ],
)
def test_the_rule_says_where_it_goes(
    machine: Machine, rule: str, items: tuple[int, ...], left: dict[int, int]
) -> None:
    debt(machine, 500, 2024)
    debt(machine, 1_500, 2025)
    done(machine, money(700, rule=rule, items=items))
    assert dict(machine.rows("SELECT period, open FROM open_item")) == left
    ((kept,),) = machine.rows("SELECT rule FROM payment")
    assert ('"named":[2]' in kept) == bool(items)
    whole(machine)


def test_one_payment_for_many_accounts(machine: Machine) -> None:
    done(machine, enrol("100002", "04123456792", "+256700000002"))
    debt(machine, 1_000)
    shares = (PaymentShare(account="100001", amount=1_500),
              PaymentShare(account="100002", amount=500))  # fmt: skip
    joint = ReceiveJointPayment(shares=shares, amount=2_000, currency="UGX")
    answer = done(machine, joint)
    assert answer["credits"] == {"100001": 500, "100002": 500}
    assert len(machine.rows("SELECT id FROM ledger_txn WHERE kind = 'payment'")) == 1
    agreed(machine, act("reverse", payment=answer["payment"]))
    assert (credit(machine), credit(machine, "100002")) == (0, 0)
    assert opens(machine) == {"old-debt": 1_000}
    whole(machine)


def test_a_joint_payment_is_its_shares(machine: Machine) -> None:
    share = PaymentShare(account="100001", amount=1)
    short = ReceiveJointPayment(shares=(share,), amount=2, currency="UGX")
    assert refused(machine, short).code == "payment-wrong"
    twice = ReceiveJointPayment(shares=(share, share), amount=2, currency="UGX")
    assert refused(machine, twice).code == "payment-wrong"
    whole(machine)


def test_a_reversal_mirrors_the_payment_line_by_line(machine: Machine) -> None:
    debt(machine, 1_000)
    number = done(machine, money(1_700))["payment"]
    agreed(machine, act("reverse", payment=number))
    ((txn, reverses),) = machine.rows("SELECT id, reverses FROM ledger_txn WHERE reverses > 0")
    assert machine.rows("SELECT line, ledger, owner, -amount FROM posting WHERE txn_id = :t "
                        "ORDER BY line", t=txn) == machine.rows(
        "SELECT line, ledger, owner, amount FROM posting WHERE txn_id = :t ORDER BY line",
        t=reverses)  # fmt: skip
    assert (opens(machine), credit(machine)) == ({"old-debt": 1_000}, 0)
    assert refused(machine, act("reverse", payment=number)).code == "payment-not-now"
    whole(machine)


def test_money_that_was_spent_before_it_came_back_is_owed(machine: Machine) -> None:
    number = done(machine, money(20_000))["payment"]
    done(machine, buy(20_000))
    spent = 20_000 - credit(machine)
    agreed(machine, act("reverse", payment=number))
    assert (opens(machine), credit(machine)) == ({"returned": spent}, 0)
    whole(machine)


def test_a_cheque_buys_nothing_before_it_clears(machine: Machine) -> None:
    debt(machine, 1_000)
    taken = done(machine, money(30_000, "cheque"))
    assert (taken["credit"], taken["uncleared"]) == (0, 29_000)
    assert opens(machine) == {}, "it pays what is owed"
    assert refused(machine, buy(20_000)).code == "credit-insufficient"
    whole(machine)
    cleared = agreed(machine, act("clear", payment=taken["payment"]))
    assert cleared["credit"] == 29_000
    done(machine, buy(20_000))
    whole(machine)


@pytest.mark.parametrize("cleared", [False, True])
def test_a_dishonoured_cheque_is_undone_and_costs_a_fee(machine: Machine, cleared: bool) -> None:
    debt(machine, 1_000)
    number = done(machine, money(30_000, "cheque"))["payment"]
    if cleared:
        agreed(machine, act("clear", payment=number))
        done(machine, buy(29_000))
    done(machine, act("dishonour", payment=number))
    left = 29_000 if cleared else 0
    owed = {"old-debt": 1_000, "cheque": 5_000}
    if cleared:
        spent = opens(machine)["returned"]
        assert 0 < spent <= left
        owed["returned"] = spent
    assert (opens(machine), credit(machine)) == (owed, 0)
    assert refused(machine, act("clear", payment=number)).code == "payment-not-now"
    whole(machine)


def test_a_cheque_does_not_pay_debts_that_make_tokens_larger(machine: Machine) -> None:
    done(machine, act("fee", fee="seal"))
    assert machine.rows("SELECT outstanding FROM debt") == [(3_000,)]
    assert opens(machine) == {}, "the catalogue hands it to recovery"
    assert done(machine, money(5_000, "cheque", rule="all"))["uncleared"] == 5_000
    paid = done(machine, money(5_000, rule="all"))
    assert (paid["paid"], paid["credit"]) == ({"debt-1": 3_000}, 2_000)
    agreed(machine, act("reverse", payment=paid["payment"]))
    assert machine.rows("SELECT outstanding FROM debt") == [(3_000,)]
    whole(machine)


def test_purchases_pay_what_was_handed_over(machine: Machine) -> None:
    item = debt(machine, 4_000)
    asked = act("recover", items=(item,), method="percent_of_tender", value=10_000_000)
    assert agreed(machine, asked)["outstanding"] == 4_000, "two people: its pace may be a gift"
    done(machine, money(50_000))
    assert credit(machine) == 50_000, "money over the counter does not pay it, unless it is named"
    done(machine, buy(20_000))
    assert machine.rows("SELECT outstanding FROM debt") == [(2_000,)]
    whole(machine)


def test_a_receipt_before_payment(machine: Machine) -> None:
    number = done(machine, act("receipt", amount=2_000))["receipt"]
    assert machine.rows("SELECT count(*) FROM posting") == [(0,)]
    assert refused(machine, money(1_999, receipt=number)).code == "payment-wrong"
    assert done(machine, money(2_000, receipt=number))["payment"] == number
    assert refused(machine, money(2_000, receipt=number)).code == "payment-not-now"
    assert refused(machine, act("receipt-void", receipt=number)).code == "payment-not-now"
    other = done(machine, act("receipt", amount=2_000))["receipt"]
    done(machine, act("receipt-void", receipt=other))
    assert refused(machine, money(2_000, receipt=other)).code == "payment-not-now"
    whole(machine)


def test_a_receipt_keeps_the_items_that_it_names(machine: Machine) -> None:
    """The oldest comes first by the rule; the receipt was written for another."""
    debt(machine, 4_000, 2020)
    named = debt(machine, 3_000, 2024)
    also = debt(machine, 500, 2023)
    number = done(machine, act("receipt", amount=3_500, items=(named,)))["receipt"]
    paid = done(machine, money(3_500, receipt=number, items=(also,)))["paid"]
    assert paid == {str(named): 3_000, str(also): 500}
    whole(machine)


def test_a_receipt_whose_item_was_paid_meanwhile_takes_its_money(machine: Machine) -> None:
    old = debt(machine, 4_000, 2020)
    named = debt(machine, 3_000, 2024)
    number = done(machine, act("receipt", amount=3_500, items=(named,)))["receipt"]
    done(machine, money(3_000, items=(named,)))
    assert done(machine, money(3_500, receipt=number))["paid"] == {str(old): 3_500}
    whole(machine)


def test_deposits_are_a_liability(machine: Machine) -> None:
    done(machine, money(10_000, rule="credit"))
    held = done(machine, act("deposit", deposit="guarantee", amount=6_000))
    assert (held["held"], credit(machine)) == (6_000, 4_000)
    debt(machine, 1_500)
    used = done(machine, act("deposit-use", deposit="guarantee", amount=6_000))
    assert (used["used"], used["held"]) == (1_500, 4_500)
    back = agreed(machine, act("deposit-refund", deposit="guarantee", amount=4_500))
    assert back["held"] == 0
    assert refused(machine, act("deposit-use", deposit="guarantee", amount=1)).code == (
        "payment-not-now"
    )
    assert wrongs(machine) == []
    whole(machine)


def test_one_person_neither_reverses_a_payment_nor_clears_a_cheque(machine: Machine) -> None:
    paid = done(machine, money(9_000))["payment"]
    cheque = done(machine, money(7_000, "cheque"))["payment"]
    assert refused(machine, act("clear", payment=cheque, evidence="")).code == "act-wrong"
    for kind, number in (("reverse", paid), ("clear", cheque)):
        waiting = done(machine, act(kind, payment=number))
        assert (waiting["state"], credit(machine)) == ("requested", 9_000)
        assert refused(machine, yes(waiting["act"], "grace")).code == "act-no-role"
    whole(machine)


def test_reversals_count_in_the_day_of_the_operator(tmp_path: Path) -> None:
    few = {**OPERATORS, "grace": replace(OPERATORS["grace"], refund_per_day=10_000)}
    machine = desk(tmp_path, operators=few)
    first, second = (done(machine, money(6_000))["payment"] for _ in range(2))
    agreed(machine, act("reverse", payment=first))
    assert refused(machine, act("reverse", payment=second)).code == "act-over-limit"
    assert credit(machine) == 6_000
    whole(machine)


@pytest.mark.parametrize("way", ["Cheque", "check", "cheque ", "", "uncleared", "customer-credit"])
def test_only_declared_ways_of_paying_are_taken(machine: Machine, way: str) -> None:
    answer = refused(machine, money(9_000, way))
    assert answer.code == "payment-wrong"
    assert answer.args["what"].endswith("there are: cash, card, transfer, mobile, cheque")
    share = PaymentShare(account="100001", amount=9_000)
    joint = ReceiveJointPayment(shares=(share,), amount=9_000, currency="UGX", way=way)
    assert refused(machine, joint).code == "payment-wrong"
    assert credit(machine) == 0
    whole(machine)


@pytest.mark.parametrize("desk_", ["", " ", "a:b"])
def test_a_payment_is_taken_at_a_desk(machine: Machine, desk_: str) -> None:
    assert refused(machine, money(9_000, desk=desk_)).code == "payment-wrong"
    whole(machine)
