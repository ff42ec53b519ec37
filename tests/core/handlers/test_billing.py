"""Money that comes in: a posting, or a refusal that moves nothing."""

from pathlib import Path

import pytest

from core.messages import Outcome, ReceivePayment
from tests.hub.machine import Machine, enrol, fresh_sqlite, pay


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    return machine


def test_a_payment_is_a_debit_of_the_desk_and_credit_of_the_account(machine: Machine) -> None:
    payment = ReceivePayment(
        account="100001", amount=700, currency="UGX", way="card", desk="north", reference="9"
    )
    answer = machine.do(payment, "p1")
    assert answer.data == {
        "account": "100001", "amount": 700, "currency": "UGX", "credit": 700,
        "payment": "DP-M00000001",
    }  # fmt: skip
    assert machine.rows("SELECT ledger, amount FROM posting ORDER BY line") == [
        ("card:north", 700),
        ("customer-credit", -700),
    ]
    assert machine.rows("SELECT kind, currency FROM ledger_txn") == [("payment", "UGX")]


def test_payments_of_one_batch_add_up(machine: Machine) -> None:
    heard = [machine.accept(pay(n), f"p{n}") for n in (1, 20, 300)]
    machine.settle()
    credits_ = [machine.answer(each[0].message_id).data["credit"] for each in heard]
    assert credits_ == [1, 21, 321]
    assert machine.rows("SELECT credit FROM account") == [(321,)]


@pytest.mark.parametrize(
    ("payment", "code"),
    [
        (pay(5, "999"), "account-unknown"),
        (pay(0), "tender-not-positive"),
        (pay(-5), "tender-not-positive"),
        (ReceivePayment(account="100001", amount=5, currency="KES"), "currency-wrong"),
    ],
)
def test_what_is_refused_moves_nothing(
    machine: Machine, payment: ReceivePayment, code: str
) -> None:
    answer = machine.do(payment, "p1")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, code)
    assert machine.rows("SELECT count(*) FROM posting") == [(0,)]
    assert machine.unaccounted() == 0


def test_a_closed_account_takes_no_money(machine: Machine) -> None:
    with machine.store.transaction() as tx:
        tx.run("UPDATE account SET state = 'closed'")
    assert machine.do(pay(5), "p1").code == "account-closed"
