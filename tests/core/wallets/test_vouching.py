"""What an operator's file alone says is never vended: one person cannot make a token of nothing."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome, RequestWalletAct
from core.wallets.terms import HeldRule
from tests.core.collection.desk import TERMS, whole
from tests.core.wallets import payer
from tests.core.wallets.proofs import line, outcomes, statement, states, took
from tests.core.wallets.purse import METER, do, done, held, pay_in, purse, sweep, wallets
from tests.core.wallets.test_acts import PEOPLE
from tests.hub.machine import Machine

DAY_S = 86_400


def sales(machine: Machine) -> int:
    ((count,),) = machine.rows("SELECT count(*) FROM sale")
    return int(count)


def forged(tmp_path: Path, amount: int = 400, typed: str = METER, **changes: Any) -> Machine:
    """Ann brings a file with a payment that the provider never had; it is small."""
    terms = wallets(alone=50_000, **changes)
    machine = purse(tmp_path, operators=PEOPLE, wallets=terms)
    took(machine, line("FORGED", amount, typed=typed), operator="ann")
    return machine


@pytest.mark.parametrize("typed", [METER, "100001"])
def test_a_line_of_one_operators_file_is_held_and_buys_nothing(tmp_path: Path, typed: str) -> None:
    machine = forged(tmp_path, 20_000, typed)
    assert sales(machine) == 0
    assert machine.rows("SELECT count(*) FROM payment") == [(0,)]
    assert held(machine) == [("unproved", "held", 20_000, typed)]
    assert machine.rows("SELECT proof, code FROM wallet_payment") == [("file", "ann")]
    whole(machine)


def test_the_same_operator_proves_nothing_by_bringing_it_again(tmp_path: Path) -> None:
    machine = forged(tmp_path, 20_000)
    took(machine, line("FORGED", 20_000, typed=METER), operator="ann")
    took(machine, line("FORGED", 20_000, typed=METER), day=20261120, operator="ann")
    assert (sales(machine), held(machine)[0][0]) == (0, "unproved")


@pytest.mark.parametrize("then", ["work-list", "credit", "refund"])
def test_no_deadline_makes_it_money(tmp_path: Path, then: Any) -> None:
    rule = HeldRule(owner="wallets", hours=1, then=then)
    machine = forged(tmp_path, 20_000, held={"unproved": rule})
    for _ in range(3):
        sweep(machine, DAY_S)
        machine.settle()
    assert sales(machine) == 0
    assert machine.rows("SELECT count(*) FROM payment") == [(0,)]
    whole(machine)


@pytest.mark.parametrize("operator", ["ben", ""])
def test_another_operator_or_the_provider_proves_it(tmp_path: Path, operator: str) -> None:
    machine = forged(tmp_path, 20_000)
    took(machine, line("FORGED", 20_000, typed=METER), operator=operator)
    assert sales(machine) == 1
    assert (held(machine)[0][1], states(machine)) == ("released", {"FORGED": "applied"})
    took(machine, line("FORGED", 20_000, typed=METER), operator="ann")
    done(machine, pay_in(20_000, receipt="FORGED"))
    assert sales(machine) == 1
    assert machine.rows("SELECT proof, outcome FROM wallet_payment") == [("statement", "sold")]
    whole(machine)


@pytest.mark.parametrize("proof", ["notice", "status", "pull"])
def test_the_providers_word_proves_it_whatever_else_it_says(tmp_path: Path, proof: Any) -> None:
    machine = forged(tmp_path, 20_000)
    done(machine, pay_in(20_000, receipt="FORGED", proof=proof, typed="something else"))
    machine.settle()
    assert sales(machine) == 1
    whole(machine)


def test_proved_money_that_cannot_be_sold_is_tried_again_like_any_other(tmp_path: Path) -> None:
    machine = forged(tmp_path, 20_000, "who knows")
    took(machine, line("FORGED", 20_000, typed="who knows"), operator="ben")
    assert held(machine) == [("unknown", "held", 20_000, "")]
    act = RequestWalletAct(
        operator="ann",
        kind="wallet-assign",
        payment=number(machine),
        reason="a call",
        meter=METER,
        evidence="a letter",
    )
    assert done(machine, act)["state"] == "done", "two files said so: it is money like any other"
    whole(machine)


def number(machine: Machine) -> str:
    ((found,),) = machine.rows("SELECT number FROM wallet_payment WHERE receipt = 'FORGED'")
    return str(found)


@pytest.mark.parametrize("kind", ["wallet-assign", "wallet-wrong-meter"])
@pytest.mark.parametrize("typed", [METER, "who knows"])
def test_however_small_it_takes_two_people_to_assign_it(
    tmp_path: Path, kind: str, typed: str
) -> None:
    machine = forged(tmp_path, 20_000, typed)
    act = RequestWalletAct(
        operator="ann", kind=kind, payment=number(machine), reason="it is his", meter=METER,
        evidence="a letter",
    )  # fmt: skip
    answer = do(machine, act)
    assert answer.outcome is Outcome.REFUSED or answer.data["state"] == "requested", answer
    assert sales(machine) == 0


def test_a_file_ends_no_collection_with_a_token(tmp_path: Path) -> None:
    machine = payer.purse(tmp_path, operators=PEOPLE, collection=TERMS)
    reference = payer.asked(machine)
    page = {"operator": "ann", "wallet": payer.WALLET}
    took(machine, line("FORGED", 20_000, reference=reference), **page)
    assert (sales(machine), held(machine)) == (0, [("unproved", "held", 20_000, METER)])
    payer.do(machine, payer.paid(reference, "FORGED", proof="status"))
    machine.settle()
    assert sales(machine) == 1
    whole(machine)


def test_the_answer_still_tells_theirs_only(tmp_path: Path) -> None:
    machine = purse(tmp_path, operators=PEOPLE)
    data = done(machine, statement(line("A", 5_000, typed=METER), operator="ann"))
    assert data["theirs-only"] == 1
    machine.settle()
    assert [row[1] for row in outcomes(machine)] == ["theirs-only"]
