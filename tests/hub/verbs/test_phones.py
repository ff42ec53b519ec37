"""``wattbus phones``, against a hub that answers."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.messages import AddMeter, ChangeMeter
from hub import companies, operators
from hub.config import read
from tests.core.agents import shop
from tests.core.registration.house import STRANGER, set_pin
from tests.hub.machine import METER, PHONE, enrol
from tests.hub.verbs.installation import Installation, answering, installed

OPERATORS = """
[operators.ruth]
roles = ["customer-service"]

[operators.sam]
roles = ["vending-approver"]
"""
RUTH = ("--operator", "ruth", "--reason", "at the desk")
SAM = ("--operator", "sam")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(operators, "_N", 2)
    place = installed(tmp_path)
    place.config.write_text(place.config.read_text() + OPERATORS)
    machine = place.machine
    machine.time.at_us = time.time_ns() // 1_000 - 60_000_000
    staff = companies._operators(read(place.config), "demo")
    machine.worker.batch.terms = {"demo": replace(machine.terms, operators=staff)}
    with answering(place):
        shop.done(machine, enrol())
        yield place


def said(place: Installation, *words: str) -> Any:
    """What the verb says with --json; it ended well."""
    code, out, err = place.call("phones", *words, "--json")
    assert (code, err) == (0, ""), (out, err)
    return json.loads(out)


def ask(place: Installation, kind: str, phone: str, *words: str) -> tuple[int, str, str]:
    return place.call("phones", "ask", f"phone-{kind}", phone, *RUTH, *words)


def test_a_request_is_listed_asked_for_and_approved(place: Installation) -> None:
    account = "100001"
    assert place.call("phones", "list")[1] == "no requests\n"
    code, _, err = ask(place, "remove", PHONE, "--account", account)
    assert (code, err) == (0, "")
    shop.done(place.machine, AddMeter(phone=STRANGER, meter=METER, name="Dad", spends=True))
    (waiting,) = said(place, "list")
    assert (waiting["phone"], waiting["meter"], waiting["spends"]) == (STRANGER, METER, True)
    assert f"meter {METER} to spend  Dad" in place.call("phones", "list")[1]
    code, out, err = ask(place, "approve", STRANGER, "--meter", METER, "--evidence", "passport")
    assert (code, err) == (0, "")
    assert f"phone-approve for phone {STRANGER}: requested" in out
    act = place.machine.rows("SELECT max(id) FROM token_act")[0][0]
    assert said(place, "approve", str(act), *SAM)["state"] == "done"
    assert place.call("phones", "list")[1] == "no requests\n"
    assert said(place, "list", "--state", "done")[0]["state"] == "done"
    shown = place.call("phones", "show", STRANGER)[1]
    assert f"account:    {account}" in shown
    assert f"meter:      {METER} Dad" in shown


def test_a_phone_is_shown_with_its_pin_but_not_what_it_is(place: Installation) -> None:
    assert place.call("phones", "show", "+256799999999")[0] == 1
    assert "not set" in place.call("phones", "show", PHONE)[1]
    shop.done(place.machine, set_pin("4729"))
    code, out, _ = place.call("phones", "show", PHONE)
    assert (code, "PIN:        set" in out) == (0, True)
    facts = said(place, "show", PHONE)
    assert facts["pin_set"]
    assert "proof" not in json.dumps(facts)
    assert ask(place, "pin-clear", PHONE, "--evidence", "passport 12")[0] == 0
    assert "not set" in place.call("phones", "show", PHONE)[1]


def test_what_is_no_act_is_refused_in_words(place: Installation) -> None:
    code, _, err = ask(place, "bless", PHONE)
    assert code == 1
    assert "phone-approve" in err
    code, _, err = ask(place, "approve", STRANGER, "--meter", METER, "--evidence", "passport")
    assert code == 1
    assert "asks for no meter" in err


def test_who_asks_to_go_on_after_a_year_is_listed_too(place: Installation) -> None:
    shop.done(place.machine, ChangeMeter(phone=PHONE, meter="", change="keep"))
    assert "to go on after a year" in place.call("phones", "list", "--state", "waiting")[1]
