"""Tokens that a module on the network makes: the money is booked, the token comes later."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.messages import Answer, Outcome
from core.wallets.entities import WalletPayment
from hub.channel import Accepted
from tests.core.collection.desk import wrongs
from tests.core.wallets.payer import WALLET, do, done, paid, says, vend, wallet_terms
from tests.hub.machine import FakeChannel, enrol, fresh_sqlite
from tests.hub.remote import BOX, RemoteMachine, remote_terms


@pytest.fixture
def machine(tmp_path: Path) -> RemoteMachine:
    machine = RemoteMachine(fresh_sqlite(tmp_path), remote_terms(wallets=wallet_terms()))
    channels = {"sms": machine.channel, BOX: machine.box, WALLET: FakeChannel()}
    machine.outbound.attach(channels)
    for name in channels:
        machine.outbound.wake(name)
    done(machine, enrol())
    return machine


def row(machine: RemoteMachine) -> dict[str, Any]:
    """The collection."""
    names = WalletPayment.__struct_fields__
    (found,) = machine.rows(f"SELECT {', '.join(names)} FROM wallet_payment")
    return dict(zip(names, found, strict=True))


def ordered(machine: RemoteMachine) -> tuple[str, str]:
    """A paid collection whose token is ordered: (reference, id of the report's message)."""
    reference = done(machine, vend())["reference"]
    heard = machine.accept(paid(reference), "paid")
    machine.settle()
    assert isinstance(heard[0], Accepted)
    now = row(machine)
    assert (now["state"], now["outcome"], now["sale_id"] > 0) == ("applied", "ordered", True)
    assert machine.account() == (20_000, 20_000)
    assert wrongs(machine) == []
    return reference, heard[0].message_id


def answer_to(machine: RemoteMachine, message: str) -> Answer | None:
    """What the report was answered, if it was."""
    ((text,),) = machine.rows("SELECT answer FROM request WHERE message_id = :m", m=message)
    return msgspec.json.decode(text, type=Answer) if text else None


def test_the_token_comes(machine: RemoteMachine) -> None:
    reference, message = ordered(machine)
    assert answer_to(machine, message) is None
    again = done(machine, paid(reference))
    assert (again["outcome"], again["changed"]) == ("ordered", False)
    (order,) = machine.box.orders
    machine.report(order, "made", tokens=machine.made(order))
    answer = answer_to(machine, message)
    assert answer is not None
    assert (answer.outcome, len(answer.data["token"])) == (Outcome.DONE, 20)
    assert row(machine)["outcome"] == "sold"
    assert machine.told() == ["token"]
    assert machine.account()[1] == 0
    assert wrongs(machine) == []


def test_no_token_comes_and_the_money_is_the_customers(machine: RemoteMachine) -> None:
    _, message = ordered(machine)
    (order,) = machine.box.orders
    machine.report(order, "refused", code="no", detail="no such key")
    answer = answer_to(machine, message)
    assert answer is not None
    assert answer.code == "module-refused"
    assert row(machine)["outcome"] == "credited"
    assert machine.account() == (20_000, 0)
    assert machine.told() == ["sale-failed"]
    assert wrongs(machine) == []


def test_while_a_token_is_made_the_next_payment_is_refused_before_it_is_asked(
    machine: RemoteMachine,
) -> None:
    ordered(machine)
    assert do(machine, vend(30_000)).code == "sale-pending"
    assert machine.box.orders[0].amount
    assert do(machine, says(row(machine)["reference"], "failed")).data["changed"] is False
