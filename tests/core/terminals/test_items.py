"""Sales and payments at terminals: booked once, taken back, barred, kept."""

from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from tests.core.agents.shop import agreed as approved
from tests.core.agents.shop import ask, float_of, no, opened, shop, shop_terms, yes
from tests.core.agents.test_cancelled import BOTH, cancel, cancelling
from tests.core.agents.test_cancelled import _yes as cancelled
from tests.core.collection.desk import act as money_act
from tests.core.collection.desk import yes as money_yes
from tests.core.terminals.till import (
    HOUR_US,
    agreed,
    back,
    cases,
    do,
    done,
    item,
    paid,
    registered,
    settling,
    shop_with_terminal,
    slip,
    sold,
    terminal_act,
    today,
    totals,
    whole,
)
from tests.hub.machine import METER, Machine, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return shop_with_terminal(tmp_path, commission="own")


def test_a_sale_and_a_payment_stand_with_what_they_are(machine: Machine) -> None:
    sale = done(machine, sold(machine, 1))
    payment = done(machine, paid(machine, 2, 3_000))
    rows = machine.rows(
        "SELECT i.kind, i.state, i.amount, COALESCE(s.receipt, p.number), i.batch, b.opened "
        "FROM terminal_item i JOIN terminal_batch b ON b.id = i.batch_id "
        "LEFT JOIN sale s ON i.kind = 'sale' AND s.id = i.about "
        "LEFT JOIN payment p ON i.kind = 'payment' AND p.id = i.about ORDER BY i.id"
    )
    assert rows == [
        ("sale", "booked", 5_000, sale["receipt"], 1, today(machine)),
        ("payment", "booked", 3_000, payment["payment"], 1, today(machine)),
    ]
    whole(machine)


def test_a_no_is_kept_too(machine: Machine) -> None:
    answer = do(machine, sold(machine, 1, 200_000))
    assert answer.code == "float-insufficient"
    assert item(machine, 1) == ("refused", "float-insufficient")
    assert done(machine, back(machine, 1)) == {"state": "refused"}
    whole(machine)


def test_a_number_is_used_once(machine: Machine) -> None:
    done(machine, sold(machine, 1))
    assert no(machine, sold(machine, 1)) == "slip-used"
    assert no(machine, paid(machine, 1)) == "slip-used"
    assert no(machine, sold(machine, 2, 0)) == "tender-not-positive"
    assert no(machine, sold(machine, 2)) == "slip-used"
    whole(machine)


def test_who_may_not(machine: Machine) -> None:
    opened(machine, "A2", money=50_000)
    assert no(machine, sold(machine, 1, agent="A2")) == "terminal-elsewhere"
    wrong = sold(machine, 1)
    strange = type(wrong)(**{**_fields(wrong), "slip": slip(machine, 1, terminal="T9")})
    assert no(machine, strange) == "terminal-unknown"
    for back_, ahead in ((2, "slip-wrong"), (-2, "slip-wrong")):
        old = slip(machine, 1, day=today(machine, back_))
        assert no(machine, type(wrong)(**{**_fields(wrong), "slip": old})) == ahead
    never = slip(machine, 1, day=20_261_341)
    assert no(machine, type(wrong)(**{**_fields(wrong), "slip": never})) == "slip-wrong"
    assert no(machine, sold(machine, 1, 10**30)) == "slip-wrong"
    assert no(machine, sold(machine, 1, batch=10**12)) == "slip-wrong"
    assert no(machine, sold(machine, 1, batch=-1)) == "slip-wrong"
    assert no(machine, back(machine, 1, 10**30)) == "slip-wrong"
    agreed(machine, terminal_act("terminal-block"))
    assert no(machine, sold(machine, 1)) == "terminal-blocked"
    assert done(machine, back(machine, 1)) == {"state": "barred"}
    assert machine.rows("SELECT count(*) FROM sale") == [(0,)]
    whole(machine)


def _fields(message: Any) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


def test_an_agent_with_cashiers_needs_one_at_the_terminal(machine: Machine) -> None:
    agreed(
        machine,
        terminal_act("cashier-add", "", agent="A1", cashier="07", name="Ann", pin_proof="ab" * 32),
    )
    assert no(machine, sold(machine, 1)) == "terminal-signed-off"
    whole(machine)


def test_a_payment_goes_back_with_its_commission(machine: Machine) -> None:
    before = float_of(machine)
    done(machine, paid(machine, 1, 4_000))
    answer = done(machine, back(machine, 1, 4_000))
    assert answer["state"] == "reversed"
    assert float_of(machine) == before
    assert done(machine, back(machine, 1)) == answer
    assert machine.rows("SELECT state FROM payment") == [("reversed",)]
    assert machine.rows("SELECT CAST(sum(gross) AS BIGINT) FROM agent_commission") == [(0,)]
    whole(machine)


def test_money_that_was_spent_is_owed_again(machine: Machine) -> None:
    done(machine, paid(machine, 1, 4_000))
    done(machine, money_act("deposit", deposit="guarantee", amount=3_000))
    assert done(machine, back(machine, 1))["state"] == "reversed"
    assert machine.rows("SELECT code, open FROM open_item") == [("returned", 3_000)]
    whole(machine)


def test_a_payment_that_an_operator_took_back_is_not_taken_back_twice(machine: Machine) -> None:
    payment = done(machine, paid(machine, 1, 4_000))["payment"]
    act = done(machine, money_act("reverse", payment=payment))["act"]
    done(machine, money_yes(act))
    assert item(machine, 1)[0] == "undone"
    before = float_of(machine)
    assert done(machine, back(machine, 1))["state"] == "reversed"
    assert item(machine, 1)[0] == "reversed"
    assert float_of(machine) == before
    whole(machine)


def test_what_operators_took_back_the_terminal_still_counts(tmp_path: Path) -> None:
    """Its totals are of what it did; the float has the money, and the item says why."""
    machine = shop(tmp_path, operators=BOTH)
    opened(machine, money=100_000)
    registered(machine)
    cancel(machine, done(machine, sold(machine, 1, 20_000)))
    payment = done(machine, paid(machine, 2, 4_000))["payment"]
    both = [
        paid(machine, 3, 1_000),
        money_yes(done(machine, money_act("reverse", payment=payment))["act"]),
    ]
    for n, each in enumerate(both):
        machine.accept(each, f"u{n}", "agent/A1")
    machine.settle()
    assert [item(machine, stan)[0] for stan in (1, 2, 3)] == ["undone", "undone", "booked"]
    whole(machine)
    assert done(machine, settling(machine, totals(3, 25_000)))["balanced"]
    whole(machine)


def test_commission_that_was_spent_keeps_the_payment(tmp_path: Path) -> None:
    machine = shop_with_terminal(tmp_path, money=1_000, commission="own")
    done(machine, paid(machine, 1, 10))  # earns 50 and more
    left = float_of(machine)[0]
    approved(machine, ask("withdraw", amount=left, way="cash", desk="HQ"))
    answer = done(machine, back(machine, 1))
    assert answer["state"] == "kept"
    assert item(machine, 1) == ("kept", "float-insufficient")
    assert cases(machine) == [("kept-payment", 10, "open")]
    whole(machine)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_sale_that_operators_cancelled_is_taken_back(tmp_path: Path, at_once: bool) -> None:
    """Its float has the money, and its token is void: nobody keeps the customer's."""
    machine = shop(tmp_path, operators=BOTH)
    opened(machine, money=100_000, commission="own")
    registered(machine)
    sale = done(machine, sold(machine, 1, 20_000))
    if at_once:
        act = done(machine, cancelling(sale))["act"]
        both = [cancelled(act), back(machine, 1)]
        heard = [machine.accept(each, f"c{n}", f"meter/{METER}") for n, each in enumerate(both)]
        machine.settle()
        answer = machine.answer(heard[1][0].message_id).data
    else:
        cancel(machine, sale)
        answer = done(machine, back(machine, 1, 20_000))
    assert answer == {"state": "reversed"}
    assert cases(machine) == []
    assert float_of(machine) == (100_000, 0)
    assert done(machine, settling(machine, totals()))["balanced"]
    whole(machine)


def test_a_cancelled_sale_of_a_settled_batch_is_looked_at(tmp_path: Path) -> None:
    machine = shop(tmp_path, operators=BOTH)
    opened(machine, money=100_000)
    registered(machine)
    sale = done(machine, sold(machine, 1, 20_000))
    assert done(machine, settling(machine, totals(1, 20_000)))["balanced"]
    cancel(machine, sale)
    assert done(machine, back(machine, 1)) == {"state": "kept"}
    assert item(machine, 1) == ("kept", "settled")
    assert cases(machine) == [("kept-token", 20_000, "open")]
    whole(machine)


def test_a_token_that_is_out_is_kept_and_shown_again(machine: Machine) -> None:
    sale = done(machine, sold(machine, 1))
    before = float_of(machine)
    for _ in range(2):
        answer = done(machine, back(machine, 1, 5_000))
        assert (answer["state"], answer["sale"]["token"]) == ("kept", sale["token"])
        assert answer["sale"]["receipt"] == sale["receipt"]
    assert float_of(machine) == before
    assert cases(machine) == [("kept-token", 5_000, "open")]
    whole(machine)


def test_a_reversal_that_comes_first_bars(machine: Machine) -> None:
    before = float_of(machine)
    assert done(machine, back(machine, 1, 5_000)) == {"state": "barred"}
    assert done(machine, back(machine, 1)) == {"state": "barred"}
    assert no(machine, sold(machine, 1)) == "reversed-before"
    assert no(machine, paid(machine, 1)) == "reversed-before"
    assert float_of(machine) == before
    assert machine.rows("SELECT count(*) FROM terminal_item") == [(1,)]
    whole(machine)


def test_what_is_older_than_any_item_is_not_remembered(machine: Machine) -> None:
    old = today(machine, 32)
    assert done(machine, back(machine, 1, day=old)) == {"state": "barred"}
    assert machine.rows("SELECT count(*) FROM terminal_item") == [(0,)]
    assert no(machine, back(machine, 1, day=today(machine, -2))) == "slip-wrong"
    assert no(machine, back(machine, 1, terminal="T9")) == "terminal-unknown"


def test_another_amount_is_another_item(machine: Machine) -> None:
    done(machine, paid(machine, 1, 4_000))
    assert no(machine, back(machine, 1, 3_999)) == "reversal-differs"
    assert no(machine, back(machine, 1, -1)) == "tender-not-positive"
    assert item(machine, 1)[0] == "booked"
    whole(machine)


@pytest.mark.parametrize("order", ["sale first", "reversal first", "payment first"])
def test_both_in_one_batch(machine: Machine, order: str) -> None:
    """Decided on one evolving state, in the order of their arrival."""
    first = paid(machine, 1) if order == "payment first" else sold(machine, 1)
    both = [first, back(machine, 1)]
    if order == "reversal first":
        both.reverse()
    heard = [machine.accept(each, f"{order}{n}", "agent/A1") for n, each in enumerate(both)]
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    states = {"sale first": "kept", "reversal first": "barred", "payment first": "reversed"}
    assert item(machine, 1)[0] == states[order]
    if order == "sale first":
        assert answers[1].data["sale"]["token"] == answers[0].data["token"]
    if order == "reversal first":
        assert answers[1].code == "reversed-before"
    whole(machine)


def test_yesterdays_item_is_taken_back_after_midnight(machine: Machine) -> None:
    day = today(machine)
    done(machine, paid(machine, 1))
    machine.time.at_us += 24 * HOUR_US
    assert done(machine, back(machine, 1, day=day))["state"] == "reversed"
    done(machine, sold(machine, 1))  # the same number on another day is another item
    whole(machine)


# --- a security module on the network ------------------------------------------------------------


@pytest.fixture
def remote(tmp_path: Path) -> RemoteMachine:
    terms = shop_terms()
    ours = {name: getattr(terms, name) for name in ("operators", "collection", "agents")}
    machine = RemoteMachine(fresh_sqlite(tmp_path), remote_terms(**ours))
    machine.open_account()
    opened(machine, money=50_000)
    registered(machine)
    return machine


def order(machine: RemoteMachine) -> Any:
    machine.accept(sold(machine, 1, 20_000), "sale", f"meter/{METER}")
    machine.settle()
    return machine.box.orders[0]


def test_it_waits_and_is_booked_when_the_token_comes(remote: RemoteMachine) -> None:
    asked = order(remote)
    assert item(remote, 1)[0] == "waiting"
    whole(remote)
    remote.report(asked, "made", tokens=remote.made(asked))
    assert item(remote, 1)[0] == "booked"
    assert done(remote, back(remote, 1))["sale"]["token"]
    whole(remote)


def test_taken_back_while_it_waits_and_none_was_made(remote: RemoteMachine) -> None:
    asked = order(remote)
    assert done(remote, back(remote, 1, 20_000)) == {"state": "waiting"}
    assert done(remote, back(remote, 1)) == {"state": "waiting"}
    remote.report(asked, "doubtful")
    whole(remote)
    remote.report(asked, "refused", code="x", detail="no")
    assert item(remote, 1)[0] == "reversed"
    assert float_of(remote) == (50_000, 0)
    assert done(remote, back(remote, 1)) == {"state": "reversed"}
    assert cases(remote) == []
    whole(remote)


def test_taken_back_while_it_waits_and_one_was_made(remote: RemoteMachine) -> None:
    asked = order(remote)
    done(remote, back(remote, 1))
    remote.report(asked, "made", tokens=remote.made(asked))
    assert item(remote, 1) == ("kept", "token")
    assert cases(remote) == [("kept-token", 20_000, "open")]
    answer = done(remote, back(remote, 1))
    assert answer["state"] == "kept"
    assert len(answer["sale"]["token"]) == 20
    assert float_of(remote) == (30_000, 0)
    whole(remote)


def test_none_was_made(remote: RemoteMachine) -> None:
    asked = order(remote)
    remote.report(asked, "refused", code="x", detail="no")
    assert item(remote, 1) == ("failed", "module")
    assert done(remote, back(remote, 1)) == {"state": "refused"}
    assert do(remote, sold(remote, 1)).outcome is Outcome.REFUSED
    whole(remote)


def test_a_terminal_that_became_another_agents_takes_back_what_it_sold_before(
    machine: Machine,
) -> None:
    """The money is the former agent's: his float is locked, and gets it. No settlement has it."""
    opened(machine, "A2", money=20_000)
    done(machine, settling(machine, totals()))
    done(machine, paid(machine, 1, 4_000))
    done(machine, sold(machine, 2))
    former = float_of(machine)
    agreed(machine, terminal_act("terminal-bind", agent="A2"))
    assert done(machine, back(machine, 1, agent="A2"))["state"] == "reversed"
    assert done(machine, back(machine, 2, agent="A2"))["sale"]["token"]
    assert float_of(machine)[0] > former[0]
    assert float_of(machine, "A2") == (20_000, 0)
    whole(machine)


def test_a_terminal_that_has_not_settled_stays_where_it_is(machine: Machine) -> None:
    """Its settlement, and what comes late of its batch, would be another agent's."""
    opened(machine, "A2", money=20_000)
    bind = terminal_act("terminal-bind", agent="A2")
    waiting = done(machine, bind)["act"]
    done(machine, paid(machine, 1, 4_000))
    done(machine, back(machine, 1))
    done(machine, sold(machine, 2))
    assert no(machine, bind) == "terminal-wrong"
    assert no(machine, yes(waiting)) == "terminal-wrong"
    together = [settling(machine, totals(2, 9_000, 1, 4_000)), bind]  # of one batch of ours
    heard = [machine.accept(each, f"b{n}", "agent/A1") for n, each in enumerate(together)]
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert [answer.code for answer in answers] == ["ok", "ok"]
    done(machine, yes(answers[1].data["act"]))
    assert machine.rows("SELECT former_agent_id <> 0, bound_at FROM terminal") == [
        (1, machine.time.at_us)
    ]
    whole(machine)
