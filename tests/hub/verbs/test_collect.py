"""``wattbus collect``, ``arrears``, ``pay`` and ``check --ledger``, against a hub that answers."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.company import Operator
from core.messages import Outcome
from core.store.invariants import INVARIANTS
from core.sts.keystore import demo_keys, dump_key_file
from hub import companies, operators
from hub.config import read
from tests.core.collection.desk import whole
from tests.hub.machine import MASTER, buy, enrol
from tests.hub.verbs.installation import Installation, answering, installed

OPERATORS = """
[operators.grace]
roles = ["cashier", "collection-supervisor"]
refund_per_day = 100000
waive_alone = 500
waive_per_day = 500
write_off_per_day = 1000000
credit_note_per_day = 1000000

[operators.henry]
roles = ["collection-approver"]
"""
BY_GRACE = ("--operator", "grace", "--reason", "asked at the desk")


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
    for number, drn, phone in (
        ("100001", "04123456784", "+256700000001"),
        ("100002", "04123456792", "+256700000002"),
    ):
        assert machine.do(enrol(number, drn, phone), number).outcome == Outcome.DONE
    with answering(place):
        yield place
    whole(machine)


def said(place: Installation, *words: str) -> Any:
    """What the verb says with --json; it ended well."""
    code, out, err = place.call(*words, "--json")
    assert (code, err) == (0, ""), (out, err)
    return json.loads(out)


def test_a_fee_is_raised_paid_and_shown(place: Installation) -> None:
    code, out, err = place.call(
        "collect", "request", "fee", "100001", *BY_GRACE, "--fee", "reconnection"
    )
    assert (code, err) == (0, "")
    assert "act 1: fee for account 100001: done, 35,000 UGX" in out
    assert "item 1, open 35,000 UGX" in out
    code, out, _ = place.call("pay", "100001", "40,000")
    assert code == 0
    assert "35,000 UGX of what was owed is paid" in out
    assert "receipt DP-M00000001" in out
    found = said(place, "collect", "show", "100001", "--all")
    assert [(item["code"], item["open"]) for item in found["items"]] == [("reconnection", 0)]
    assert [(p["payment"], p["here"]) for p in found["payments"]] == [("DP-M00000001", 40_000)]
    code, out, _ = place.call("collect", "show", "100001")
    assert code == 0
    assert "owes nothing" in out
    audit = place.machine.rows("SELECT subject FROM audit")
    assert ("account/100001",) in audit


def test_two_people_pay_credit_back(place: Installation) -> None:
    place.call("pay", "100001", "40,000")
    asked = ("collect", "request", "pay-out", "100001", *BY_GRACE, "--amount", "15k")
    code, out, err = place.call(*asked)
    assert (code, err) == (0, "")
    assert "wattbus act approve 1" in out
    listed = said(place, "act", "list", "--state", "requested")
    assert [(act["kind"], act["account"]) for act in listed] == [("pay-out", "100001")]
    code, out, _ = place.call("act", "list")
    assert "pay-out for account 100001 by grace" in out
    code, _, err = place.call("act", "approve", "1", "--operator", "grace")
    assert (code, "role collection-approver" in err) == (1, True)
    done = said(place, "act", "approve", "1", "--operator", "henry")
    assert (done["state"], done["credit"]) == ("done", 25_000)


def test_a_cheque(place: Installation) -> None:
    code, out, _ = place.call("pay", "100001", "9,000", "--way", "cheque", "--also", "100002=500")
    assert code == 0
    assert "received 9,500 UGX for 2 accounts" in out
    refused = place.call("collect", "request", "dishonour", "100001", *BY_GRACE,
                         "--payment", "DP-M00000001")  # fmt: skip
    assert (refused[0], "evidence is needed" in refused[2]) == (1, True)
    done = said(place, "collect", "request", "dishonour", "100001", *BY_GRACE, "--evidence",
                "letter of the bank", "--payment", "DP-M00000001")  # fmt: skip
    assert done["payment"] == "DP-M00000001"
    found = said(place, "collect", "show", "100001")
    assert [item["code"] for item in found["items"]] == ["returned-cheque"]
    waits = place.call("pay", "100002", "700", "--way", "cheque")[1]
    assert "700 UGX wait for the bank" in waits


def test_a_reference_with_a_slash_is_no_other_desk(place: Installation) -> None:
    paid = ("pay", "100001", "9,000", "--desk")
    first = said(place, *paid, "a/b", "--reference", "c")
    second = said(place, *paid, "a", "--reference", "b/c")
    third = said(place, *paid, "a", "--reference", "b%2Fc")
    assert (first["repeat"], second["repeat"], third["repeat"]) == (False, False, False)
    assert third["credit"] == 27_000
    assert said(place, *paid, "a", "--reference", "b/c")["message"] == second["message"]


def test_old_debts_ageing_and_late_fees(place: Installation, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text("account,year,amount\n100001,2024,120000\n100002,2024,5000\n")
    by = ("--operator", "grace")
    assert place.call("arrears", "import", str(file), *by, "--check")[0] == 0
    by += ("--taken-over-on", "2025-01-01")
    taken = said(place, "arrears", "import", str(file), *by)
    assert (taken["debts"], taken["owed"]) == (2, 125_000)
    again = said(place, "arrears", "import", str(file), *by)
    assert (again["done"], again["before"]) == (0, 1), "nothing was added"
    assert place.machine.rows("SELECT sum(credit) FROM account") == [(0,)]
    changed = tmp_path / "changed.csv"
    changed.write_text(file.read_text() + "100003,2024,1\n100001,2023,x\n")
    code, _, err = place.call("arrears", "import", str(changed), *by)
    assert (code, "changed.csv:5: 'x' is no amount" in err) == (1, True)
    changed.write_text(file.read_text() + "100003,2024,1\n")
    code, _, err = place.call("arrears", "import", str(changed), *by)
    assert code == 1
    assert "changed.csv:2: account 100001 has a debt of 2024 on file already" in err
    assert "changed.csv:3: account 100002 has a debt of 2024 on file already" in err
    assert "changed.csv:4: no account 100003" in err
    run = said(place, "arrears", "late-fees", *BY_GRACE)
    assert run["owed"] == 25_000, "a fifth of the debt is the most"
    again = said(place, "arrears", "late-fees", *BY_GRACE)
    assert (again["done"], again["before"]) == (0, 2)
    found = said(place, "arrears", "ageing")
    assert found["total"] == 150_000
    assert [b["amount"] for b in found["buckets"] if b["amount"]] == [25_000, 125_000]
    code, out, _ = place.call("arrears", "ageing", "--account", "100002")
    assert code == 0
    assert "together" in out
    assert place.call("arrears", "ageing", "--on", "today")[0] == 2


def test_credit_of_an_older_system_is_approved_with_its_file(
    place: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "old.csv"
    file.write_text("account,year,amount\n100001,2024,12000\n100002,2024,-5000\n100002,2023,-70\n")
    by = ("--operator", "grace")
    assert "1 debts, 2 credits" in place.call("arrears", "import", str(file), *by, "--check")[1]
    code, out, _ = place.call("arrears", "import", str(file), *by)
    assert (code, f"2 credits wait for a second person: wattbus arrears approve {file}" in out) == (
        0, True,
    )  # fmt: skip
    assert said(place, "arrears", "import", str(file), *by)["before"] == 3
    credits_ = "SELECT credit FROM account ORDER BY number"
    assert place.machine.rows(credits_) == [(0,), (0,)], "one person makes no money"
    other = tmp_path / "other.csv"
    other.write_text(file.read_text().replace("-70", "-7000"))
    assert place.call("arrears", "approve", str(other), "--operator", "henry")[0] == 1
    code, _, err = place.call("arrears", "approve", str(file), *by)
    assert (code, "the role collection-approver is needed" in err) == (1, True)
    assert said(place, "arrears", "approve", str(file), "--operator", "henry")["amount"] == 5_070
    assert place.machine.rows(credits_) == [(0,), (5_070,)]
    assert place.call("arrears", "approve", str(file), "--operator", "henry")[0] == 1, "none waits"


def test_a_refused_piece_is_given_again(place: Installation, tmp_path: Path) -> None:
    """Its operator had lost his role; he has it back."""
    file = tmp_path / "old.csv"
    file.write_text("account,year,amount\n100001,2024,12000\n")
    words = ("arrears", "import", str(file), "--operator", "grace")
    terms = place.machine.worker.batch.terms
    place.machine.worker.batch.terms = {
        "demo": replace(terms["demo"], operators={"grace": Operator(frozenset())})
    }
    assert place.call(*words)[0] == 1
    place.machine.worker.batch.terms = terms
    assert said(place, *words)["debts"] == 1
    assert said(place, *words)["before"] == 1


def test_purchases_shall_pay(place: Installation, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    file.write_text("account,year,amount\n100001,2024,12000\n")
    said(place, "arrears", "import", str(file), "--operator", "grace")
    done = said(place, "collect", "request", "recover", "100001", *BY_GRACE, "--item", "1",
                "--method", "percent_of_tender", "--value", "12.5")  # fmt: skip
    assert done["state"] == "requested"
    assert place.call("act", "approve", str(done["act"]), "--operator", "henry")[0] == 0
    assert place.machine.rows("SELECT value FROM debt") == [(12_500_000,)]
    assert said(place, "arrears", "ageing")["in_recovery"] == 12_000
    bad = ("--method", "percent_of_tender", "--value", "a lot")
    words = ("collect", "request", "recover", "100001", *BY_GRACE)
    assert place.call(*words, *bad)[0] == 2


def test_the_journal_is_replayed(place: Installation) -> None:
    assert place.call("check", "--replay")[0] == 1, "there are no keys yet"
    (place.folder / "master.key").write_text(MASTER.hex())
    (place.folder / "keys.json").write_text(dump_key_file(demo_keys(MASTER, "demo")))
    place.call("pay", "100001", "40,000", "--way", "transfer", "--reference", "FT-1")
    place.machine.do(buy(20_000), "sale")
    code, out, _ = place.call("check", "--replay")
    assert (code, "4 commands replayed, 0 rows given: the same books" in out) == (0, True), out
    told = said(place, "check", "--replay")
    assert (told["ok"], told["commands"], told["differences"]) == (True, 4, [])
    with place.machine.store.transaction() as tx:
        tx.run("UPDATE account SET credit = credit + 1 WHERE number = '100001'")
    code, out, _ = place.call("check", "--replay")
    assert code == 1
    assert "DIFFERENT: account 100001: credit " in out
    code, out, _ = place.call("check", "--replay", "--json")
    assert (code, json.loads(out)["differences"][0]["what"]) == (1, "account 100001")
    assert place.call("check", "--ledger", "--replay")[0] == 2
    with place.machine.store.transaction() as tx:
        tx.run("UPDATE account SET credit = credit - 1 WHERE number = '100001'")


def test_a_second_payment_of_a_number_is_told_with_the_first(place: Installation) -> None:
    words = ("100001", "4,000", "--way", "transfer", "--reference", "FT-1")
    first = said(place, "pay", *words)["payment"]
    assert said(place, "pay", *words)["repeat"]
    code, _, err = place.call("pay", *words, "--again")
    assert (code, f"received already, as {first}" in err) == (1, True)
    cheque = ("pay", "100001", "50", "--way", "cheque", "--reference", "417")
    one = said(place, *cheque, "--bank", "Stanbic")
    two = said(place, *cheque, "--bank", "Centenary")
    assert one["payment"] != two["payment"]
    reverse = ("collect", "request", "reverse", "100001", *BY_GRACE, "--evidence", "slip")
    act = said(place, *reverse, "--payment", first)["act"]
    place.call("act", "approve", str(act), "--operator", "henry")
    assert not said(place, "pay", *words, "--again")["repeat"]


def test_the_ledger_is_checked(place: Installation) -> None:
    place.call("pay", "100001", "40,000")
    code, out, _ = place.call("check", "--ledger")
    assert (code, f"{len(INVARIANTS)} of {len(INVARIANTS)} invariants hold" in out) == (0, True)
    assert said(place, "check", "--ledger")["ok"] is True
    with place.machine.store.transaction() as tx:
        tx.run("UPDATE account SET credit = credit + 1 WHERE number = '100001'")
    code, out, _ = place.call("check", "--ledger")
    assert code == 1
    assert "NOT TRUE: An account's credit is the sum of its postings" in out
    assert "account 100001: credit 40001, postings 40000" in out
    code, out, _ = place.call("check", "--ledger", "--json")
    assert (code, json.loads(out)["offences"][0]["invariant"]) == (1, "credit-is-postings")
    assert place.call("check", "--ledger", "--tokens")[0] == 2
    assert place.call("check", "--json")[0] == 2
    with place.machine.store.transaction() as tx:
        tx.run("UPDATE account SET credit = credit - 1 WHERE number = '100001'")


def test_help_names_every_kind(place: Installation) -> None:
    code, out, _ = place.call("collect", "request", "--help")
    assert code == 0
    assert "write-off" in out
