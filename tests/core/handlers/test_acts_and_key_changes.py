"""Operators' acts for a meter whose key changes: what is replaced, and with which set."""

from pathlib import Path

import pytest

from core.messages import ConfirmKeyChange, FailKeyChange
from core.messages.vending import Recipient
from core.queries.key_changes import old_tokens
from core.sts.meter_state import Result
from tests.hub.acting import OPERATORS, approved, ask, decide, sold, whole
from tests.hub.key_changes import campaigned, coded, move_in, take_all, terms, wanted
from tests.hub.machine import METER, PHONE, Machine, buy, fresh_sqlite
from tests.hub.sales import change, refused

KNOWN = ConfirmKeyChange(meter=METER, how="read-out", operator="mary", reason="job 17")
FAILED = FailKeyChange(meter=METER, operator="mary", reason="the meter refuses the set")
NOBODY_SAW = "the customer says that he did not use it"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A household whose meter's key shall change at its next purchase."""
    machine = Machine(fresh_sqlite(tmp_path), terms=terms(operators=OPERATORS))
    move_in(machine, coded())
    return machine


def test_a_token_of_before_is_not_replaced_because_the_key_has_changed(machine: Machine) -> None:
    """Every older token is unreadable under the new key, those that were keyed in too."""
    before = sold(machine, 5_000, "before")
    campaigned(machine, wanted(operator="mary"), "need")
    sold(machine, 20_000, "first")
    again = ask("replacement", token=before["receipt"])
    no = machine.do(again, "a1")
    refused(no, "act-not-possible")
    assert "confirm or fail" in str(no.args)
    machine.do(KNOWN, "known")
    said = ask("replacement", token=before["receipt"], evidence=NOBODY_SAW)
    refused(machine.do(said, "a2"), "act-evidence-missing")
    assert approved(machine, again, "a3").data["units_tenths"] == before["units_tenths"]
    with machine.store.reader() as reader:
        assert old_tokens(reader, "demo", METER) == [], "a void token is not offered again"
    whole(machine)


def test_a_token_of_a_change_that_failed_is_replaced_when_it_was_never_taken(
    machine: Machine,
) -> None:
    campaigned(machine, wanted(operator="mary"), "need")
    first = sold(machine, 20_000, "first")
    machine.do(FAILED, "failed")
    said = ask("replacement", token=first["receipt"], evidence=NOBODY_SAW)
    refused(machine.do(said, "a1"), "act-evidence-missing")
    answer = approved(machine, ask("replacement", token=first["receipt"]), "a2")
    assert coded().enter(answer.data["token"], machine.time.at_us).result is Result.ACCEPT
    whole(machine)


def test_a_set_that_is_printed_in_the_same_batch_counts(machine: Machine) -> None:
    """The act waited for its second person while nothing was printed yet."""
    before = sold(machine, 5_000, "before")
    change(
        machine, "UPDATE meter SET ti = '02'"
    )  # wrong data on file: a reason to ask for new digits
    waiting = machine.do(ask("replacement", token=before["receipt"], evidence="a call"), "a1")
    change(machine, "UPDATE meter SET ti = '01'")
    campaigned(machine, wanted(operator="mary"), "need")
    heard = [machine.accept(buy(20_000), "b"), machine.accept(decide(waiting.data["act"]), "d")]
    machine.settle()
    refused(machine.answer(heard[1][0].message_id), "act-not-possible")


def test_a_token_comes_with_the_set_that_is_out(machine: Machine) -> None:
    """Settings, units and copies alike are under the new key, which may not be in the meter yet."""
    before = sold(machine, 5_000, "before")
    campaigned(machine, wanted(operator="mary"), "need")
    first = sold(machine, 20_000, "first")
    told = (Recipient(way="sms", address=PHONE),)
    meter = coded()
    acts = [
        ask("compensation", units_tenths=10, reply=told),
        ask("power-limit", watts=5_000, reply=told),
        ask("reprint", token=first["receipt"], reply=told),
    ]
    for number, request in enumerate(acts):
        wait = machine.do(request, f"a{number}")
        done = wait if "token" in wait.data else machine.do(decide(wait.data["act"]), f"d{number}")
        assert done.data["kct"] == first["kct"], request.kind
        notice = machine.channel.sent[-1].message
        assert notice.args["kct"] == first["kct"]  # type: ignore[attr-defined]
        fresh = coded()
        assert take_all(fresh, done, machine.time.at_us)[-1] is Result.ACCEPT
    old = machine.do(ask("reprint", token=before["receipt"]), "old")
    assert "kct" not in old.data, "it goes in before the set"
    assert meter.enter(old.data["token"], machine.time.at_us).result is Result.ACCEPT
    machine.do(KNOWN, "known")
    after = machine.do(ask("compensation", units_tenths=10), "after")
    assert "kct" not in after.data
    whole(machine)
