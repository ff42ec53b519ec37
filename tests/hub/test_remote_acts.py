"""Operators' acts whose tokens a security module on the network makes."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.collection.terms import BusinessFee
from core.messages import Answer, Outcome, PhoneLink, RequestTokenAct
from core.sts.meter_state import Result
from hub.channel import Accepted
from tests.core.collection.desk import TERMS
from tests.hub.acting import OPERATORS, ask, books, decide, meter
from tests.hub.machine import METER, buy, enrol, fresh_sqlite, pay
from tests.hub.remote import RemoteMachine, remote_terms
from tests.hub.sales import drn_of
from tests.hub.test_remote_sales import balanced, bought, stored


@pytest.fixture
def machine(tmp_path: Path) -> RemoteMachine:
    made = RemoteMachine(fresh_sqlite(tmp_path), remote_terms(operators=OPERATORS))
    made.open_account(100_000)
    return made


def asked(machine: RemoteMachine, request: Any, key: str) -> str:
    """An act that has come as far as it comes without the module; its message's id."""
    heard = machine.accept(request, key, f"operator/{request.operator}")
    machine.settle()
    assert isinstance(heard[0], Accepted)
    return heard[0].message_id


def act_row(machine: RemoteMachine) -> tuple[Any, ...]:
    return machine.rows("SELECT state, approver, note FROM token_act ORDER BY id DESC LIMIT 1")[0]


def agreed(machine: RemoteMachine, request: RequestTokenAct, key: str = "a") -> str:
    """Asked for by one, approved by the other, and ordered; the approval's message."""
    waiting = machine.do(request, key)
    assert waiting.data["state"] == "requested"
    return asked(machine, decide(waiting.data["act"]), f"{key}/approve")


def test_a_gift_is_booked_when_its_token_has_come(machine: RemoteMachine) -> None:
    message_id = agreed(machine, ask("free-issue", units_tenths=300))
    assert act_row(machine)[0] == "ordered"
    assert stored(machine, message_id) is None
    assert books(machine, "free-issue") == {}
    (order,) = machine.box.orders
    assert (order.token_class, order.subclass, order.amount) == (0, 0, 300)
    made = machine.made(order)
    machine.report(order, "made", tokens=made)
    answer = stored(machine, message_id)
    assert answer is not None
    assert (answer.outcome, answer.data["token"]) == (Outcome.DONE, made[0].digits)
    assert act_row(machine)[:2] == ("done", "peter")
    assert books(machine, "free-issue")["expense:free-issue"] > 0
    assert machine.rows("SELECT cause, value FROM token") == [("compensation", 300)]
    device = meter()
    assert device.enter(made[0].digits, machine.time.at_us).result is Result.ACCEPT
    balanced(machine)


def test_a_tamper_case_is_cleared_for_its_fee(machine: RemoteMachine) -> None:
    agreed(machine, ask("clear-tamper", fee=15_000))
    (order,) = machine.box.orders
    assert (order.token_class, order.subclass) == (2, 5)
    assert machine.account() == (100_000, 0)
    made = machine.made(order)
    machine.report(order, "made", tokens=made)
    assert machine.account() == (85_000, 0)
    device = meter()
    assert device.enter(made[0].digits, machine.time.at_us).result is Result.ACCEPT
    balanced(machine)


def test_a_fee_whose_money_has_gone_meanwhile_becomes_a_debt(machine: RemoteMachine) -> None:
    agreed(machine, ask("clear-tamper", fee=90_000))
    (order,) = machine.box.orders
    machine.accept(buy(50_000), "b")
    machine.settle()
    machine.report(order, "made", tokens=machine.made(order))
    assert act_row(machine)[0] == "done"
    assert machine.rows("SELECT code, outstanding FROM debt") == [("fine", 90_000)]
    machine.report(machine.box.orders[1], "made", tokens=machine.made(machine.box.orders[1]))
    balanced(machine)


def test_a_limit_is_ordered_in_watts(machine: RemoteMachine) -> None:
    agreed(machine, ask("power-limit", watts=5_000))
    (order,) = machine.box.orders
    assert (order.subclass, order.amount) == (0, 5_000)
    made = machine.made(order)
    machine.report(order, "made", tokens=made)
    device = meter()
    assert device.enter(made[0].digits, machine.time.at_us).result is Result.ACCEPT
    assert device.state.power_limit == 5_000


def test_what_an_act_costs_by_itself_is_owed_when_its_token_has_come(tmp_path: Path) -> None:
    fees = (BusinessFee(fee="visit", pays="account"), BusinessFee(fee="seal", pays="account"))
    rules = msgspec.structs.replace(TERMS, business={"power-limit": fees})
    terms = remote_terms(operators=OPERATORS, collection=rules)
    machine = RemoteMachine(fresh_sqlite(tmp_path), terms)
    machine.open_account(100_000)
    message_id = agreed(machine, ask("power-limit", watts=5_000))
    assert machine.rows("SELECT count(*) FROM open_item") == [(0,)]
    (order,) = machine.box.orders
    machine.report(order, "made", tokens=machine.made(order))
    answer = stored(machine, message_id)
    assert answer is not None
    assert [each["fee"] for each in answer.data["fees"]] == ["visit", "seal"]
    assert machine.rows("SELECT code, open FROM open_item") == [("visit", 11_800), ("seal", 0)]
    assert machine.rows("SELECT code, outstanding FROM debt") == [("seal", 3_000)]
    balanced(machine)


def test_a_sure_no_moves_nothing(machine: RemoteMachine) -> None:
    message_id = agreed(machine, ask("clear-tamper", fee=15_000))
    machine.report(machine.box.orders[0], "refused", code="module_range", detail="out of range")
    answer = stored(machine, message_id)
    assert answer is not None
    assert (answer.code, answer.args["why"]) == ("module-refused", "out of range")
    assert act_row(machine)[0] == "refused"
    assert machine.account() == (100_000, 0)
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]


def test_one_act_of_a_meter_at_a_time(machine: RemoteMachine) -> None:
    agreed(machine, ask("free-issue", units_tenths=300))
    again = machine.do(ask("free-issue", units_tenths=310), "a2")
    refused = machine.do(decide(again.data["act"]), "a2/approve")
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, "act-not-possible")
    machine.report(machine.box.orders[0], "made", tokens=machine.made(machine.box.orders[0]))
    agreed(machine, ask("free-issue", units_tenths=320), "a3")
    assert len(machine.box.orders) == 2
    assert machine.box.orders[1].tid > machine.box.orders[0].tid


def test_tests_and_displays_need_no_key_and_no_module(machine: RemoteMachine) -> None:
    answer: Answer = machine.do(ask("test", tests=("SGC",)), "a")
    assert answer.outcome is Outcome.DONE
    assert len(answer.data["token"]) == 20
    assert not machine.box.orders


def test_what_the_module_cannot_make_is_said_before_anybody_waits(machine: RemoteMachine) -> None:
    waiting = machine.do(ask("extended-set", index=3, value=5), "a")
    refused = machine.do(decide(waiting.data["act"]), "a/approve")
    assert refused.code == "act-not-possible"
    assert not machine.box.orders


def test_a_token_that_is_good_by_the_data_on_file_is_not_replaced(machine: RemoteMachine) -> None:
    machine.accept(buy(20_000), "b")
    machine.settle()
    made = machine.made(machine.box.orders[0])
    machine.report(machine.box.orders[0], "made", tokens=made)
    refused = machine.do(ask("replacement", token=made[0].digits), "r")
    assert refused.code == "act-not-possible"
    assert "good for the data on file" in str(refused.args["why"])


def test_a_replacement_that_nobody_can_use_twice(machine: RemoteMachine) -> None:
    """Two people replace one token side by side: the second comes too late, with its token made.

    Nobody gets that token, and it stands in the module's log without a cause.
    """
    machine.do(pay(10_000), "p2")
    machine.accept(buy(20_000), "b")
    machine.settle()
    made = machine.made(machine.box.orders[0])
    machine.report(machine.box.orders[0], "made", tokens=made)
    with machine.store.transaction() as tx:  # the data on file were wrong, and are corrected
        tx.run("UPDATE meter SET ti = '02' WHERE drn = :d", d=METER)
    agreed(machine, ask("replacement", token=made[0].digits), "r1")
    order = machine.box.orders[1]
    with machine.store.transaction() as tx:
        tx.insert("token_void", ("token_id", "company", "act_id", "at"), [(1, "demo", 99, 1)])
    machine.report(order, "made", tokens=machine.made(order))
    assert act_row(machine)[0] == "refused"
    assert machine.rows("SELECT count(*) FROM token") == [(1,)]
    assert machine.rows("SELECT sum(made) FROM module_log") == [(2,)]


def test_no_act_is_ordered_while_a_purchase_may_change_the_key(machine: RemoteMachine) -> None:
    machine.accept(buy(20_000), "b")
    machine.settle()
    waiting = machine.do(ask("free-issue", units_tenths=300), "a")
    refused = machine.do(decide(waiting.data["act"]), "a/approve")
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, "act-not-possible")


def test_units_of_an_exchanged_meter_are_moved_once(machine: RemoteMachine) -> None:
    other = [drn_of(71), drn_of(72)]
    for place, drn in enumerate(other):
        phone = PhoneLink(msisdn=f"+2567000000{71 + place}", meter_name="Home")
        machine.do(enrol(f"10007{place}", drn, phone.msisdn, phones=(phone,)), f"e{place}")
    with machine.store.transaction() as tx:
        tx.run("UPDATE meter SET state = 'exchanged' WHERE drn = :d", d=METER)
    move = {"from_meter": METER, "units_tenths": 123}
    first = machine.do(ask("credit-transfer", meter=other[0], **move), "t1")
    second = machine.do(ask("credit-transfer", meter=other[1], **move), "t2")
    asked(machine, decide(first.data["act"]), "t1/approve")
    refused = machine.do(decide(second.data["act"]), "t2/approve")
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, "act-not-possible")
    assert len(machine.box.orders) == 1


def test_one_operators_orders_do_not_wait_for_each_other(machine: RemoteMachine) -> None:
    """They are ordered by the account that they are about, not by who asked."""
    agreed(machine, ask("free-issue", units_tenths=300))
    rows = machine.rows("SELECT partitionkey FROM delivery WHERE handler = 'channel:box'")
    assert rows == [("demo/100001",)]


def test_a_sale_whose_token_came_from_the_module_is_cancelled(machine: RemoteMachine) -> None:
    """Not while the next purchase waits: what that would give back stands upon this sale."""
    state = "SELECT period, units_milli, fixed_through FROM agreement_state"
    before = machine.rows(state)
    bought(machine, 20_000, "b1")
    (order,) = machine.box.orders
    machine.report(order, "made", tokens=machine.made(order))
    _, receipt = machine.sale()
    cancelling = ask("cancel-sale", token=receipt, evidence="returned: number 9 in the store")
    bought(machine, 9_000, "b2")
    assert machine.do(cancelling, "c1").code == "act-not-possible"
    machine.report(machine.box.orders[-1], "refused", code="module_licence")
    waiting = machine.do(cancelling, "c2")
    assert waiting.data["state"] == "requested"
    bought(machine, 9_000, "b3")
    late = machine.do(decide(waiting.data["act"]), "d2")
    assert late.code == "act-not-possible"
    machine.report(machine.box.orders[-1], "refused", code="module_licence")
    again = machine.do(cancelling, "c3").data["act"]
    assert machine.do(decide(again), "d3").outcome is Outcome.DONE
    assert machine.rows(state) == before
    assert machine.account() == (100_000, 0)
    balanced(machine)
