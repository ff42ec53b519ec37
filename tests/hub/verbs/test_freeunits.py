"""``wattbus freeunits``: given, listed and ended by who may, on record."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.messages import ClaimFreeUnits
from hub import companies
from hub.config import read
from tests.hub.machine import METER, PHONE, Machine, demo_terms, enrol
from tests.hub.verbs.installation import Installation, answering, installed

OPERATORS = """
[operators.mary]
roles = ["vending-supervisor"]
free_issue_units_per_day = 100
alone_units = 20

[operators.peter]
roles = ["vending-approver"]

[operators.desk]
roles = ["vending-desk"]
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    one = installed(tmp_path)
    with one.config.open("a") as file:
        file.write(OPERATORS)
    roster = companies._operators(read(one.config), "demo")
    one.machine = Machine(one.machine.url, terms=demo_terms(operators=roster))
    one.machine.do(enrol(), "enrol")
    with answering(one):
        yield one


GIVE = ("freeunits", "give", METER, "--units", "15", "--reason", "register, line 118")
MARY = ("--operator", "mary")


def test_given_listed_and_ended(place: Installation) -> None:
    code, out, err = place.call(*GIVE, *MARY, "--from", "2026-11", "--to", "2026-12")
    assert (code, out) == (0, f"meter {METER}: 15.0 kWh a month, from 2026-11 to 2026-12\n"), err
    place.machine.do(ClaimFreeUnits(phone=PHONE), "claim")
    code, out, _ = place.call("freeunits", "list")
    assert (code, out) == (
        0,
        f"1  meter {METER}, account 100001: 15.0 kWh a month, from 2026-11 to 2026-12, unclaimed "
        "months lapse; given 15.0 kWh in 1, last 2026-11; by mary: register, line 118\n",
    )
    code, out, _ = place.call("freeunits", "end", METER, "--reason", "moved away", *MARY)
    assert (code, out) == (0, f"meter {METER}: no free units any more (15.0 kWh a month)\n")
    assert place.call("freeunits", "list")[1] == "no entitlements to free units\n"
    (one,) = json.loads(place.call("freeunits", "list", "--ended", "--json")[1])
    assert (one["meter"], one["given_tenths"], one["in_blocks"]) == (METER, 150, False)
    assert "; ended" in place.call("freeunits", "list", "--ended", "--meter", METER)[1]
    acts = place.machine.rows("SELECT actor, act, subject FROM audit ORDER BY number")
    assert acts == [("mary via test", "act-request", f"meter/{METER}")] * 2


def test_what_another_operator_must_approve_waits(place: Installation) -> None:
    code, out, err = place.call(*GIVE, *MARY, "--units", "30")
    assert code == 0, err
    assert out.startswith(f"act 1: entitlement for meter {METER}: requested\nanother operator must")
    assert place.call("freeunits", "list")[1] == "no entitlements to free units\n"
    code, out, err = place.call("act", "approve", "1", "--operator", "peter")
    assert (code, out) == (0, f"act 1: entitlement for meter {METER}: done\n"), err
    assert "30.0 kWh a month" in place.call("freeunits", "list")[1]


def test_what_cumulates_is_said(place: Installation) -> None:
    more = ("--unclaimed", "cumulate", "--cap-months", "3", "--in-blocks")
    code, out, _ = place.call(*GIVE, *MARY, *more, "--json")
    assert (code, json.loads(out)["to_month"]) == (0, 0)
    assert "up to 3 months together, in blocks" in place.call("freeunits", "list")[1]


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        (("--operator", "desk"), 1, "the role vending-supervisor is needed"),
        (("--operator", "eve"), 2, "no operator eve"),
        ((*MARY, "--from", "2026-13"), 2, "--from is a month as 2026-11"),
        ((*MARY, "--units", "a lot"), 2, "a number with at most one decimal"),
        ((*MARY, "--units", "100.1"), 1, "1001 tenths of a unit today, 1000 are allowed"),
        ((*MARY, "--from", "2026-10"), 1, "it begins in 2026-11 or later"),
    ],
)
def test_what_is_wrong(place: Installation, changes: tuple[str, ...], code: int, said: str) -> None:
    got, _, err = place.call(*GIVE, *changes)
    assert (got, said in err) == (code, True), err
    assert place.machine.rows("SELECT count(*) FROM entitlement") == [(0,)]


def test_nobody_asks_past_the_desk(place: Installation) -> None:
    """The plain way of commands does not take what is asked in an operator's name."""
    data = {"operator": "mary", "meter": METER, "tenths": 10, "reason": "x"}
    request = {"do": "submit", "company": "demo", "key": "k"}
    reply = place.answer({**request, "type": "wattbus.vending.GiveFreeUnits.v1", "data": data})
    assert "is an operator's act" in reply["error"]
