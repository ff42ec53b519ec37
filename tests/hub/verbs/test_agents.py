"""``wattbus agents``, against a hub that answers."""

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.messages import Message, Outcome, name_of
from hub import companies, operators
from hub.config import read
from tests.core.agents.shop import collect, deposit, give, sell, wish
from tests.core.collection.desk import whole
from tests.hub.machine import enrol
from tests.hub.verbs.installation import Installation, answering, installed

OPERATORS = """
[operators.ruth]
roles = ["agent-supervisor"]
refund_per_day = 100000

[operators.sam]
roles = ["agent-approver"]

[operators.jane]
roles = ["cashier"]
"""
RUTH = ("--operator", "ruth", "--reason", "asked at the desk")
SAM = ("--operator", "sam")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(operators, "_N", 2)
    place = installed(tmp_path)
    text = place.config.read_text().replace("test = true", 'test = true\nagents = "demo.yaml"')
    place.config.write_text(text + OPERATORS)
    config = read(place.config)
    machine = place.machine
    machine.time.at_us = time.time_ns() // 1_000 - 60_000_000
    terms = replace(
        machine.terms,
        operators=companies._operators(config, "demo"),
        agents=companies.agent_terms(config, config.companies["demo"]),
    )
    machine.worker.batch.terms = {"demo": terms}
    assert machine.do(enrol(), "enrol").outcome is Outcome.DONE
    with answering(place):
        yield place
    whole(machine)


def said(place: Installation, *words: str) -> Any:
    """What the verb says with --json; it ended well."""
    code, out, err = place.call("agents", *words, "--json")
    assert (code, err) == (0, ""), (out, err)
    return json.loads(out)


def agreed(place: Installation, *words: str) -> Any:
    """Asked for by ruth, approved by sam."""
    return said(place, "approve", str(said(place, *words, *RUTH)["act"]), *SAM)


def opened(place: Installation) -> None:
    agreed(place, "add", "A1", "--name", "Shop", "--commission", "third-party",
           "--service", "electricity", "--low-float", "10k")  # fmt: skip
    agreed(place, "topup", "A1", "50k", "--evidence", "slip 7", "--way", "transfer",
           "--desk", "bank", "--reference", "FT1")  # fmt: skip


def test_an_agent_from_the_first_to_the_last_day(place: Installation) -> None:
    code, out, err = place.call("agents", "add", "A1", "--name", "Shop", *RUTH)
    assert (code, err) == (0, "")
    assert "act 1: agent-enrol for agent A1: requested" in out
    code, _, err = place.call("agents", "approve", "1", "--operator", "ruth")
    assert (code, "role agent-approver is needed" in err) == (1, True)
    assert said(place, "approve", "1", *SAM)["state"] == "done"
    agreed(place, "topup", "A1", "50,000", "--evidence", "slip 7")
    code, out, _ = place.call("agents", "show", "A1")
    assert code == 0
    assert "balance:         50,000 UGX" in out
    assert "state:           active" in out
    agreed(place, "request", "agent-withdraw", "A1", "--amount", "50k")
    code, out, _ = place.call("agents", "request", "agent-block", "A1", *RUTH)
    assert (code, "agent-block for agent A1: done" in out) == (0, True)
    agreed(place, "request", "agent-close", "A1")
    (agent,) = said(place, "show")
    assert (agent["number"], agent["state"], agent["balance"]) == ("A1", "closed", 0)
    subjects = {row[0] for row in place.machine.rows("SELECT subject FROM audit")}
    assert {"agent/A1", "act/1"} <= subjects


def test_alter_and_transfer(place: Installation) -> None:
    opened(place)
    agreed(place, "add", "A2", "--name", "Stall", "--parent", "A1")
    moved = agreed(place, "transfer", "A1", "A2", "8k")
    assert moved["balance"] == 42_000
    changed = agreed(place, "alter", "A2", "--daily-limit", "5k", "--service", "bills")
    assert changed["changed"] == ["daily_limit", "services"]
    found = said(place, "show", "A2")
    assert (found["parent"], found["balance"], found["services"]) == ("A1", 8_000, ["bills"])
    code, out, _ = place.call("agents", "show")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["A1", "A2"]


def test_areas(place: Installation) -> None:
    agreed(place, "add", "A1", "--name", "Shop", "--area", "NORTH", "--area", "EAST")
    assert said(place, "show", "A1")["areas"] == ["EAST", "NORTH"]
    code, out, _ = place.call("agents", "show", "A1")
    assert (code, "areas:           EAST, NORTH" in out) == (0, True)
    changed = agreed(place, "alter", "A1", "--area", "WEST", "--low-float", "1k")
    assert changed["changed"] == ["areas", "low_float"]
    agreed(place, "alter", "A1", "--low-float", "2k")
    assert said(place, "show", "A1")["areas"] == ["WEST"]
    agreed(place, "alter", "A1", "--area", "")
    assert said(place, "show", "A1")["areas"] == []
    code, _, err = place.call("agents", "alter", "A1", "--area", " WEST", *RUTH)
    assert (code, "an area is a name" in err) == (1, True)


def test_a_statement(place: Installation) -> None:
    opened(place)
    assert place.machine.do(sell(20_000), "s1").outcome is Outcome.DONE
    found = said(place, "statement", "A1")
    assert [line["kind"] for line in found["lines"]] == ["agent-topup", "sale", "commission"]
    assert found["lines"][0]["about"] == "FT1"
    assert (found["before"], found["after"]) == (0, said(place, "show", "A1")["balance"])
    earned = found["commission"]
    assert earned["at_once"] == earned["gross"] - earned["tax"] > 0
    code, out, _ = place.call("agents", "statement", "A1")
    assert code == 0
    assert out.splitlines()[0].startswith("before")
    assert "withholding tax" in out
    code, out, _ = place.call("agents", "statement", "A1", "--csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["amount"] for row in rows] == [str(line["amount"]) for line in found["lines"]]
    assert (rows[0]["at"][-6:], rows[0]["currency"], rows[0]["about"]) == ("+03:00", "UGX", "FT1")
    empty = said(place, "statement", "A1", "--month", "2020-02")
    assert (empty["lines"], empty["after"]) == ([], 0)


def test_what_an_agent_asks_for_is_granted_or_declined(place: Installation) -> None:
    opened(place)
    for reference in ("FT2", "FT3"):
        assert place.machine.do(wish(20_000, reference), reference).outcome is Outcome.DONE
    asked = said(place, "requests")
    assert [each["reference"] for each in asked] == ["FT2", "FT3"]
    code, out, _ = place.call("agents", "requests", "A1")
    assert (code, "20,000 UGX  transfer:bank" in out) == (0, True)
    words = ("grant", str(asked[0]["request"]), "--evidence", "bank's page 3")
    assert agreed(place, *words)["balance"] == 70_000
    code, _, err = place.call("agents", *words, *RUTH)
    assert (code, "no request 1 waits" in err) == (1, True)
    said(place, "request", "agent-topup-decline", "A1", "--reference", "FT3", *RUTH)
    assert said(place, "requests") == []
    assert [each["state"] for each in said(place, "requests", "--all")] == ["declined", "approved"]
    code, out, _ = place.call("agents", "requests")
    assert out == "nobody asks for a top-up\n"


def test_cash_is_handed_over_for_a_slip(place: Installation) -> None:
    agreed(place, "add", "B1", "--name", "Collector", "--mode", "post-settled",
           "--credit-limit", "100k", "--cash-limit", "50k", "--transfers", "none")  # fmt: skip
    code, out, _ = place.call("agents", "remit")
    assert (code, out) == (0, "nobody owes anything\n")
    assert place.machine.do(collect(30_000, "B1"), "c1").outcome is Outcome.DONE
    (due,) = said(place, "remit", "B1")
    assert (due["in_hand"], due["overdue"]) == (30_000, False)
    code, out, err = place.call(
        "agents", "surrender", "B1", "25k", "--desk", "HQ", "--operator", "jane",
        "--reason", "evening",
    )  # fmt: skip
    assert (code, err) == (0, "")
    assert out.count("SURRENDER OF CASH  DP-S00000001") == 2, "one for each of them"
    assert out.count("counted              25,000 UGX") == 2
    assert out.count("still held            5,000 UGX") == 2
    code, out, _ = place.call("agents", "remit")
    assert (code, out.split()[:3]) == (0, ["B1", "5,000", "UGX"])
    code, out, _ = place.call("agents", "remit", "--overdue")
    assert (code, out) == (0, "nothing is overdue\n")
    day = said(place, "day", "B1")
    assert (day["collected"], day["at_desk"], day["looks"]) == (30_000, 25_000, [])
    shown = said(place, "show", "B1")
    assert (shown["in_hand"], shown["cash_limit"]) == (5_000, 50_000)


def test_what_should_be_here_already(place: Installation) -> None:
    agreed(place, "add", "B1", "--name", "Collector", "--mode", "post-settled",
           "--credit-limit", "100k")  # fmt: skip
    place.machine.time.at_us -= 3 * 86_400_000_000
    assert place.machine.do(collect(7_000, "B1"), "c2").outcome is Outcome.DONE
    place.machine.time.at_us += 3 * 86_400_000_000
    code, out, _ = place.call("agents", "remit", "--overdue")
    assert (code, out.split()) == (1, ["B1", "7,000", "UGX", "3", "d", "Collector", "OVERDUE"])


def test_a_day_that_does_not_fit_is_shown(place: Installation) -> None:
    opened(place)
    assert place.machine.do(wish(20_000, "FT2"), "w").outcome is Outcome.DONE
    code, out, _ = place.call("agents", "day", "A1")
    assert code == 1, "for the script that watches"
    assert "look: topup-unanswered FT2 20,000, 0 h since" in out
    assert "look: topup-by-hand FT1 50,000" in out
    code, out, _ = place.call("agents", "day", "A1", "--day", "2020-02-01")
    assert (code, out.count("look")) == (0, 0)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("show", "A9"), 1, "there is no agent A9"),
        (("statement", "A9"), 1, "there is no agent A9"),
        (("statement", "A9", "--month", "2026-13"), 2, "is no month"),
        (("day", "A9"), 1, "there is no agent A9"),
        (("day", "A9", "--day", "2026-02-30"), 2, "is no day"),
        (("remit", "A9"), 1, "there is no agent A9"),
        (("requests", "A9"), 1, "there is no agent A9"),
        (("grant", "7", "--evidence", "x", *RUTH), 1, "no request 7 waits"),
        (("surrender", "A9", "5k", "--desk", "HQ", *RUTH), 1, "role cashier is needed"),
        (("topup", "A9", "5k", "--evidence", "x", *RUTH), 1, "No agent A9"),
        (("topup", "A1", "lots", "--evidence", "x", *RUTH), 2, "lots"),
        (("request", "agent-fly", "A1", *RUTH), 1, "no such act"),
        (("add", "A1", "--name", "x", "--operator", "nobody", "--reason", "y"), 2, "nobody"),
    ],
)
def test_what_is_wrong_is_said(
    place: Installation, words: tuple[str, ...], code: int, sentence: str
) -> None:
    found, _, err = place.call("agents", *words)
    assert (found, sentence in err) == (code, True), err


@pytest.mark.parametrize(
    "message",
    [sell(), collect(5_000), deposit(5_000, "FT2"), wish(), give(5_000)],
    ids=lambda m: type(m).__name__,
)
def test_nobody_makes_up_what_channels_say(place: Installation, message: Message) -> None:
    import msgspec

    request = {"do": "submit", "company": "demo", "key": "k", "type": name_of(message).name}
    answer = place.answer({**request, "data": msgspec.to_builtins(message)})
    assert "channel alone" in str(answer)
