"""``wattbus counter``, against a hub that answers."""

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
from tests.core.collection.desk import whole
from tests.hub.machine import enrol
from tests.hub.verbs.installation import Installation, answering, installed

OPERATORS = """
[operators.ann]
roles = ["cashier"]

[operators.ben]
roles = ["cashier"]

[operators.grace]
roles = ["collection-supervisor"]

[operators.henry]
roles = ["collection-approver"]
"""
ANN, BEN = ("--operator", "ann"), ("--operator", "ben")
GRACE = ("--operator", "grace", "--reason", "as agreed")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(operators, "_N", 2)
    place = installed(tmp_path)
    text = place.config.read_text().replace("test = true", 'test = true\ncollection = "demo.yaml"')
    place.config.write_text(text + OPERATORS)
    config = read(place.config)
    machine = place.machine
    machine.time.at_us = time.time_ns() // 1_000 - 60_000_000
    terms = replace(
        machine.terms,
        operators=companies._operators(config, "demo"),
        collection=companies.collection_terms(config, config.companies["demo"]),
    )
    machine.worker.batch.terms = {"demo": terms}
    assert machine.do(enrol(), "enrol").outcome is Outcome.DONE
    with answering(place):
        yield place
    whole(machine)


def said(place: Installation, *words: str) -> Any:
    """What the verb says with --json; it ended well."""
    code, out, err = place.call(*words, "--json")
    assert (code, err) == (0, ""), (out, err)
    return json.loads(out)


def told(place: Installation, *words: str) -> str:
    """What the verb says to people; it ended well."""
    code, out, err = place.call("counter", *words)
    assert (code, err) == (0, ""), (out, err)
    return str(out)


def approved(place: Installation, act: Any) -> Any:
    """Henry agrees."""
    return said(place, "act", "approve", str(act["act"]), "--operator", "henry")


def ready(place: Installation) -> None:
    """A desk with numbers."""
    assert "act 1: counter-desk for desk D1: done" in told(place, "desk", "D1", "--name",
                                                           "Hall", *GRACE)  # fmt: skip
    words = ("counter", "series", "HALL-", "1", "500", "--desk", "D1", *GRACE)
    approved(place, said(place, *words))


def test_a_day_at_a_desk(place: Installation) -> None:
    assert told(place, "status") == "no desks\n"
    assert told(place, "series") == "no numbers are registered\n"
    ready(place)
    out = told(place, "open", "D1", "--piece", "50000x2", *ANN)
    assert "opening 100,000 UGX" in out
    out = told(place, "take", "D1", "100001", "40,000", "--given", "20,000",
               "--tender", "cheque=20,000:417:Centenary", "--tender", "card=5,000:831207",
               "--key", "first", *ANN)  # fmt: skip
    assert out == ("receipt HALL-001: 40,000 UGX\nchange 5,000 UGX\n"
                   "credit of account 100001: 20,000 UGX\n")  # fmt: skip
    out = told(place, "take", "D1", "100001", "40,000", "--given", "20,000",
               "--tender", "cheque=20,000:417:Centenary", "--tender", "card=5,000:831207",
               "--key", "first", *ANN)  # fmt: skip
    assert "it had come already, nothing was added" in out
    out = told(place, "sell", "D1", "04123456784", "20,000", *ANN)
    assert out.startswith("receipt HALL-002: 20,000 UGX\n")
    assert len(out.split("\n")[1].replace(" ", "")) == 20
    said(place, "counter", "paid-out", "D1", "3,000", "--reason", "stamps", *ANN)
    said(place, "counter", "drop", "D1", "100,000", *ANN)
    assert "expected" not in told(place, "x", "D1", *ANN)
    assert "expected 32,000 UGX" in told(place, "x", "D1", *GRACE)
    out = told(place, "count", "D1", "20000x1", "1000x11", "500x1", *ANN)
    assert "variance -500 UGX" in out
    out = told(place, "close", "D1", "--reason", "a coin rolled away", *ANN)
    assert "z_number 1" in out
    assert "cheque: 1 × 20,000 UGX" in out
    slip = said(place, "counter", "deposit", "D1", "131,500", "--bag", "B7", *ANN)
    assert slip["slip"] == 1
    approved(place, said(place, "counter", "cleared", "D1", "1", "--bank", "stanbic",
                         "--reference", "FT1", "--evidence", "line 4", *GRACE))  # fmt: skip
    out = told(place, "status", "D1")
    assert "Hall: nobody; safe 0 UGX; 498 numbers left" in out
    assert "Z 1 of " in out
    assert "slip 1  131,500 UGX  cleared  B7" in out
    assert "HALL-1 to 500  desk D1: 2 used, 0 of them void, 498 left" in told(place, "series")
    assert said(place, "counter", "series")[0]["left"] == 498
    facts = said(place, "counter", "status", "D1")
    assert [facts[name][0] is not None for name in ("desks", "reports", "slips")] == [True] * 3


def test_a_void_and_a_handover(place: Installation) -> None:
    ready(place)
    told(place, "open", "D1", "--amount", "10k", *ANN)
    told(place, "take", "D1", "100001", "500", *ANN)
    words = ("counter", "void", "D1", "HALL-001", "--reason", "wrong account", *ANN)
    assert approved(place, said(place, *words))["cash_back"] == 500
    assert said(place, "counter", "spoil", "D1", "--reason", "torn", *ANN)["receipt"] == "HALL-002"
    told(place, "handover", "D1", "10000x1", "--to", "ben", *ANN)
    out = told(place, "takeover", "D1", "10000x1", *BEN)
    assert "next_shift 2" in out
    code, out, _ = place.call("act", "list")
    assert (code, "desk D1" in out) == (0, True), out
    assert "ben, open, since" in told(place, "status")


WRONG = (
    (("open", "D1", "--piece", "50000"), 2, "write it like 50000x3"),
    (("open", "D1", "--amount", "much"), 2, "much"),
    (("take", "D1", "100001", "500", "--tender", "card=1:2:3:4"), 2, "write WAY=AMOUNT"),
    (("take", "D1", "100001", "500"), 1, "no shift is open"),
    (("take", "D1", "100001", "500", "--tender", "card=500:1", "--given", "1k"), 2, "leave it out"),
    (("sell", "D1", "04123456784", "500"), 1, "no shift is open"),
    (("x", "D9"), 1, "No desk D9"),
    (("status", "D9"), 1, "there is no desk D9"),
)


def test_what_is_wrong(place: Installation) -> None:
    ready(place)
    for words, code, err in WRONG:
        by = () if words[0] == "status" else ANN
        found, _, said_ = place.call("counter", *words, *by)
        assert (found, err in said_) == (code, True), (words, said_)


def test_a_stranger_takes_nothing(place: Installation) -> None:
    ready(place)
    code, _, err = place.call("counter", "open", "D1", "--amount", "5", "--operator", "eve")
    assert (code, "no operator eve" in err) == (2, True)
    code, _, err = place.call("counter", "take", "D1", "100001", "5", "--operator", "henry")
    assert (code, "role cashier is needed" in err) == (1, True)
