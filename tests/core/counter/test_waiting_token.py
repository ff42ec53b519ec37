"""A token that a security module on the network makes: the cash is taken at once, as credit."""

from pathlib import Path

import msgspec
import pytest

from core.messages import Answer, Outcome
from hub.channel import Accepted
from tests.core.counter.till import (
    OPERATORS,
    TERMS,
    ask,
    cash,
    done,
    no,
    numbered,
    opened,
    sell,
    till,
    whole,
)
from tests.hub.machine import enrol, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms


@pytest.fixture
def machine(tmp_path: Path) -> RemoteMachine:
    terms = remote_terms(operators=OPERATORS, collection=TERMS)
    machine = RemoteMachine(fresh_sqlite(tmp_path), terms)
    done(machine, enrol())
    done(machine, ask("desk", operator="grace", name="Desk 1"))
    numbered(machine, "D1", "R1-")
    opened(machine)
    return machine


def ordered(machine: RemoteMachine) -> str:
    """A sale that waits; its message's id."""
    heard = machine.accept(sell(cash(20_000)), "s1")
    machine.settle()
    assert isinstance(heard[0], Accepted)
    sql = "SELECT answer FROM request WHERE message_id = :m"
    assert machine.rows(sql, m=heard[0].message_id) == [(None,)]
    assert machine.account() == (20_000, 20_000)
    assert till(machine) == (120_000, 0)
    assert no(machine, sell(cash(5_000))) == "sale-pending"
    return heard[0].message_id


def test_the_token_comes(machine: RemoteMachine) -> None:
    message = ordered(machine)
    (order,) = machine.box.orders
    machine.report(order, "made", tokens=machine.made(order))
    answer = machine.answer(message)
    assert (answer.outcome, len(answer.data["token"])) == (Outcome.DONE, 20)
    assert [answer.data[name] for name in ("receipt", "amount", "change")] == ["R1-01", 20_000, 0]
    assert answer.data["sale_receipt"].startswith("DP-")
    assert machine.account()[1] == 0
    again = machine.do(sell(cash(20_000)), "s1")
    assert again == answer
    assert till(machine) == (120_000, 0)
    whole(machine)


def test_no_token_comes_and_the_money_is_the_customers(machine: RemoteMachine) -> None:
    message = ordered(machine)
    (order,) = machine.box.orders
    machine.report(order, "refused", code="no", detail="no such key")
    (row,) = machine.rows("SELECT answer FROM request WHERE message_id = :m", m=message)
    answer = msgspec.json.decode(row[0], type=Answer)
    assert (answer.code, answer.data["receipt"]) == ("module-refused", "R1-01")
    assert machine.account() == (20_000, 0)
    assert till(machine) == (120_000, 0)
    assert no(machine, ask("void", receipt="R1-01")) == "counter-not-now"
    whole(machine)
