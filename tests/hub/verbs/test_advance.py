"""``wattbus advance`` and ``wattbus service``: in an operator's name, on record."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import companies
from hub.config import read
from tests.core.vending.credit import collection, opened
from tests.hub.machine import METER, Machine, demo_terms
from tests.hub.verbs.installation import Installation, answering, installed

OPERATORS = """
[operators.mary]
roles = ["vending-supervisor"]

[operators.desk]
roles = ["vending-desk"]
"""
MARY = ("--operator", "mary", "--reason", "night call")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Installation]:
    one = installed(tmp_path)
    with one.config.open("a") as file:
        file.write(OPERATORS)
    roster = companies._operators(read(one.config), "demo")
    terms = demo_terms(operators=roster, collection=collection())
    one.machine = opened(Machine(one.machine.url, terms=terms))
    with answering(one):
        yield one


def test_units_on_credit_and_again_the_same(place: Installation) -> None:
    call = ("advance", METER, "--amount", "2,000", *MARY, "--key", "case-7")
    code, out, err = place.call(*call)
    assert code == 0, err
    (digits,) = place.machine.rows("SELECT digits FROM token WHERE cause = 'advance'")
    assert out.splitlines()[0].replace(" ", "") == f"token{digits[0]}"
    assert out.splitlines()[1].startswith(f"meter {METER}: ")
    ((owed,),) = place.machine.rows("SELECT outstanding FROM debt")
    assert out.splitlines()[2] == f"the next purchase pays {owed:,} UGX"
    code, again, _ = place.call(*call)
    assert (code, again.splitlines()[0]) == (0, out.splitlines()[0])
    assert "(given before)" in again
    code, _, err = place.call("advance", METER, *MARY)
    assert (code, "are still owed" in err) == (1, True)
    acts = place.machine.rows("SELECT actor, subject FROM audit ORDER BY number LIMIT 1")
    assert acts == [("mary via test", f"meter/{METER}")]


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        (("--operator", "desk", "--reason", "x"), 1, "the role vending-supervisor is needed"),
        ((*MARY, "--amount", "a lot"), 2, "--amount"),
        ((*MARY, "--amount", "5,001"), 1, "it is 1 to 5,000 UGX"),
    ],
)
def test_what_is_wrong(place: Installation, changes: tuple[str, ...], code: int, said: str) -> None:
    got, _, err = place.call("advance", METER, *changes)
    assert (got, said in err) == (code, True), err
    assert place.machine.rows("SELECT count(*) FROM advance") == [(0,)]


def test_no_service_and_service_again(place: Installation) -> None:
    pause = ("service", "pause", METER, "--why", "vacant", "--on", "2026-11-20", *MARY)
    code, out, err = place.call(*pause)
    assert (code, out) == (0, f"meter {METER}: vacant since 2026-11-20\n"), err
    assert place.call(*pause)[0] == 1
    code, out, err = place.call("service", "resume", METER, "--why", "vacant", *MARY, "--json")
    assert code == 0, err
    assert json.loads(out)["to"] > json.loads(out)["from"]
    assert place.machine.rows("SELECT why, operator, reason FROM agreement_pause") == [
        ("vacant", "mary", "night call")
    ]


def test_nobody_asks_past_the_desk(place: Installation) -> None:
    data = {"operator": "mary", "meter": METER, "reason": "x"}
    request = {"do": "submit", "company": "demo", "key": "k"}
    reply = place.answer({**request, "type": "wattbus.vending.GiveAdvance.v1", "data": data})
    assert "is an operator's act" in reply["error"]
