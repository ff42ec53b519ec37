"""``wattbus terminals items | batches | cases | close-case``, against a hub that answers."""

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
from tests.core.agents.shop import done, opened
from tests.core.collection.desk import whole
from tests.core.terminals.till import NUMBER, back, offline, registered, settling, sold, totals
from tests.hub.machine import enrol
from tests.hub.verbs.installation import Installation, answering, installed

OPERATORS = """
[operators.ruth]
roles = ["agent-supervisor"]
refund_per_day = 1000000

[operators.sam]
roles = ["agent-approver"]
"""
SAM = ("--operator", "sam", "--reason", "called the shop")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(operators, "_N", 2)
    place = installed(tmp_path)
    place.config.write_text(place.config.read_text() + OPERATORS)
    machine = place.machine
    machine.time.at_us = time.time_ns() // 1_000 - 60_000_000
    known = companies._operators(read(place.config), "demo")
    machine.worker.batch.terms = {"demo": replace(machine.terms, operators=known)}
    assert machine.do(enrol(), "enrol").outcome is Outcome.DONE
    opened(machine, money=50_000)
    registered(machine)
    with answering(place):
        yield place
    whole(machine)


def said(place: Installation, *words: str, code: int = 0) -> Any:
    """What the verb says with --json."""
    ended, out, err = place.call("terminals", *words, "--json")
    assert (ended, err) == (code, ""), (out, err)
    return json.loads(out)


def test_a_day_as_an_operator_sees_it(place: Installation) -> None:
    machine = place.machine
    assert place.call("terminals", "items", NUMBER)[1] == "no items\n"
    assert place.call("terminals", "batches")[1] == "no batches\n"
    assert place.call("terminals", "cases")[:2] == (0, "no cases\n")
    sale = done(machine, sold(machine, 1))
    done(machine, back(machine, 1))
    done(machine, offline(machine, 2, 4_000, account="999999"))
    done(machine, settling(machine, totals(1, 5_000)))
    done(machine, settling(machine, totals(1, 5_000), uploaded=True))
    items = said(place, "items", NUMBER)
    assert [(each["stan"], each["state"]) for each in items] == [(2, "booked"), (1, "kept")]
    assert said(place, "items", NUMBER, "--state", "kept")[0]["about"] == sale["receipt"]
    assert said(place, "items", NUMBER, "--day", "20200101") == []
    (batch,) = said(place, "batches", "--terminal", NUMBER, "--state", "closed")
    assert (batch["our_debit_amount"], batch["their_debit_amount"]) == (9_000, 5_000)
    assert (batch["balanced"], batch["differences"], batch["items"]) == (False, 2, 2)
    open_ = said(place, "cases", code=1)
    assert [each["kind"] for each in open_] == [
        "kept-token", "suspense", "offline-wrong", "upload-ours-only", "upload-ours-only",
    ]  # fmt: skip
    assert {each["terminal"] for each in open_} == {NUMBER}
    for words in (("items", NUMBER), ("batches",)):
        assert place.call("terminals", *words)[0] == 0
    code, out, _ = place.call("terminals", "cases")
    assert (code, len(out.splitlines())) == (1, 5)


def test_cases_are_closed(place: Installation) -> None:
    machine = place.machine
    done(machine, offline(machine, 2, 4_000, account="999999"))
    suspense, wrong = (each["id"] for each in said(place, "cases", code=1))
    code, _, err = place.call("terminals", "close-case", str(suspense), *SAM)
    assert code == 1
    assert "say whose money" in err
    assert place.call("terminals", "close-case", str(suspense), "--account", "100001", *SAM)[0] == 0
    assert machine.rows("SELECT credit FROM account") == [(4_000,)]
    closed = said(place, "close-case", str(wrong), *SAM)
    assert (closed["case"], closed["state"]) == (wrong, "closed")
    assert place.call("terminals", "close-case", str(wrong), *SAM)[0] == 1
    assert said(place, "cases") == []
    (one, two) = said(place, "cases", "--all")
    assert (one["closed_by"], two["reason"]) == ("sam", "called the shop")
    records = machine.rows("SELECT subject FROM audit WHERE act LIKE 'act-%' ORDER BY 1")
    assert (f"case/{suspense}",) in records


def test_an_agents_day_has_its_terminals_batches(place: Installation) -> None:
    machine = place.machine
    done(machine, sold(machine, 1))
    done(machine, settling(machine, totals(1, 4_000)))
    code, out, _ = place.call("agents", "day", "A1", "--json")
    found = json.loads(out)
    assert (code, found["sold"], found["in_batches"]) == (1, 5_000, 5_000)
    looks = {look["kind"]: (look["about"], look["amount"]) for look in found["looks"]}
    assert looks["batch-differs"] == (f"{NUMBER}/1", -1_000)
