"""``wattbus keychange``: a campaign begins, is looked at, ends; who has not bought is exported."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.messages import MeterLink
from hub import companies, operators
from hub.config import read
from tests.hub.key_changes import NOW, terms
from tests.hub.machine import Machine, buy, enrol, pay
from tests.hub.sales import drn_of
from tests.hub.verbs.installation import Installation, answering, installed

#: The second one has a passphrase.
OPERATORS = """
[operators.alice]
roles = ["vending-supervisor", "vending-approver", "meter-technician"]

[operators.bob]
roles = ["vending-supervisor", "vending-approver", "meter-technician"]
secret_file = "bob.secret"

[operators.carol]
roles = ["vending-approver"]
"""
METERS = [drn_of(700 + n) for n in range(3)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(operators, "_N", 2)
    one = installed(tmp_path)
    with one.config.open("a") as file:
        file.write(OPERATORS)
    (tmp_path / "bob.secret").write_text(operators.hashed("bob's own words"))
    roster = companies._operators(read(one.config), "demo")
    one.machine = Machine(one.machine.url, terms=terms(operators=roster))
    for verb in ("keychange", "act"):  # acts lapse by the machine's clock, not by the wall's
        monkeypatch.setattr(f"hub.verbs.{verb}._now_us", lambda: one.machine.time.at_us)
    for n, drn in enumerate(METERS, 1):
        number, phone = f"10000{n}", f"+25670000000{n}"
        link = MeterLink(drn=drn, sgc=NOW)
        one.machine.do(enrol(number, drn, phone, meter=link), f"enrol {n}")
        one.machine.do(pay(100_000, number), f"pay {n}")
    with answering(one):
        yield one


START = ("keychange", "start", "--to", f"{NOW}/2", "--reason", "rollover", "--operator", "alice")
CAMPAIGN = (*START, "--from", f"{NOW}/1", "--campaign", "c1")


def approved(place: Installation, *words: str) -> None:
    """The act that these words ask for, which bob's colleague Carol approves."""
    code, out, err = place.call(*words, "--json")
    assert code == 0, err
    act = str(json.loads(out)["act"])
    code, _, err = place.call("act", "approve", act, "--operator", "carol")
    assert code == 0, err


def begun(place: Installation) -> tuple[int, str, str]:
    """The campaign as two people agreed on it, begun."""
    approved(place, *CAMPAIGN)
    return place.call(*CAMPAIGN)


def test_a_campaign_waits_for_a_second_person(place: Installation) -> None:
    code, out, _ = place.call(*CAMPAIGN)
    assert code == 0
    assert out.startswith("act 1: campaign for campaign c1: requested\n")
    assert "wattbus act approve 1" in out
    assert out.endswith("then give this command again: the campaign begins\n")
    code, _, err = place.call(*CAMPAIGN)
    assert (code, err) == (1, "another operator must approve it: wattbus act approve 1\n")
    code, _, err = place.call("act", "approve", "1", "--operator", "alice")
    assert (code, "another person" in err or "same" in err) == (1, True), err
    assert "campaign for c1 by alice" in place.call("act", "list")[1]
    assert place.call("act", "approve", "1", "--operator", "carol")[0] == 0
    assert place.machine.rows("SELECT count(*) FROM key_change") == [(0,)]
    other = tuple(word.replace("201457/2", "201457/3") for word in CAMPAIGN)
    assert "requested" in place.call(*other)[1], "what was agreed on is this key"
    assert place.call(*CAMPAIGN)[0] == 0
    assert place.machine.rows("SELECT count(*) FROM key_change") == [(3,)]


def test_a_campaign_from_its_beginning(place: Installation) -> None:
    assert begun(place)[:2] == (
        0,
        "a key change is needed by 3 more, was by 0 already; 0 refused\n",
    )
    place.machine.do(buy(20_000, METERS[0], "+256700000001"), "b")
    code, out, _ = place.call("keychange", "status")
    assert (code, out) == (
        0,
        f"c1, from {NOW}/1: 2 needed, 1 issued, 0 presumed, 0 confirmed, 0 failed\n",
    )
    _, out, _ = place.call("keychange", "status", "--json", "--campaign", "c1")
    assert {(each["state"], each["meters"]) for each in json.loads(out)} == {
        ("needed", 2),
        ("issued", 1),
    }


def test_who_asks_proves_who_he_is(place: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = tuple("bob" if word == "alice" else word for word in CAMPAIGN)
    monkeypatch.setenv("WATTBUS_OPERATOR_SECRET", "alice's words")
    code, _, err = place.call(*bob)
    assert (code, "not the right passphrase" in err) == (1, True)
    eve = tuple("eve" if word == "alice" else word for word in CAMPAIGN)
    code, _, err = place.call(*eve)
    assert (code, "no operator eve" in err) == (2, True)
    assert place.machine.rows("SELECT count(*) FROM key_change") == [(0,)]
    monkeypatch.setenv("WATTBUS_OPERATOR_SECRET", "bob's own words")
    approved(place, *bob)
    assert place.call(*bob)[0] == 0
    assert place.machine.rows("SELECT DISTINCT operator FROM key_change") == [("bob",)]
    ((actors,),) = place.machine.rows("SELECT count(*) FROM audit WHERE actor = 'bob via test'")
    assert actors == 2, "the request, and the piece"


def test_a_campaign_that_is_given_again_goes_on(place: Installation) -> None:
    begun(place)
    again = json.loads(place.call(*CAMPAIGN, "--json")[1])
    assert again["needed"] + again["known"] == 3
    ((rows,),) = place.machine.rows("SELECT count(*) FROM key_change")
    assert rows == 3


def test_who_has_not_bought(place: Installation) -> None:
    begun(place)
    place.machine.do(buy(20_000, METERS[1], "+256700000002"), "b")
    code, out, _ = place.call("keychange", "export", "--campaign", "c1")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [(row["meter"], row["account"], row["phone"]) for row in rows] == [
        (METERS[0], "100001", "+256700000001"),
        (METERS[2], "100003", "+256700000003"),
    ]
    assert rows[0]["needed_at"].startswith("2026-11-21T09:00")
    found = json.loads(place.call("keychange", "export", "--campaign", "c1", "--json")[1])
    assert [each["meter"] for each in found] == [METERS[0], METERS[2]]


def test_confirmed_and_failed(place: Installation) -> None:
    begun(place)
    reason = ("--reason", "job 17", "--operator", "alice")
    code, _, err = place.call("keychange", "confirm", METERS[0], "--how", "field", *reason)
    assert (code, err.strip()) == (
        1,
        f"Meter {METERS[0]}: no set was issued yet; there is nothing to confirm.",
    )
    for n in (0, 1):
        place.machine.do(buy(20_000, METERS[n], f"+25670000000{n + 1}"), f"b{n}")
    code, out, _ = place.call("keychange", "confirm", METERS[0], "--how", "field", *reason)
    assert (code, out) == (0, f"meter {METERS[0]}: confirmed\n")
    code, out, _ = place.call("keychange", "fail", METERS[1], *reason, "--json")
    assert (code, json.loads(out)["state"]) == (0, "failed")


def test_one_meter_with_its_tokens_of_before(place: Installation) -> None:
    place.machine.do(buy(5_000, METERS[0], "+256700000001"), "before")
    begun(place)
    place.machine.do(buy(20_000, METERS[0], "+256700000001"), "first")
    code, out, _ = place.call("keychange", "status", "--meter", METERS[0])
    assert code == 0
    assert f"meter {METERS[0]}: {NOW}/1/01 to {NOW}/2/01, issued" in out
    assert "campaign c1; printed 1 times; by alice: rollover" in out
    assert "under the old key: receipt DP-00000001" in out
    (old,) = json.loads(place.call("keychange", "status", "--meter", METERS[0], "--json")[1])[
        "old_tokens"
    ]
    assert "digits" not in old, "digits are shown on the record only"
    assert place.call("keychange", "status", "--meter", "04123456784")[0] == 1


def test_nobody_moves_a_single_meter_alone(place: Installation) -> None:
    single = (*START, "--meter", METERS[0])
    code, out, _ = place.call(*single)
    assert code == 0
    assert out.startswith(f"act 1: key-change for meter {METERS[0]}: requested\n")
    assert place.machine.rows("SELECT count(*) FROM key_change") == [(0,)]
    assert place.call("act", "approve", "1", "--operator", "alice")[0] == 1
    code, out, _ = place.call("act", "approve", "1", "--operator", "carol")
    assert (code, out) == (0, f"act 1: key-change for meter {METERS[0]}: done\n")
    assert place.call("keychange", "status")[1].startswith("single meters, from")
    sold = place.machine.do(buy(20_000, METERS[0], "+256700000001"), "b")
    assert len(sold.data["kct"]) > 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (START, 2, "which meters?"),
        ((*START, "--from", "20145/1", "--campaign", "c"), 2, "six digits"),
        ((*START, "--from", "201457/8", "--campaign", "c"), 1, "no meter of supply group"),
        ((*START, "--from", f"{NOW}/1"), 2, "--from and --campaign"),
        ((*START, "--meter", METERS[0], "--campaign", "c"), 2, "--from and --campaign"),
        ((*START[:2], "--to", "999999/1", "--reason", "x", "--meter", METERS[0], *START[-2:]),
         1, "No valid vending key for supply group 999999"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(
    place: Installation, words: tuple[str, ...], code: int, said: str
) -> None:
    found, _, err = place.call(*words)
    assert found == code
    assert said in err
