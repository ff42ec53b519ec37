"""``wattbus change``, against a hub that answers."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.messages import Outcome
from hub import companies, operators
from hub.config import read
from tests.core.changes.life import TOWN, whole
from tests.hub.machine import enrol
from tests.hub.verbs.installation import Installation, answering, installed

DECLARED = """
[companies.demo.changes]
remaining_credit = "last-sales"
exchange_credit = "moved"
debts_follow = "account"
final_bill = "recovered"
deposits = "set-off"
pauses = "ended"
shares = "ended"

[companies.demo.changes.recovery]
method = "percent_of_tender"
value = 20000000

[operators.sarah]
roles = ["customer-service"]
refund_per_day = 100000

[operators.henry]
roles = ["collection-approver"]
"""
WHO = ("--operator", "sarah")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(operators, "_N", 2)
    place = installed(tmp_path)
    (place.folder / "town.yaml").write_text(TOWN)
    text = place.config.read_text().replace('domestic.yaml"]', 'domestic.yaml", "town.yaml"]')
    place.config.write_text(text + DECLARED)
    config, machine = read(place.config), place.machine
    machine.time.at_us = time.time_ns() // 1_000 - 60_000_000
    terms = replace(
        machine.terms,
        operators=companies._operators(config, "demo"),
        changes=companies.change_terms(config.companies["demo"]),
        tariffs=companies.tariffs_of(config, config.companies["demo"]),
    )
    machine.worker.batch.terms = {"demo": terms}
    assert machine.do(enrol(), "enrol").outcome == Outcome.DONE
    with answering(place):
        yield place
    whole(machine)


def said(place: Installation, *words: str) -> Any:
    code, out, err = place.call(*words, "--json")
    assert (code, err) == (0, ""), (out, err)
    return json.loads(out)


def ask(place: Installation, *words: str) -> tuple[int, str, str]:
    return place.call("change", *words, *WHO)


def test_from_the_request_to_the_confirmation(place: Installation) -> None:
    code, out, err = ask(place, "request", "to-postpaid", "100001", "--tariff", "town",
                         "--reason", "at the desk", "--key", "mine")  # fmt: skip
    assert (code, err) == (0, "")
    assert "change 1 of account 100001: requested" in out
    assert "next: wattbus change read 1 or: wattbus change undo 1" in out
    code, out, _ = ask(place, "read", "1", "--remaining", "0", "--register", "units=1234.5",
                       "--evidence", "photo 8")  # fmt: skip
    assert (code, "change 1 of account 100001: read" in out) == (0, True)
    code, out, _ = ask(place, "settle", "1")
    assert (code, "wattbus act approve 1" in out) == (0, True)
    assert said(place, "act", "approve", "1", "--operator", "henry")["change_state"] == "settled"
    assert ask(place, "switch", "1")[0] == 0
    assert ask(place, "confirm", "1", "--evidence", "visit 9")[0] == 0
    code, out, _ = place.call("change", "show", "1")
    assert code == 0
    assert "state:        confirmed" in out
    assert "approver:     henry" in out
    found = said(place, "change", "show", "1")
    assert (found["readings"]["closing"], found["state"]) == ({"units": 1_234_500}, "confirmed")
    assert [each["change"] for each in said(place, "change", "list")] == [1]
    assert said(place, "change", "list", "--state", "settled") == []
    assert "to-postpaid of account 100001 by sarah" in place.call("change", "list")[1]


def test_what_is_refused_is_said(place: Installation) -> None:
    code, _, err = ask(place, "request", "to-prepaid", "100001", "--reason", "r")
    assert (code, "is prepaid already" in err) == (1, True)
    code, _, err = ask(place, "request", "vanish", "100001", "--reason", "r")
    assert (code, "there are: to-postpaid" in err) == (1, True)
    code, _, err = ask(place, "read", "7", "--evidence", "photo")
    assert (code, "No change 7" in err) == (1, True)
    assert place.call("change", "show", "7")[0] == 1
    for register in ("units", "units=x", "units=1.2345", "=4"):
        assert ask(place, "read", "1", "--evidence", "photo", "--register", register)[0] == 2
    assert place.call("change", "list", "--state", "odd")[0] == 2


def test_undo_needs_nobody_before_money_moved(place: Installation) -> None:
    ask(place, "request", "move-out", "100001", "--reason", "leaves")
    code, out, _ = ask(place, "undo", "1", "--reason", "stays")
    assert (code, "undone" in out, "next" in out) == (0, True, False)


def test_without_a_declaration_there_are_none(place: Installation) -> None:
    terms = place.machine.worker.batch.terms["demo"]
    place.machine.worker.batch.terms = {"demo": replace(terms, changes=None)}
    code, _, err = ask(place, "request", "move-out", "100001", "--reason", "leaves")
    assert (code, "declares nothing about changes" in err) == (1, True)


def test_what_is_declared_is_checked(place: Installation) -> None:
    text = place.config.read_text()
    place.config.write_text(text.replace('exchange_credit = "moved"\n', ""))
    code, _, err = place.call("change", "list")
    assert (code, "[companies.demo.changes] needs exchange_credit" in err) == (2, True)
