"""Taking on customers: a service point has one agreement, whoever else is enrolled there."""

from pathlib import Path

import pytest

from core.messages import Outcome
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, fresh_sqlite, pay

NEIGHBOUR, THEIR_METER = "+256700000002", "04123456792"


@pytest.mark.parametrize("together", [False, True])
def test_a_second_agreement_at_a_service_point_is_refused_whole(
    tmp_path: Path, together: bool
) -> None:
    machine = Machine(fresh_sqlite(tmp_path))
    first = machine.accept(enrol(), "first")
    if not together:
        machine.settle()
    second = machine.accept(
        enrol("100002", THEIR_METER, NEIGHBOUR, service_point="S100001", customer="C2"), "second"
    )
    machine.settle()
    assert machine.answer(first[0].message_id).outcome is Outcome.DONE
    answer = machine.answer(second[0].message_id)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "enrol-conflict")
    machine.do(pay(50_000), "pay")
    assert machine.do(buy(meter=METER, phone=PHONE), "buy").outcome is Outcome.DONE
    assert machine.rows("SELECT number FROM account") == [("100001",)]
