"""No free units of a month twice, and nobody entitles to more of them alone than he may."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.messages import Answer, ClaimFreeUnits, EndFreeUnits, GiveFreeUnits, Outcome
from tests.hub.acting import acting, ask, decide
from tests.hub.machine import METER, PHONE, Machine
from tests.hub.sales import change, refused, set_clock
from tests.hub.test_free_units import claim, entitled, given, proved

GIVE = GiveFreeUnits(operator="mary", meter=METER, tenths=150, reason="poor household 118")
END = EndFreeUnits(operator="mary", meter=METER, reason="by mistake")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = acting(tmp_path, help_line="0800", languages=("en",))
    set_clock(made, "2026-11-21T09:00:00")
    return made


def ended(machine: Machine, key: str) -> Answer:
    answer = machine.do(END, key)
    assert answer.outcome is Outcome.DONE, answer
    return answer


# --- the month ------------------------------------------------------------------------------------


def test_ending_and_giving_again_opens_no_month_again(machine: Machine) -> None:
    entitled(machine)
    given(machine, "c1")
    for turn in ("again", "and again"):  # the second time only an ended one was claimed
        ended(machine, f"end {turn}")
        entitled(machine, f"give {turn}", unclaimed="cumulate", cap_months=3)
        assert refused(claim(machine, f"c {turn}"), "free-units-taken")["month"] == "2026-11"
    set_clock(machine, "2026-12-02T09:00:00")
    assert given(machine, "c2")["months"] == ["2026-12", "2026-12"]
    assert not proved(machine)


def test_nor_within_one_batch(machine: Machine) -> None:
    entitled(machine)
    messages = [ClaimFreeUnits(phone=PHONE), END, GIVE, ClaimFreeUnits(phone=PHONE)]
    for number, message in enumerate(messages):
        machine.accept(message, f"m{number}")
    machine.settle()
    assert machine.rows("SELECT claimed_through, ended_at > 0 FROM entitlement ORDER BY id") == [
        (202611, True),
        (202611, False),
    ]
    assert machine.rows("SELECT count(*) FROM free_claim") == [(1,)]


def test_a_month_that_was_given_twice_is_found(machine: Machine) -> None:
    entitled(machine)
    given(machine, "c1")
    ended(machine, "end")
    entitled(machine, "give again")
    set_clock(machine, "2026-12-02T09:00:00")
    given(machine, "c2")
    assert not proved(machine)
    change(machine, "UPDATE free_claim SET from_month = 202611 WHERE id = 2")
    (finding,) = proved(machine)
    assert (finding.code, finding.args["cause_id"], finding.args["other"]) == (
        "claim-month-twice", 2, 1,
    )  # fmt: skip
    assert finding.sentence.startswith("Free units 2 of demo: free units 1 of the same agreement")


# --- the second person ----------------------------------------------------------------------------


def asked(machine: Machine, key: str, **changes: Any) -> int:
    """More than Mary may give alone: it waits. The act's number."""
    answer = machine.do(replace(GIVE, tenths=300, **changes), key)
    assert (answer.outcome, answer.data["state"]) == (Outcome.DONE, "requested"), answer
    return int(answer.data["act"])


def test_above_what_one_may_give_alone_another_person_decides(machine: Machine) -> None:
    months = {"from_month": 202611, "to_month": 202701}
    rule: dict[str, Any] = {"unclaimed": "cumulate", "cap_months": 2, "in_blocks": True}
    act = asked(machine, "give", **months, **rule)
    assert machine.rows("SELECT count(*) FROM entitlement") == [(0,)]
    refused(claim(machine, "c1"), "no-entitlement")
    refused(machine.do(decide(act, operator="mary"), "own"), "act-same-person")
    assert machine.do(decide(act), "yes").data["state"] == "done"
    columns = "tenths, from_month, to_month, unclaimed, cap_months, in_blocks, operator, reason"
    assert machine.rows(f"SELECT {columns} FROM entitlement") == [
        (300, 202611, 202701, "cumulate", 2, 1, "mary", "poor household 118")
    ]
    assert given(machine, "c2")["units_tenths"] == 300
    refused(machine.do(decide(act), "once more"), "act-not-open")
    assert not proved(machine)


def test_what_is_rejected_gives_nothing(machine: Machine) -> None:
    act = asked(machine, "give")
    assert machine.do(decide(act, "reject"), "no").data["state"] == "rejected"
    assert machine.rows("SELECT count(*) FROM entitlement") == [(0,)]


def test_of_two_that_wait_one_is_carried_out(machine: Machine) -> None:
    first, second = asked(machine, "one"), asked(machine, "two")
    assert machine.do(decide(first), "yes").outcome is Outcome.DONE
    assert machine.do(decide(second), "and yes").code == "entitlement-exists"
    assert machine.rows("SELECT count(*) FROM entitlement") == [(1,)]


def test_a_second_persons_yes_opens_no_month_either(machine: Machine) -> None:
    entitled(machine)
    given(machine, "c1")
    ended(machine, "end")
    machine.do(decide(asked(machine, "give again")), "yes")
    refused(claim(machine, "c2"), "free-units-taken")


def test_they_count_in_the_operators_day_together_with_what_is_issued(machine: Machine) -> None:
    """Mary may give away 100 units a day."""
    machine.do(ask("free-issue", units_tenths=800), "issue")
    entitled(machine)
    ended(machine, "end")
    over = refused(machine.do(GIVE, "more"), "act-over-limit")
    assert (over["wanted"], over["most"]) == (1_100, 1_000)
    set_clock(machine, "2026-11-22T09:00:00")
    entitled(machine, "next day")


def test_asked_for_as_an_act_it_is_the_same(machine: Machine) -> None:
    answer = machine.do(ask("entitlement", units_tenths=100), "act")
    assert (answer.data["state"], "token" in answer.data) == ("done", False)
    assert given(machine, "c1")["units_tenths"] == 100
    wrong = machine.do(ask("entitlement", units_tenths=100, cap_months=2), "wrong")
    refused(wrong, "entitlement-wrong")
