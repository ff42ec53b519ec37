"""Another key for meters is an act of two people: one meter's, or a campaign's group."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from core.company import Operator
from core.messages import Answer, DecideTokenAct, NeedKeyChange, Outcome, RequestTokenAct
from core.sts.meter_state import Result
from tests.hub.key_changes import (
    NOW,
    OLD,
    agreed,
    change,
    coded,
    move_in,
    set_tokens,
    take_all,
    terms,
    wanted,
)
from tests.hub.machine import METER, Machine, buy, fresh_sqlite
from tests.hub.sales import refused

SECOND = "second-person"
HOUR_US = 3_600_000_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path), terms=terms())
    move_in(machine, coded())
    return machine


def single(**changes: Any) -> RequestTokenAct:
    """Dora asks for revision 2 for the one meter."""
    values = {"operator": "dora", "kind": "key-change", "meter": METER, "reason": "moved house"}
    return RequestTokenAct(**{**values, "sgc": NOW, "krn": 2, **changes})


def campaign(**changes: Any) -> RequestTokenAct:
    """Dora asks for the campaign of ``wanted``."""
    values = {"kind": "campaign", "meter": "", "campaign": "c1", "from_sgc": NOW, "from_krn": 1}
    return single(**{**values, **changes})


def decided(machine: Machine, act: int, operator: str = "bob", how: str = "approve") -> Answer:
    yes = DecideTokenAct(operator=operator, act=act, decision=how, note="seen")
    return machine.do(yes, f"{how} {act} {operator}")


def changes(machine: Machine) -> int:
    return int(machine.rows("SELECT count(*) FROM key_change")[0][0])


def test_one_meter_by_two_people(machine: Machine) -> None:
    waits = machine.do(single(), "ask")
    assert (waits.data["state"], changes(machine)) == ("requested", 0)
    done = decided(machine, waits.data["act"])
    assert (done.outcome, done.data["state"]) == (Outcome.DONE, "done")
    assert "token" not in done.data, "the next sale makes the set"
    row = change(machine)
    assert (row["state"], row["operator"], row["campaign"]) == ("needed", "dora", "")
    meter = coded()
    sale = machine.do(buy(20_000), "b")
    assert take_all(meter, sale, machine.time.at_us)[-1] is Result.ACCEPT
    assert (meter.look()["krn"], len(set_tokens(machine))) == (2, len(sale.data["kct"]))


def test_nobody_approves_himself(tmp_path: Path) -> None:
    both = frozenset({"vending-supervisor", "vending-approver"})
    roster = {**terms().operators, "eve": Operator(both)}
    machine = Machine(fresh_sqlite(tmp_path), terms=terms(operators=roster))
    move_in(machine, coded())
    act = machine.do(single(operator="eve"), "ask").data["act"]
    refused(decided(machine, act, "eve"), "act-same-person")
    refused(decided(machine, act, "carol"), "act-no-role")
    refused(machine.do(single(operator="bob"), "bob asks"), "act-no-role")
    assert changes(machine) == 0


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"krn": 1}, "key-change-same"),
        ({"sgc": "999999"}, "key-missing"),
        ({"sgc": OLD}, "key-change-impossible"),
        ({"krn": 0}, "act-wrong"),
        ({"sgc": "20145"}, "act-wrong"),
        ({"ti": "x"}, "act-wrong"),
        ({"kt": 7}, "act-wrong"),
        ({"campaign": "c1"}, "act-wrong"),
        ({"meter": "04123456792"}, "meter-unknown"),
        ({"kind": "campaign"}, "act-wrong"),
        ({"kind": "campaign", "campaign": "c" * 65, "from_sgc": NOW, "from_krn": 1}, "act-wrong"),
        ({"kind": "campaign", "campaign": "c"}, "act-wrong"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_asked_for(
    machine: Machine, more: dict[str, Any], code: str
) -> None:
    refused(machine.do(single(**more), "ask"), code)


def test_a_change_that_came_between_ends_the_act_as_refused(machine: Machine) -> None:
    act = machine.do(single(), "ask").data["act"]
    other = machine.do(single(), "ask too").data["act"]
    assert decided(machine, other).outcome is Outcome.DONE
    machine.do(buy(20_000), "b")  # the set is out
    refused(decided(machine, act), "key-change-open")
    assert machine.rows("SELECT state FROM token_act ORDER BY id") == [("refused",), ("done",)]
    assert changes(machine) == 1


def test_a_campaigns_pieces_are_what_two_agreed_on(machine: Machine) -> None:
    piece = agreed(machine, wanted())
    for number, strange in enumerate(
        [
            replace(piece, act=0),
            replace(piece, act=99),
            replace(piece, campaign=""),
            replace(piece, campaign="c2"),
            replace(piece, krn=3),
            replace(piece, sgc=OLD),
            replace(piece, ti="02"),
            replace(piece, kt=1),
            replace(piece, three_tokens=True),
        ]
    ):
        refused(machine.do(strange, f"strange {number}"), SECOND)
    assert changes(machine) == 0
    assert machine.do(piece, "piece").data["needed"] == 1


@pytest.mark.parametrize("how", ["", "reject", "expire"])
def test_a_campaign_that_nobody_approved_does_not_begin(machine: Machine, how: str) -> None:
    act = machine.do(campaign(), "ask").data["act"]
    if how == "reject":
        assert decided(machine, act, how="reject").data["state"] == "rejected"
    if how == "expire":
        machine.time.at_us += 25 * HOUR_US
        refused(decided(machine, act), "act-expired")
    refused(machine.do(wanted(act=act), "piece"), SECOND)


def test_an_act_of_another_kind_opens_no_campaign(machine: Machine) -> None:
    act = machine.do(single(), "ask").data["act"]
    decided(machine, act)
    refused(machine.do(wanted(act=act), "piece"), SECOND)


def test_a_meter_outside_the_group_needs_two_people_of_its_own(machine: Machine) -> None:
    act = machine.do(campaign(from_krn=3), "ask").data["act"]
    assert decided(machine, act).data == {
        "act": act, "kind": "campaign", "meter": "", "state": "done", "campaign": "c1",
    }  # fmt: skip
    piece: NeedKeyChange = wanted(act=act)
    refused(machine.do(piece, "piece"), SECOND)
    two = machine.do(replace(piece, meters=(METER, "04123456792")), "two")
    assert two.data["refused"] == {METER: SECOND, "04123456792": "meter-unknown"}
