"""Who may ask, who may agree, how much in a day, for how long; and that nothing is made twice."""

from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest

from core.company import Operator
from core.messages import DecideTokenAct, Outcome, RequestTokenAct
from core.store.tx import TransientStoreError
from core.vending.act_kinds import CAMPAIGN, CANCEL, ENTITLEMENT, KEY_CHANGE, KINDS, Role, Two
from core.vending.act_steps import STEPS
from hub import failpoints, inbox
from tests.hub.acting import ALL, OPERATORS, acting, ask, decide, sold, whole
from tests.hub.machine import METER, Machine
from tests.hub.sales import change, refused, set_clock

HOUR_US = 3_600_000_000
ALWAYS = [
    ask("clear-credit"),
    ask("clear-tamper"),
    ask("extended-set", index=1, value=1),
    ask("water-factor", value=2),
]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return acting(tmp_path)


def test_the_table_of_kinds_and_the_table_of_steps_are_one_list() -> None:
    assert KINDS.keys() - {CAMPAIGN} == STEPS.keys(), "a campaign is about no meter"


@pytest.mark.parametrize("name", sorted(KINDS))
def test_what_is_worth_money_is_asked_for_by_a_supervisor(name: str) -> None:
    kind = KINDS[name]
    worth = bool(kind.limit or kind.ledger) or kind.cause == "replacement"
    assert not worth or kind.role is Role.SUPERVISOR
    assert not worth or kind.two in (Two.ALWAYS, Two.ABOVE)
    none = {"reprint", "give-up-order", KEY_CHANGE, CAMPAIGN, ENTITLEMENT, CANCEL}
    assert bool(kind.cause) is (name not in none), "each token has a cause; a copy is no token"


@pytest.mark.parametrize("request_", ALWAYS, ids=lambda r: r.kind)
def test_the_same_person_cannot_approve(machine: Machine, request_: RequestTokenAct) -> None:
    act = machine.do(request_, "a1").data["act"]
    refused(machine.do(decide(act, operator="mary"), "a2"), "act-same-person")
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]
    assert machine.do(decide(act, operator="peter"), "a3").outcome == Outcome.DONE
    assert machine.rows("SELECT operator, approver, state, note FROM token_act") == [
        ("mary", "peter", "done", "seen")
    ]
    whole(machine)


def test_an_operator_without_the_role_neither_asks_nor_approves(machine: Machine) -> None:
    refused(machine.do(ask("free-issue", units_tenths=1, operator="peter"), "a1"), "act-no-role")
    refused(machine.do(ask("free-issue", units_tenths=1, operator="eve"), "a2"), "operator-unknown")
    act = machine.do(ask("clear-credit"), "a3").data["act"]
    refused(machine.do(decide(act, operator="desk"), "a4"), "act-no-role")
    refused(machine.do(decide(act, "reject", "desk"), "a5"), "act-no-role")
    refused(machine.do(decide(act, operator="eve"), "a6"), "operator-unknown")
    assert machine.rows("SELECT state FROM token_act") == [("requested",)]


@pytest.mark.parametrize("operator", ["peter", "mary"])
def test_the_second_rejects_and_the_first_takes_back(machine: Machine, operator: str) -> None:
    act = machine.do(ask("clear-credit"), "a1").data["act"]
    silent = DecideTokenAct(operator=operator, act=act, decision="reject")
    refused(machine.do(silent, "a2"), "act-wrong")
    assert machine.do(decide(act, "reject", operator), "a3").data["state"] == "rejected"
    refused(machine.do(decide(act), "a4"), "act-not-open")
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]


@pytest.mark.parametrize("decision", ["confirm", "fail"])
def test_only_what_was_issued_is_confirmed(machine: Machine, decision: str) -> None:
    act = machine.do(ask("clear-credit"), "a1").data["act"]
    refused(machine.do(decide(act, decision), "a2"), "act-not-open")
    refused(machine.do(decide(act, "maybe"), "a3"), "act-wrong")
    refused(machine.do(decide(99), "a4"), "act-unknown")


def test_a_request_expires_to_the_microsecond(machine: Machine) -> None:
    acts = [machine.do(ask("clear-credit"), f"a{n}").data["act"] for n in (1, 2)]
    expiries = [row[0] for row in machine.rows("SELECT expires FROM token_act ORDER BY id")]
    first = machine.accept(decide(acts[0]), "d1")
    machine.intake.step()
    machine.time.at_us = expiries[0] + HOUR_US
    machine.settle()
    refused(machine.answer(first[0].message_id), "act-expired")
    assert machine.rows("SELECT state FROM token_act ORDER BY id") == [("expired",), ("requested",)]
    refused(machine.do(decide(acts[0]), "d2"), "act-not-open")
    machine.time.at_us = expiries[1] - 1_000
    assert machine.do(decide(acts[1]), "d3").outcome == Outcome.DONE
    whole(machine)


# --- limits of the day ---------------------------------------------------------------------------


def test_free_units_per_day_begin_anew_at_midnight_of_the_zone(machine: Machine) -> None:
    """Mary may give 100 kWh a day; Kampala's midnight is 21:00 UTC of the day before."""
    set_clock(machine, "2026-11-21T23:50:00")
    for n in range(5):
        assert machine.do(ask("free-issue", units_tenths=200), f"a{n}").outcome == Outcome.DONE
    args = refused(machine.do(ask("compensation", units_tenths=1), "b1"), "act-over-limit")
    assert (args["wanted"], args["most"]) == (1_001, 1_000)
    set_clock(machine, "2026-11-21T23:59:59")
    refused(machine.do(ask("free-issue", units_tenths=1), "b2"), "act-over-limit")
    set_clock(machine, "2026-11-22T00:00:00")
    assert machine.do(ask("free-issue", units_tenths=200), "b3").outcome == Outcome.DONE
    whole(machine)


def test_what_waits_counts_and_what_was_rejected_does_not(machine: Machine) -> None:
    act = machine.do(ask("free-issue", units_tenths=1_000), "a1").data["act"]
    refused(machine.do(ask("free-issue", units_tenths=1), "a2"), "act-over-limit")
    machine.do(decide(act, "reject"), "a3")
    assert machine.do(ask("free-issue", units_tenths=1), "a4").outcome == Outcome.DONE


def test_acts_of_one_batch_count_together(machine: Machine) -> None:
    sale = sold(machine)
    copy = ask("reprint", token=sale["token"], operator="desk")
    heard = [machine.accept(copy, f"a{n}") for n in range(3)]
    machine.settle()
    answers = [machine.answer(each[0].message_id) for each in heard]
    assert [answer.code for answer in answers] == ["ok", "ok", "act-over-limit"]


def test_a_refund_counts_in_money(tmp_path: Path) -> None:
    operators = {**OPERATORS, "mary": Operator(ALL, refund_per_day=5_000)}
    machine = acting(tmp_path)
    machine.worker.batch.terms = {"demo": changed(machine.terms, operators=operators)}
    units = sold(machine)["units_tenths"]
    args = refused(machine.do(ask("refund", units_tenths=units), "a1"), "act-over-limit")
    assert args["most"] == 5_000 < args["wanted"]
    assert machine.do(ask("refund", units_tenths=10), "a2").data["state"] == "requested"


def test_an_operator_of_whom_nothing_is_said_gives_nothing(tmp_path: Path) -> None:
    machine = acting(tmp_path)
    machine.worker.batch.terms = {"demo": changed(machine.terms, operators={"mary": Operator(ALL)})}
    refused(machine.do(ask("free-issue", units_tenths=1), "a1"), "act-over-limit")


# --- evidence, words, numbers --------------------------------------------------------------------

WRONG = [
    (ask("free-beer"), "act-wrong"),
    (ask("test", reason="  "), "act-wrong"),
    (ask("test", reason="x" * 501), "act-wrong"),
    (ask("test", tests=("smell",)), "act-wrong"),
    (ask("power-limit", watts=0), "act-wrong"),
    (ask("tariff-rate", value=65_536), "act-wrong"),
    (ask("extended-set", index=64, value=0), "act-wrong"),
    (ask("extended-set", index=0, value=1_024), "act-wrong"),
    (ask("clear-credit", register="beer"), "act-wrong"),
    (ask("clear-tamper", fee=-1), "act-wrong"),
    (ask("reprint"), "act-wrong"),
    (ask("reallocation", token="1" * 20), "act-wrong"),
    (ask("credit-transfer", units_tenths=1, from_meter=METER), "act-wrong"),
    (ask("clear-credit", evidence=""), "act-evidence-missing"),
    (ask("refund", units_tenths=1, evidence=" "), "act-evidence-missing"),
    (ask("credit-transfer", units_tenths=1, from_meter="1", evidence="x"), "act-evidence-missing"),
    (ask("reprint", token="DP-00000099"), "act-token-unknown"),
    (ask("test", meter="04123456785"), "meter-check-digit"),
    (ask("test", meter="0412"), "meter-length"),
    (ask("test", meter="04123456792"), "meter-unknown"),
]


@pytest.mark.parametrize(("request_", "code"), WRONG)
def test_what_is_wrong_is_said_and_leaves_nothing(
    machine: Machine, request_: RequestTokenAct, code: str
) -> None:
    refused(machine.do(request_, "a1"), code)
    assert machine.rows("SELECT count(*) FROM token_act") == [(0,)]
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [("sgc", "'999999'", "key-missing"), ("ea", "9", "act-not-possible")],
)
def test_a_meter_that_no_key_or_algorithm_fits(
    machine: Machine, column: str, value: str, code: str
) -> None:
    change(machine, f"UPDATE meter SET {column} = {value}")
    refused(machine.do(ask("tariff-rate", value=1), "a1"), code)
    refused(machine.do(ask("free-issue", units_tenths=1), "a2"), code)
    assert machine.do(ask("test"), "a3").outcome == Outcome.DONE, "class 1 works on any meter"
    whole(machine)


def test_a_meter_takes_no_more_than_it_can(machine: Machine) -> None:
    change(machine, "UPDATE meter SET max_credit_tenths = 99")
    refused(machine.do(ask("free-issue", units_tenths=100), "a1"), "act-not-possible")


# --- once and only once --------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["worker.before-decide", "worker.before-commit"])
def test_a_batch_that_is_run_again_makes_one_token(
    machine: Machine, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = machine.do(ask("clear-credit"), "a1").data["act"]
    left = [2]

    def fail(name: str) -> None:
        if name == point and left[0]:
            left[0] -= 1
            raise TransientStoreError("the connection is lost")

    monkeypatch.setattr(failpoints, "hit", fail)
    answer = machine.do(decide(act), "a2")
    assert left == [0]
    assert machine.rows("SELECT digits FROM token") == [(answer.data["token"],)]
    whole(machine)


def test_a_repeat_under_its_key_gets_the_same_digits(machine: Machine) -> None:
    request = ask("tariff-rate", value=3)
    first, again = machine.do(request, "a1"), machine.do(request, "a1")
    assert first == again
    assert machine.rows("SELECT count(*) FROM token") == [(1,)]
    whole(machine)


def test_two_approvals_of_one_act_make_one_token(machine: Machine) -> None:
    operators = {**OPERATORS, "paul": OPERATORS["peter"]}
    machine.worker.batch.terms = {"demo": changed(machine.terms, operators=operators)}
    act = machine.do(ask("clear-credit"), "a1").data["act"]
    heard = [machine.accept(decide(act, operator=n), n) for n in ("peter", "paul")]
    machine.settle()
    codes = [machine.answer(each[0].message_id).code for each in heard]
    assert codes == ["ok", "act-not-open"]
    whole(machine)


def test_acts_of_another_company_are_not_there(machine: Machine) -> None:
    act = machine.do(ask("clear-credit"), "a1").data["act"]
    change(machine, "UPDATE token_act SET company = 'other'")
    refused(machine.do(decide(act), "a2"), "act-unknown")


def test_an_act_in_trouble_is_replayed_but_not_put_in_other_words(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(inbox, "RETRY_AFTER_S", ())
        patched.setattr("core.vending.act_carry.tell", None)
        accepted = machine.accept(ask("tariff-rate", value=3), "a1")
        machine.settle()
    assert machine.rows("SELECT count(*) FROM token") == [(0,)]
    heard: list[Any] = []
    edit = {
        "ids": [accepted[0].message_id],
        "data": {"operator": "eve"},
        "reason": "x",
        "actor": "x",
    }
    machine.desk.edit(edit).addErrback(heard.append)
    machine.chores.step()
    assert "ask for it again" in str(heard[0].value)
    machine.desk.replay({"ids": [accepted[0].message_id], "actor": "x"})
    machine.settle()
    assert machine.answer(accepted[0].message_id).outcome == Outcome.DONE
    whole(machine)
