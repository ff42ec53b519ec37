"""At a module on the network: items that wait for their purchase's token, units on credit."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import AskAdvance, PauseService
from hub.proof import EVERYTHING, Proof
from tests.core.collection.desk import act, agreed, debt, done, opens, refused, whole
from tests.core.vending.credit import (
    OPERATORS,
    SUPERVISOR,
    TO,
    ask,
    books,
    collection,
    got,
    no,
    rule,
    taking,
)
from tests.hub.machine import METER, PHONE, buy, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms


@pytest.fixture
def machine(tmp_path: Path) -> RemoteMachine:
    values: dict[str, Any] = {"operators": {**OPERATORS, **SUPERVISOR}}
    values["collection"] = collection(rule("energy", taking()), rule("fee", taking()))
    made = RemoteMachine(fresh_sqlite(tmp_path), remote_terms(**values))
    made.open_account()
    return made


def waiting(machine: RemoteMachine, message: Any, key: str) -> str:
    heard = machine.accept(message, key)
    machine.settle()
    return str(heard[0].message_id)


def test_items_wait_with_their_purchase_and_are_paid_with_its_token(machine: RemoteMachine) -> None:
    item = debt(machine, 3_000)
    purchase = waiting(machine, buy(20_000), "b1")
    assert opens(machine) == {}
    assert machine.rows("SELECT item_id, amount FROM order_item") == [(item, 3_000)]
    whole(machine)
    (order,) = machine.box.orders
    machine.report(order, "made", tokens=machine.made(order))
    assert machine.answer(purchase).outcome == "done"
    assert books(machine, "sale")["receivable:old-debt"] == -3_000
    whole(machine)


def test_they_are_owed_again_where_there_is_no_token(machine: RemoteMachine) -> None:
    item = debt(machine, 3_000)
    waiting(machine, buy(20_000), "b1")
    (order,) = machine.box.orders
    machine.report(order, "refused", code="no", detail="no")
    assert opens(machine) == {"old-debt": 3_000}
    rows = machine.rows("SELECT amount FROM allocation WHERE item_id = :i ORDER BY at", i=item)
    assert rows == [(3_000,), (-3_000,)]
    whole(machine)
    got_again = waiting(machine, buy(20_001), "b2")
    machine.report(machine.box.orders[-1], "made", tokens=machine.made(machine.box.orders[-1]))
    assert machine.answer(got_again).outcome == "done"
    assert opens(machine) == {}
    whole(machine)


def test_what_waits_for_a_token_is_not_credited(machine: RemoteMachine) -> None:
    item = done(machine, act("fee", fee="visit"))["item"]
    waiting(machine, buy(20_000), "b1")
    answer = refused(machine, act("credit-note", items=(item,)))
    assert "waits for its token" in answer.args["what"]
    (order,) = machine.box.orders
    machine.report(order, "made", tokens=machine.made(order))
    agreed(machine, act("credit-note", items=(item,)))
    whole(machine)


def test_a_pause_that_began_meanwhile_is_kept_where_there_is_no_token(
    machine: RemoteMachine,
) -> None:
    waiting(machine, buy(20_000), "b1")
    pause = PauseService(operator="mary", meter=METER, why="vacant", reason="left")
    assert machine.do(pause, "p1").outcome == "done"
    machine.report(machine.box.orders[0], "refused", code="no", detail="no")
    assert machine.rows("SELECT pauses FROM agreement_state") == [(1,)]
    whole(machine)


def test_an_advance_comes_with_its_token(machine: RemoteMachine) -> None:
    asked = AskAdvance(phone=PHONE, meter=METER, reply=TO)
    first = waiting(machine, asked, "a1")
    assert machine.rows("SELECT count(*) FROM advance") == [(0,)]
    assert machine.rows("SELECT count(*) FROM debt") == [(0,)]
    assert no(machine.do(buy(20_000), "b1")) == "sale-pending"
    assert no(ask(machine, "a2")) == "sale-pending"
    whole(machine)
    (order,) = machine.box.orders
    made = machine.made(order)
    machine.report(order, "made", tokens=made)
    data = got(machine.answer(first))
    assert data["token"] == made[0].digits
    assert machine.rows("SELECT outstanding FROM debt") == [(data["owed"],)]
    machine.report(order, "made", tokens=made)  # told twice
    assert machine.rows("SELECT count(*) FROM advance") == [(1,)]
    assert no(ask(machine, "a3")) == "advance-open"
    whole(machine)
    proof = Proof(machine.store.reader, EVERYTHING, {"demo": "Africa/Kampala"})
    list(proof.run())
    assert proof.findings.listed == []


def test_without_a_token_nothing_is_owed(machine: RemoteMachine) -> None:
    first = waiting(machine, AskAdvance(phone=PHONE, meter=METER, reply=TO), "a1")
    machine.report(machine.box.orders[0], "refused", code="no", detail="no")
    assert no(machine.answer(first)) == "module-refused"
    assert machine.rows("SELECT count(*) FROM advance") == [(0,)]
    assert machine.rows("SELECT period, units_milli FROM agreement_state") == [(0, 0)]
    waiting(machine, AskAdvance(phone=PHONE, meter=METER), "a2")
    assert len(machine.box.orders) == 2
    whole(machine)
