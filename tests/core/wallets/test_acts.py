"""What operators do with payments by wallet: decided by the state of the token, never twice."""

from pathlib import Path
from typing import Any

import pytest

from core.company import Operator
from core.messages import Answer, DecideTokenAct, Outcome, ReportReversal, RequestWalletAct
from core.vending.act_kinds import Role
from core.wallets.terms import HeldRule
from tests.core.agents.shop import OPERATORS
from tests.core.collection.desk import credit, debt, opens, whole
from tests.core.wallets import payer
from tests.core.wallets.proofs import cases, states
from tests.core.wallets.purse import (
    METER,
    PAYER,
    balance,
    block_rules,
    do,
    done,
    held,
    pay_in,
    purse,
    sweep,
    told,
    wallets,
)
from tests.hub.machine import PHONE, Machine, enrol

OTHER = "01234567897"
PEOPLE = {
    **OPERATORS,
    "ann": Operator(roles=frozenset({Role.COLLECTOR}), refund_per_day=10**9),
    "ben": Operator(roles=frozenset({Role.COLLECTION_APPROVER})),
    "cat": Operator(roles=frozenset({Role.CASHIER})),
}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """``ann`` asks, ``ben`` agrees; up to 10,000 one is enough."""
    return purse(tmp_path, operators=PEOPLE, wallets=wallets(alone=10_000))


def act(kind: str, payment: str = "", **more: Any) -> RequestWalletAct:
    values = {"operator": "ann", "reason": "he called", "evidence": "call 17"}
    return RequestWalletAct(kind=f"wallet-{kind}", payment=payment, **{**values, **more})


def approve(machine: Machine, number: int, operator: str = "ben") -> Answer:
    return do(machine, DecideTokenAct(operator=operator, act=number, decision="approve"))


def came(machine: Machine, amount: int, typed: str = "nobody", **more: Any) -> str:
    """The number of a payment that came."""
    return str(done(machine, pay_in(amount, typed, **more))["payment"])


def asked(machine: Machine) -> list[tuple[Any, ...]]:
    """What the provider was asked to give back."""
    return machine.rows(
        "SELECT count(*) FROM message WHERE type = 'wattbus.wallets.ReversePayment.v1'"
    )


def test_held_money_is_somebodys(machine: Machine) -> None:
    number = came(machine, 7_000)
    data = done(machine, act("assign", number, meter=METER))
    assert (data["state"], data["outcome"], len(data["token"])) == ("done", "sold", 20)
    assert held(machine)[0][:3] == ("unknown", "released", 0)
    again = do(machine, act("assign", number, meter=METER))
    assert (again.outcome, again.code) == (Outcome.REFUSED, "payment-not-now")
    assert balance(machine, "suspense:wallet") == 0
    whole(machine)


def test_above_alone_a_second_person_agrees_and_nobody_to_his_own(machine: Machine) -> None:
    number = came(machine, 20_000)
    data = done(machine, act("assign", number, account="100001"))
    assert (data["state"], credit(machine)) == ("requested", 0)
    assert approve(machine, data["act"], "ann").code == "act-no-role"
    assert approve(machine, data["act"]).data["state"] == "done"
    assert credit(machine) == 20_000
    whole(machine)


def test_a_refund_leaves_the_books_when_it_went(machine: Machine) -> None:
    number = came(machine, 7_000, receipt="A", payer=PAYER, payer_form="open")
    data = done(machine, act("refund", number))
    assert (data["refund_state"], held(machine)[0][1]) == ("asked", "refunding")
    assert (asked(machine), balance(machine, "wallet:mpesa")) == ([(1,)], 7_000)
    twice = do(machine, act("refund", number))
    assert (twice.code, "never twice" in twice.args["what"]) == ("payment-not-now", True)
    moved = do(machine, act("assign", number, meter=METER))
    assert moved.code == "payment-not-now", "nobody may have it meanwhile"
    for state in ("unknown", "unknown", "reversed", "reversed"):
        done(machine, ReportReversal(
            wallet="mpesa", receipt="A", state=state, refund=data["refund"],  # type: ignore[arg-type]
        ))  # fmt: skip
    assert states(machine) == {"A": "refunded"}
    assert balance(machine, "wallet:mpesa") == balance(machine, "suspense:wallet") == 0
    assert [name for name, _ in told(machine)].count("wallet-returned") == 1
    assert do(machine, act("refund", number)).code == "payment-not-now"
    assert asked(machine) == [(1,)]
    whole(machine)


def test_an_open_refund_holds_back_no_other(machine: Machine) -> None:
    """Each has a key of its own: one that a provider is silent about is followed for days."""
    for receipt in ("A", "B"):
        done(machine, act("refund", came(machine, 7_000, receipt=receipt)))
    keys = machine.rows(
        "SELECT partitionkey FROM message WHERE type = 'wattbus.wallets.ReversePayment.v1'"
    )
    references = machine.rows("SELECT reference FROM wallet_refund")
    assert sorted(keys) == sorted((f"demo/refund/{reference}",) for (reference,) in references)
    assert len(set(keys)) == 2


def test_a_refund_that_failed_is_held_again_and_may_be_asked_for_once_more(
    machine: Machine,
) -> None:
    number = came(machine, 7_000, receipt="A")
    first = done(machine, act("refund", number))["refund"]
    done(machine, ReportReversal(wallet="mpesa", receipt="A", state="failed", refund=first))
    assert (held(machine)[0][1], cases(machine)[0][0]) == ("overdue", "refund-failed")
    second = done(machine, act("refund", number))["refund"]
    assert (second != first, asked(machine)) == (True, [(2,)])
    whole(machine)


def test_a_refund_that_went_after_all_takes_back_what_was_done_with_it(machine: Machine) -> None:
    number = came(machine, 7_000, receipt="A")
    refund = done(machine, act("refund", number))["refund"]
    done(machine, ReportReversal(wallet="mpesa", receipt="A", state="failed", refund=refund))
    done(machine, act("assign", number, account="100001"))
    assert credit(machine) == 7_000
    done(machine, ReportReversal(wallet="mpesa", receipt="A", state="reversed", refund=refund))
    assert (credit(machine), states(machine)) == (0, {"A": "refunded"})
    assert balance(machine, "wallet:mpesa") == 0
    whole(machine)


def test_what_went_in_parts_is_taken_back_as_a_whole(tmp_path: Path) -> None:
    """While it was held a part of it paid a debt; the rest was sold when the meter was open."""
    machine = purse(tmp_path, operators=PEOPLE, collection=block_rules())
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'blocked', block_reason = 'tamper'")
    came(machine, 40_000, METER, receipt="A")
    debt(machine, 5_000)
    assert [each["outcome"] for each in sweep(machine, 3_600)] == ["held"]
    assert held(machine)[1] == ("blocked", "held", 35_000, METER)
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'active', block_reason = ''")
    assert [each["outcome"] for each in sweep(machine, 3_600)] == ["sold"]
    done(machine, ReportReversal(wallet="mpesa", receipt="A", state="reversed"))
    assert machine.rows("SELECT DISTINCT state FROM payment") == [("reversed",)]
    assert balance(machine, "wallet:mpesa") == balance(machine, "suspense:wallet") == 0
    whole(machine)


def test_what_paid_debts_and_waits_goes_back_as_a_whole(tmp_path: Path) -> None:
    """Debts took their part, the rest is too little for a token: all of it is given back."""
    terms = wallets(alone=50_000)
    machine = purse(tmp_path, operators=PEOPLE, wallets=terms, collection=block_rules())
    debt(machine, 15_000)
    number = came(machine, 15_100, METER, receipt="A")
    assert held(machine) == [("small", "waits", 100, METER)]
    data = done(machine, act("refund", number))
    whole(machine)
    assert held(machine) == [("small", "refunding", 15_100, METER)]
    done(machine, ReportReversal(
        wallet="mpesa", receipt="A", state="reversed", refund=data["refund"],
    ))  # fmt: skip
    assert balance(machine, "wallet:mpesa") == balance(machine, "suspense:wallet") == 0
    whole(machine)


def test_no_token_that_is_out_is_given_back(machine: Machine) -> None:
    number = came(machine, 7_000, METER)
    no = do(machine, act("refund", number))
    assert (no.code, "bought a token" in no.args["what"]) == ("payment-not-now", True)
    assert asked(machine) == [(0,)]


def test_what_an_account_has_is_given_back_and_what_it_spent_is_not(machine: Machine) -> None:
    item = debt(machine, 3_000)
    number = came(machine, 5_000, "ACC 100001", receipt="A")
    assert (opens(machine), credit(machine)) == ({}, 2_000)
    refund = done(machine, act("refund", number))["refund"]
    assert (opens(machine), credit(machine)) == ({"old-debt": 3_000}, 0)
    assert item
    done(machine, ReportReversal(wallet="mpesa", receipt="A", state="reversed", refund=refund))
    assert balance(machine, "wallet:mpesa") == 0
    whole(machine)


def test_wrong_meter_before_a_token_is_moved_and_after_it_is_a_case(machine: Machine) -> None:
    done(machine, enrol("100002", OTHER, "+256700000002"), "another household")
    number = came(machine, 7_000, "ACC 100001", payer=PAYER, payer_form="open")
    data = done(machine, act("wrong-meter", number, meter=OTHER))
    assert (data["outcome"], data["meter"], credit(machine)) == ("sold", OTHER, 0)
    assert {("wallet-moved", f"+{PAYER}"), ("wallet-moved", PHONE)} <= set(told(machine))
    second = came(machine, 7_000, METER, payer=PAYER, payer_form="open")
    data = done(machine, act("wrong-meter", second, meter=OTHER))
    assert (data["case_kind"], cases(machine)) == ("wrong-meter", [("wrong-meter", "open", 7_000)])
    assert {("wallet-case", f"+{PAYER}"), ("wallet-case", PHONE)} <= set(told(machine))
    assert machine.rows("SELECT count(*) FROM sale") == [(2,)]
    whole(machine)


def test_paid_twice_goes_back_before_a_token_and_is_a_case_after(machine: Machine) -> None:
    number = came(machine, 7_000)
    assert done(machine, act("paid-twice", number))["refund_state"] == "asked"
    second = came(machine, 7_000, METER)
    assert done(machine, act("paid-twice", second))["case_kind"] == "paid-twice"
    whole(machine)


def test_cases_are_closed_by_name(machine: Machine) -> None:
    number = came(machine, 7_000, METER)
    case = done(machine, act("wrong-amount", number))["case"]
    done(machine, act("case-close", case=case, evidence=""))
    assert machine.rows("SELECT state, closed_by, reason FROM wallet_case") == [
        ("closed", "ann", "he called")
    ]
    assert do(machine, act("case-close", case=case)).code == "case-closed"
    assert do(machine, act("case-close", case=99)).code == "case-unknown"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (act("refund", "W-000099"), "payment-unknown"),
        (act("refund", operator="cat"), "act-no-role"),
        (act("refund", operator="eve"), "operator-unknown"),
        (act("gift"), "act-wrong"),
        (act("refund", evidence=""), "act-wrong"),
        (act("refund", reason=" "), "act-wrong"),
        (act("assign", "W-000001"), "act-wrong"),
        (act("assign", "W-000001", meter=METER, account="1"), "act-wrong"),
        (act("assign", "W-000001", meter="1"), "payment-unknown"),
        (act("wrong-meter", "W-000001", account="100001"), "act-wrong"),
    ],
)
def test_what_cannot_be_is_refused(machine: Machine, command: Any, code: str) -> None:
    came(machine, 7_000)
    answer = do(machine, command)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    assert machine.rows("SELECT count(*) FROM token_act") == [(0,)]


def test_the_days_limit_of_refunds_counts(tmp_path: Path) -> None:
    people = {**PEOPLE, "ann": replace_limit(PEOPLE["ann"], 10_000)}
    machine = purse(tmp_path, operators=people, wallets=wallets(alone=10_000))
    first, second = came(machine, 7_000), came(machine, 7_000)
    done(machine, act("refund", first))
    assert do(machine, act("refund", second)).code == "act-over-limit"


def replace_limit(operator: Operator, most: int) -> Operator:
    return Operator(roles=operator.roles, refund_per_day=most)


@pytest.mark.parametrize(("amount", "state"), [(7_000, "refunding"), (20_000, "refund-due")])
def test_what_lay_too_long_goes_back_by_itself_up_to_the_limit(
    tmp_path: Path, amount: int, state: str
) -> None:
    rule = {"unknown": HeldRule(owner="wallets", hours=1, then="refund")}
    machine = purse(tmp_path, operators=PEOPLE, wallets=wallets(alone=10_000, held=rule))
    number = came(machine, amount)
    sweep(machine, 3_700)
    assert held(machine)[0][1] == state
    if state == "refund-due":
        data = done(machine, act("refund", number))
        assert approve(machine, data["act"]).data["refund_state"] == "asked"
    assert asked(machine) == [(1,)]
    whole(machine)


def disputed(tmp_path: Path) -> Machine:
    """A collection of 20,000 that 19,000 came for."""
    machine = payer.purse(tmp_path, operators=PEOPLE)
    asked_for = payer.done(machine, payer.vend(20_000))["reference"]
    payer.done(machine, payer.says(
        asked_for, "paid", receipt="A", amount=19_000, currency="UGX", proof="status",
    ))  # fmt: skip
    assert (states(machine), cases(machine)) == (
        {"A": "disputed"}, [("amount-differs", "open", 19_000)],
    )  # fmt: skip
    return machine


def test_a_payment_in_dispute_is_decided_and_its_case_is_over(tmp_path: Path) -> None:
    machine = disputed(tmp_path)
    stays = do(machine, act("case-close", case=1))
    assert (stays.code, "in dispute" in stays.args["what"]) == ("payment-not-now", True)
    data = done(machine, act("assign", "W-000001", meter=METER))
    assert (data["outcome"], data["tender"]) == ("sold", 19_000)
    assert (states(machine), cases(machine)[0][1]) == ({"A": "applied"}, "closed")
    whole(machine)


def test_a_payment_in_dispute_goes_back_and_keeps_its_case_until_it_went(tmp_path: Path) -> None:
    machine = disputed(tmp_path)
    refund = done(machine, act("refund", "W-000001"))["refund"]
    assert (states(machine), cases(machine)[0][1]) == ({"A": "disputed"}, "open")
    whole(machine)
    done(machine, ReportReversal(wallet="airtel", receipt="A", state="reversed", refund=refund))
    assert (states(machine), cases(machine)[0][1]) == ({"A": "refunded"}, "closed")
    whole(machine)
