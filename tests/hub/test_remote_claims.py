"""Free units whose token a security module on the network makes."""

from pathlib import Path

import pytest

from core.messages import ClaimFreeUnits, GiveFreeUnits, Outcome
from core.messages.vending import Recipient
from core.sts.meter_state import Result
from hub.channel import Accepted
from tests.hub.acting import OPERATORS, decide, meter
from tests.hub.machine import METER, PHONE, buy, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms
from tests.hub.test_remote_sales import balanced, bought, stored

CLAIM = ClaimFreeUnits(phone=PHONE, reply=(Recipient(way="sms", address=PHONE),))


@pytest.fixture
def machine(tmp_path: Path) -> RemoteMachine:
    made = RemoteMachine(fresh_sqlite(tmp_path), remote_terms(operators=OPERATORS))
    made.open_account(100_000)
    give = GiveFreeUnits(operator="mary", meter=METER, tenths=500, reason="line 118")
    act = made.do(give, "give").data["act"]
    assert made.do(decide(act), "give/approve").outcome is Outcome.DONE
    return made


def claimed(machine: RemoteMachine, key: str = "c") -> str:
    heard = machine.accept(CLAIM, key)
    machine.settle()
    assert isinstance(heard[0], Accepted)
    return heard[0].message_id


def test_they_are_given_when_the_token_has_come_and_once(machine: RemoteMachine) -> None:
    message_id = claimed(machine)
    (order,) = machine.box.orders
    assert (order.amount, order.subclass) == (500, 0)
    assert stored(machine, message_id) is None
    assert machine.rows("SELECT count(*) FROM free_claim") == [(0,)]
    made = machine.made(order)
    machine.report(order, "made", tokens=made)
    answer = stored(machine, message_id)
    assert answer is not None
    assert (answer.outcome, answer.data["free_token"]) == (Outcome.DONE, made[0].digits)
    assert meter().enter(made[0].digits, machine.time.at_us).result is Result.ACCEPT
    again = machine.do(CLAIM, "c2")
    assert (again.data["free_token"], again.data["copy"]) == (made[0].digits, True)
    assert len(machine.box.orders) == 1
    balanced(machine)


def test_a_sure_no_leaves_them_to_be_claimed(machine: RemoteMachine) -> None:
    message_id = claimed(machine)
    machine.report(machine.box.orders[0], "refused", code="module_range")
    answer = stored(machine, message_id)
    assert answer is not None
    assert answer.code == "module-refused"
    claimed(machine, "c2")
    assert len(machine.box.orders) == 2


def test_one_order_of_an_agreement_at_a_time(machine: RemoteMachine) -> None:
    """Nobody else may touch what the tariff remembers while a sale may have to give it back."""
    bought(machine)
    assert machine.do(CLAIM, "c").code == "sale-pending"
    machine.report(machine.box.orders[0], "made", tokens=machine.made(machine.box.orders[0]))
    claimed(machine, "c2")
    assert machine.do(buy(10_000), "b2").code == "sale-pending"
