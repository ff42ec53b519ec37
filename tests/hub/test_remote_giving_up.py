"""An order that only people can end: two of them give it up, and everything goes back."""

from pathlib import Path

import pytest

from core.messages import Outcome
from tests.hub.acting import OPERATORS, ask, decide
from tests.hub.machine import buy, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms
from tests.hub.test_remote_acts import act_row, agreed, asked
from tests.hub.test_remote_sales import balanced, bought, stored


@pytest.fixture
def machine(tmp_path: Path) -> RemoteMachine:
    made = RemoteMachine(fresh_sqlite(tmp_path), remote_terms(operators=OPERATORS))
    made.open_account(100_000)
    return made


def stuck(machine: RemoteMachine) -> str:
    """A purchase whose order is undecided; its message."""
    message_id = bought(machine)
    machine.report(machine.box.orders[-1], "doubtful")
    machine.report(machine.box.orders[-1], "undecided")
    return message_id


def test_two_people_give_the_money_back(machine: RemoteMachine) -> None:
    message_id = stuck(machine)
    asked(machine, ask("give-up-order", value=1), "g")
    assert machine.account() == (100_000, 20_000)
    done = machine.do(decide(1), "g/approve")
    assert (done.outcome, done.data["state"]) == (Outcome.DONE, "done")
    assert machine.account() == (100_000, 0)
    assert machine.sale() == ("failed", None)
    assert machine.rows("SELECT state, code FROM token_order") == [("given-up", "act 1")]
    answer = stored(machine, message_id)
    assert answer is not None
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "module-refused")
    assert machine.told()[-1] == "sale-failed"
    bought(machine, key="b2")  # and he can buy again
    assert len(machine.box.orders) == 2
    balanced(machine)


def test_a_token_that_comes_after_that_is_nobodys_and_in_the_log(machine: RemoteMachine) -> None:
    stuck(machine)
    agreed(machine, ask("give-up-order", value=1), "g")
    order = machine.box.orders[0]
    machine.report(order, "made", tokens=machine.made(order))
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]
    assert machine.rows("SELECT made FROM module_log") == [(1,)]  # the proof finds it
    assert machine.account() == (100_000, 0)
    balanced(machine)


def test_what_the_module_may_still_end_is_not_given_up(machine: RemoteMachine) -> None:
    bought(machine)
    machine.report(machine.box.orders[0], "doubtful")
    refused = machine.do(ask("give-up-order", value=1), "g")
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, "act-not-possible")


def test_what_was_decided_by_itself_in_between_stays(machine: RemoteMachine) -> None:
    stuck(machine)
    waiting = machine.do(ask("give-up-order", value=1), "g")
    order = machine.box.orders[0]
    machine.report(order, "made", tokens=machine.made(order))
    refused = machine.do(decide(waiting.data["act"]), "g/approve")
    assert refused.code == "act-not-possible"
    assert machine.sale()[0] == "issued"
    balanced(machine)


def test_an_act_is_given_up_too(machine: RemoteMachine) -> None:
    agreed(machine, ask("free-issue", units_tenths=300), "f")
    machine.report(machine.box.orders[0], "doubtful")
    machine.report(machine.box.orders[0], "wrong", detail="drn: asked 1, got 2")
    agreed(machine, ask("give-up-order", value=1), "g")
    rows = machine.rows("SELECT kind, state FROM token_act ORDER BY id")
    assert rows == [("free-issue", "refused"), ("give-up-order", "done")]
    assert act_row(machine)[0] == "done"
    machine.accept(buy(20_000), "b")
    machine.settle()
    assert len(machine.box.orders) == 2


def test_it_is_the_order_that_the_evidence_is_about(machine: RemoteMachine) -> None:
    agreed(machine, ask("free-issue", units_tenths=300), "f")
    machine.report(machine.box.orders[0], "doubtful")
    machine.report(machine.box.orders[0], "wrong", detail="drn: asked 1, got 2")
    waiting = machine.do(ask("give-up-order", value=1), "g")
    bought(machine)  # the sale's order, number 2, is undecided by the time of the approval
    machine.report(machine.box.orders[1], "doubtful")
    machine.report(machine.box.orders[1], "undecided")
    machine.do(decide(waiting.data["act"]), "g/approve")
    assert machine.rows("SELECT id, state FROM token_order ORDER BY id") == [
        (1, "given-up"),
        (2, "undecided"),
    ]
    assert machine.account() == (100_000, 20_000)
