"""Free units whose token a security module on the network makes."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.company import Terms
from core.messages import ClaimFreeUnits, EndFreeUnits, GiveFreeUnits, Outcome, SendNotice
from core.messages.vending import Recipient
from core.sts.meter_state import Result
from hub.channel import Accepted
from tests.hub.acting import OPERATORS, decide, meter
from tests.hub.key_changes import NOW, campaigned, wanted
from tests.hub.machine import METER, PHONE, buy, fresh_sqlite
from tests.hub.remote import RemoteMachine, remote_terms
from tests.hub.sales import change, set_clock
from tests.hub.test_remote_sales import balanced, bought, stored

CLAIM = ClaimFreeUnits(phone=PHONE, reply=(Recipient(way="sms", address=PHONE),))


GIVE = GiveFreeUnits(operator="mary", meter=METER, tenths=500, reason="line 118")
END = EndFreeUnits(operator="mary", meter=METER, reason="moved")
MONTH = 202611


def entitled(folder: Path, terms: Terms, **changes: Any) -> RemoteMachine:
    made = RemoteMachine(fresh_sqlite(folder), terms)
    set_clock(made, "2026-11-21T09:00:00")
    made.open_account(100_000)
    act = made.do(replace(GIVE, **changes), "give").data["act"]
    assert made.do(decide(act), "give/approve").outcome is Outcome.DONE
    return made


@pytest.fixture
def machine(tmp_path: Path) -> RemoteMachine:
    return entitled(tmp_path, remote_terms(operators=OPERATORS))


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


# --- the world moves while an order is out --------------------------------------------------------


def outcome(machine: RemoteMachine, message_id: str) -> tuple[str, str]:
    answer = stored(machine, message_id)
    assert answer is not None
    return answer.outcome.value, answer.code


def given_again(machine: RemoteMachine, key: str) -> None:
    """Ended and given anew by two people."""
    ended = machine.do(END, f"{key}/end")
    assert ended.outcome is Outcome.DONE, ended
    act = machine.do(GIVE, f"{key}/give").data["act"]
    assert machine.do(decide(act), f"{key}/approve").data["state"] == "done"


def test_while_a_token_is_on_its_way_the_entitlement_stays(machine: RemoteMachine) -> None:
    assert machine.do(GIVE, "again").code == "entitlement-exists"
    message_id = claimed(machine)
    assert machine.do(END, "end").code == "sale-pending"
    assert machine.do(GIVE, "another").code == "sale-pending"
    machine.report(machine.box.orders[0], "made", tokens=machine.made(machine.box.orders[0]))
    assert outcome(machine, message_id) == ("done", "ok")
    given_again(machine, "later")


def test_what_was_approved_before_waits_for_the_token_too(machine: RemoteMachine) -> None:
    assert machine.do(END, "end").outcome is Outcome.DONE
    act = machine.do(GIVE, "asked").data["act"]
    bought(machine)
    assert machine.do(decide(act), "yes").code == "sale-pending"


@pytest.mark.parametrize("again", [False, True])
def test_the_claim_of_an_ended_entitlement_ends_and_its_month_is_taken(
    machine: RemoteMachine, again: bool
) -> None:
    """As earlier versions left them: the order was out, and nobody was kept from ending."""
    message_id = claimed(machine)
    (order,) = machine.box.orders
    if again:
        change(machine, "UPDATE token_order SET state = 'refused'")
        given_again(machine, "meanwhile")
        change(machine, "UPDATE token_order SET state = 'ordered'")
    else:
        change(machine, "UPDATE entitlement SET ended_at = 1")
    machine.report(order, "made", tokens=machine.made(order))
    assert outcome(machine, message_id) == ("done", "ok")
    assert machine.rows("SELECT state FROM token_order") == [("made",)]
    assert machine.rows("SELECT entitlement_id, through_month FROM free_claim") == [(1, MONTH)]
    if not again:
        assert machine.do(END, "end").code == "entitlement-none"
        act = machine.do(GIVE, "give again").data["act"]
        machine.do(decide(act), "give again/approve")
    assert machine.do(CLAIM, "c2").code == "free-units-taken"
    assert len(machine.box.orders) == 1
    balanced(machine)


def test_of_two_orders_for_a_month_the_second_gives_nothing(machine: RemoteMachine) -> None:
    first = claimed(machine)
    change(machine, "UPDATE token_order SET state = 'refused'")
    given_again(machine, "meanwhile")
    second = claimed(machine, "c2")
    change(machine, "UPDATE token_order SET state = 'ordered'")
    for order in reversed(machine.box.orders):
        machine.report(order, "made", tokens=machine.made(order))
    assert outcome(machine, second) == ("done", "ok")
    assert outcome(machine, first) == ("refused", "free-units-taken")
    assert machine.rows("SELECT entitlement_id FROM free_claim") == [(2,)]
    balanced(machine)


@pytest.mark.parametrize("state", ["refused", "ordered"])
def test_a_meter_that_went_to_somebody_else_gets_nothing(
    machine: RemoteMachine, state: str
) -> None:
    message_id = claimed(machine)
    change(machine, "UPDATE entitlement SET agreement_id = agreement_id + 7")
    (order,) = machine.box.orders
    if state == "refused":
        machine.report(order, "refused", code="module_range")
        assert outcome(machine, message_id) == ("refused", "module-refused")
        return
    machine.report(order, "made", tokens=machine.made(order))
    assert outcome(machine, message_id) == ("refused", "agreement-missing")
    assert machine.rows("SELECT count(*) FROM free_claim") == [(0,)]


# --- keys and months ------------------------------------------------------------------------------


def test_the_set_whose_printing_it_uses_up_is_shown(tmp_path: Path) -> None:
    terms = remote_terms(key_changes={NOW: "do"}, operators=OPERATORS, repeat_minutes=0)
    machine = entitled(tmp_path, terms)
    campaigned(machine, wanted(operator="peter"), "n")
    bought(machine)
    made = machine.made(machine.box.orders[0])
    machine.report(machine.box.orders[0], "made", tokens=made)
    assert machine.rows("SELECT state, issued FROM key_change") == [("issued", 1)]
    message_id = claimed(machine)
    assert machine.rows("SELECT issued FROM key_change") == [(2,)]
    order = machine.box.orders[1]
    machine.report(order, "made", tokens=machine.made(order))
    answer = stored(machine, message_id)
    assert answer is not None
    assert answer.data["kct"] == [token.digits for token in made[:-1]]
    told = machine.channel.sent[-1].message
    assert isinstance(told, SendNotice)
    assert told.args["kct"] == answer.data["kct"]


def test_it_counts_in_the_blocks_of_its_own_month(tmp_path: Path) -> None:
    """Asked for before midnight, made after it."""
    machine = entitled(tmp_path, remote_terms(operators=OPERATORS), in_blocks=True)
    set_clock(machine, "2026-11-30T23:59:00")
    claimed(machine)
    set_clock(machine, "2026-12-01T00:01:00")
    machine.report(machine.box.orders[0], "made", tokens=machine.made(machine.box.orders[0]))
    state = "SELECT period, units_milli FROM agreement_state"
    assert machine.rows(state) == [(202611, 50_000)]
    bought(machine)
    (units,) = machine.rows("SELECT units_tenths FROM sale")
    assert machine.rows(state) == [(202612, units[0] * 100)]


def test_behind_the_agreements_month_it_counts_in_that(tmp_path: Path) -> None:
    machine = entitled(tmp_path, remote_terms(operators=OPERATORS), in_blocks=True)
    set_clock(machine, "2026-11-30T23:59:00")
    claimed(machine)
    change(machine, "UPDATE agreement_state SET period = 202612, units_milli = 1000")
    machine.report(machine.box.orders[0], "made", tokens=machine.made(machine.box.orders[0]))
    assert machine.rows("SELECT period, units_milli FROM agreement_state") == [(202612, 51_000)]
