"""Tokens that a module on the network makes: the money is booked, the token comes later."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.messages import Answer, Outcome, ReportReversal
from core.wallets.entities import WalletPayment
from hub.channel import Accepted
from tests.core.collection.desk import wrongs
from tests.core.wallets.payer import WALLET, do, done, paid, says, vend, wallet_terms
from tests.hub.machine import METER, FakeChannel, enrol, fresh_sqlite
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


def test_the_next_payment_for_the_meter_uses_what_bought_no_token(machine: RemoteMachine) -> None:
    """Whoever pays by wallet may have no other way to spend what is credit now."""
    ordered(machine)
    machine.report(machine.box.orders[0], "refused", code="no", detail="no such key")
    assert machine.rows("SELECT state, rest, target FROM held_money") == [("waits", 20_000, METER)]
    reference = done(machine, vend(5_000))["reference"]
    machine.accept(paid(reference, "R2", 5_000), "next")
    machine.settle()
    order = machine.box.orders[-1]
    machine.report(order, "made", tokens=machine.made(order))
    assert machine.rows("SELECT tender FROM sale WHERE state = 'issued'") == [(25_000,)]
    assert machine.rows("SELECT state, rest FROM held_money") == [("used", 0)]
    assert machine.told() == ["sale-failed", "token"]
    assert wrongs(machine) == []


def test_what_was_taken_back_meanwhile_waits_for_nothing(machine: RemoteMachine) -> None:
    ordered(machine)
    done(machine, ReportReversal(wallet=WALLET, receipt="R1", state="reversed"))
    machine.report(machine.box.orders[0], "refused", code="no", detail="no such key")
    assert (row(machine)["state"], machine.rows("SELECT id FROM held_money")) == ("refunded", [])
    assert machine.account() == (20_000, 0)
    assert machine.rows("SELECT open FROM open_item") == [(20_000,)], "what is there is owed"
    assert wrongs(machine) == []


def test_what_waits_for_the_next_payment_can_go_back(machine: RemoteMachine) -> None:
    """By its provider's own doing, as all money can."""
    ordered(machine)
    machine.report(machine.box.orders[0], "refused", code="no", detail="no such key")
    done(machine, ReportReversal(wallet=WALLET, receipt="R1", state="reversed"))
    assert machine.rows("SELECT state, rest FROM held_money") == [("refunded", 0)]
    assert (row(machine)["state"], machine.account()) == ("refunded", (0, 0))


def test_while_a_token_is_made_the_next_payment_is_refused_before_it_is_asked(
    machine: RemoteMachine,
) -> None:
    ordered(machine)
    assert do(machine, vend(30_000)).code == "sale-pending"
    assert machine.box.orders[0].amount
    assert do(machine, says(row(machine)["reference"], "failed")).data["changed"] is False
