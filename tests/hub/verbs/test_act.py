"""``wattbus act``, against a hub that answers its control socket."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
from typer.testing import CliRunner

from core.company import Operator
from core.sts.meter_state import Result
from core.vending.act_kinds import KINDS, Role
from hub import companies, operators
from hub.config import read
from hub.sections import OperatorRole
from hub.verbs import _shared, act
from tests.hub.acting import meter, whole
from tests.hub.machine import METER, buy, enrol, pay
from tests.hub.verbs.installation import Installation, answering, installed

OPERATORS = """
[operators.mary]
roles = ["vending-supervisor", "vending-desk", "meter-technician"]
free_issue_units_per_day = 100
alone_units = 20

[operators.peter]
roles = ["vending-approver"]
secret_file = "peter.secret"
"""
BY_MARY = ("--operator", "mary", "--reason", "outage")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(operators, "_N", 2)
    monkeypatch.setenv("WATTBUS_OPERATOR_SECRET", "peter's own words")
    place = installed(tmp_path)
    with place.config.open("a") as file:
        file.write(OPERATORS)
    machine = place.machine
    machine.time.at_us = time.time_ns() // 1_000 - 60_000_000
    terms = replace(machine.terms, operators=_operators(place))
    machine.worker.batch.terms = {"demo": terms}
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    (tmp_path / "peter.secret").write_text(operators.hashed("peter's own words"))
    with answering(place):
        yield place


def _operators(place: Installation) -> dict[str, Operator]:
    """As the hub itself reads them, without its keys."""
    return companies._operators(read(place.config), "demo")


def digits_in(out: str) -> str:
    found = re.search(r"^(\d{4}(?: \d{4}){4})", out, re.MULTILINE)
    assert found is not None, out
    return found[1]


def test_a_few_units_at_once(place: Installation) -> None:
    code, out, err = place.call(
        "act", "request", "compensation", METER, *BY_MARY, "--units", "12.5",
        "--evidence", "report 118", "--tell", "0700 000 001",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert f"act 1: compensation for meter {METER}: done, 12.5 units, 3,125 UGX" in out
    wall = meter()
    now = place.machine.time.now_us()
    assert wall.enter(digits_in(out), now).result is Result.ACCEPT
    assert wall.state.registers[0] == 125
    assert place.machine.channel.sent[0].message.template == "act-credit"
    whole(place.machine)


def test_what_needs_two_waits_for_the_second(place: Installation) -> None:
    words = ("--evidence", "case 9", "--fee", "10k", "--json")
    code, out, _ = place.call("act", "request", "clear-tamper", METER, *BY_MARY, *words)
    asked = json.loads(out)
    assert (code, asked["state"], "token" in asked) == (0, "requested", False)
    code, out, _ = place.call("act", "list", "--state", "requested")
    assert re.search(rf"1 .* requested +clear-tamper for {METER} by mary: outage", out)
    code, _, err = place.call("act", "approve", "1", "--operator", "mary")
    assert (code, "the role vending-approver is needed" in err) == (1, True)
    code, out, _ = place.call("act", "approve", "1", "--operator", "peter", "--note", "read")
    assert code == 0
    assert meter(tamper=True).enter(digits_in(out), place.machine.time.now_us()).result == "Accept"
    code, out, _ = place.call("act", "show", "1")
    assert re.search(r"^approver: +peter$", out, re.MULTILINE)
    assert re.search(r"^fee: +10,000 UGX$", out, re.MULTILINE)
    assert not re.search(r"\d{20}", out)
    code, out, _ = place.call("act", "show", "1", "--json")
    assert (json.loads(out)["state"], json.loads(out)["tokens"]) == ("done", 1)
    actors = place.machine.rows("SELECT actor, act, subject FROM audit ORDER BY number")
    assert actors == [
        ("mary via test", "act-request", f"meter/{METER}"),
        ("mary via test", "act-approve", "act/1"),
        ("peter via test", "act-approve", "act/1"),
    ]


def test_the_second_proves_who_he_is(place: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    place.call("act", "request", "clear-credit", METER, *BY_MARY, "--evidence", "x")
    monkeypatch.setenv("WATTBUS_OPERATOR_SECRET", "mary's own words")
    code, _, err = place.call("act", "approve", "1", "--operator", "peter")
    assert (code, "not the right passphrase" in err) == (1, True)
    monkeypatch.delenv("WATTBUS_OPERATOR_SECRET")
    code, _, err = place.call("act", "approve", "1", "--operator", "peter")
    assert (code, "passphrase of peter is needed" in err) == (2, True)
    assert place.machine.rows("SELECT state FROM token_act") == [("requested",)]


def written(file: Path, *lines: str) -> tuple[int, str]:
    """``wattbus act secret`` with these lines on its input."""
    typed = "".join(f"{line}\n" for line in lines)
    result = CliRunner().invoke(act.app, ["secret", str(file)], input=typed)
    return result.exit_code, result.stderr


def test_nobody_takes_the_secret_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who could write it over could approve in his name."""
    monkeypatch.setattr(operators, "_N", 2)
    file = tmp_path / "peter.secret"
    assert written(file, "peter's own words") == (0, "")
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_text()
    for typed in (["mary's own words"], ["wrong words", "mary's own words"], []):
        code, err = written(file, *typed)
        assert (code, "not its passphrase; nothing was written" in err) == (1, True)
        assert file.read_text() == before
    assert written(file, "peter's own words", "short")[0] == 2
    assert written(file, "peter's own words", "peter's new words") == (0, "")
    assert operators.matches("peter's new words", file.read_text())


def test_a_file_that_holds_no_secret_stays_as_it_is(tmp_path: Path) -> None:
    for content in ("", "a letter"):
        file = tmp_path / "letter"
        file.write_text(content)
        assert written(file, "peter's own words", "peter's new words")[0] == 1
        assert file.read_text() == content


def test_a_refund_from_the_request_to_the_money(place: Installation) -> None:
    units = place.machine.do(buy(20_000), "b").data["units_tenths"]
    said = f"{units // 10}.{units % 10}"
    words = ("--units", said, "--evidence", "photo")
    place.call("act", "reject", "9", "--operator", "peter", "--reason", "none such")
    code, out, err = place.call("act", "request", "refund", METER, *BY_MARY, *words)
    assert (code, "0 are allowed" in err) == (1, True), "nobody said how much she may pay back"
    terms = place.machine.worker.batch.terms["demo"]
    mary = replace(terms.operators["mary"], refund_per_day=50_000)
    place.machine.worker.batch.terms = {
        "demo": replace(terms, operators={**terms.operators, "mary": mary})
    }
    assert place.call("act", "request", "refund", METER, *BY_MARY, *words)[0] == 0
    code, out, _ = place.call("act", "approve", "1", "--operator", "peter")
    assert "wattbus act confirm 1" in out
    code, out, _ = place.call("act", "confirm", "1", "--operator", "peter", "--evidence", "photo 2")
    assert (code, "refund" in out, "done" in out) == (0, True, True)
    whole(place.machine)


def test_a_repeat_under_a_key_is_the_same_token(place: Installation) -> None:
    words = ("act", "request", "test", METER, *BY_MARY, "--test", "display", "--key", "a1")
    first, again = place.call(*words)[1], place.call(*words)[1]
    assert digits_in(first) == digits_in(again)
    assert place.machine.rows("SELECT count(*) FROM token") == [(1,)]


def test_a_lost_answer_says_how_to_ask_again(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub stops between the act and its answer: another request would be a second act."""
    cut_off = SimpleNamespace(dumps=json.dumps, loads=lambda line: json.loads(line[:kept]))
    words = ("act", "request", "test", METER, *BY_MARY, "--test", "display")
    monkeypatch.setattr(_shared, "json", cut_off)
    kept = 0
    code, _, err = place.call(*words)
    assert (code, "outcome unknown" in err, "no hub answers" in err) == (1, True, False)
    found = re.search(r"--key (\S+):", err)
    assert found is not None
    kept = 9
    code, _, err = place.call("act", "approve", "1", "--operator", "peter")
    assert (code, "look: wattbus act show 1" in err) == (1, True)
    monkeypatch.setattr(_shared, "json", json)
    code, out, _ = place.call(*words, "--key", found[1])
    assert (code, bool(digits_in(out))) == (0, True)
    assert place.machine.rows("SELECT count(*) FROM token_act") == [(1,)]


def test_a_copy_says_that_it_is_one(place: Installation) -> None:
    sale = place.machine.do(buy(), "b").data
    _, out, _ = place.call("act", "request", "reprint", METER, *BY_MARY, "--token", sale["receipt"])
    assert digits_in(out).replace(" ", "") == sale["token"]
    assert "COPY" in out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("request", "free-beer", METER, *BY_MARY), 1, "there are: test, extended-read"),
        (("request", "test", METER, "--operator", "eve", "--reason", "x"), 2, "has: mary, peter"),
        (("request", "test", METER, *BY_MARY, "--units", "1.25"), 2, "one decimal"),
        (("request", "test", METER, *BY_MARY, "--fee", "much"), 2, "much"),
        (("request", "test", METER, *BY_MARY, "--tell", "8080"), 2, "8080 is no phone"),
        (("list", "--state", "lost"), 2, "requested, approved"),
        (("show", "99"), 1, "no act 99"),
    ],
)
def test_what_is_refused_is_said(
    place: Installation, words: tuple[str, ...], code: int, says: str
) -> None:
    got, _, err = place.call("act", *words)
    assert got == code
    assert says in err


def test_an_old_request_is_listed_as_expired(place: Installation) -> None:
    place.machine.time.at_us -= 25 * 3_600_000_000
    place.call("act", "request", "clear-credit", METER, *BY_MARY, "--evidence", "x")
    assert " expired " in place.call("act", "list", "--state", "expired")[1]
    assert place.call("act", "list", "--state", "requested")[1] == "no acts\n"


def test_the_roles_of_the_configuration_are_those_of_the_core() -> None:
    assert set(get_args(OperatorRole)) == set(Role)
    assert {kind.role for kind in KINDS.values()} < set(Role)
