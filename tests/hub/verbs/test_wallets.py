"""``wattbus wallets``, against a hub that answers; and what ``wattbus find`` tells of a payment."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.calendars import local_time
from hub import companies, operators
from hub.config import read
from hub.verbs import init
from tests.core.collection.desk import whole
from tests.core.wallets.proofs import states
from tests.core.wallets.purse import METER, done, pay_in
from tests.hub.machine import ROOT, enrol
from tests.hub.verbs.installation import Installation, answering, installed

PEOPLE = """
[operators.ann]
roles = ["collection-supervisor"]
refund_per_day = 10000000

[operators.ben]
roles = ["collection-approver"]
"""
ANN = ("--operator", "ann", "--reason", "he called", "--evidence", "call 17")
HEAD = "Receipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Other Party Info,"
HEAD += "Linked Transaction ID,A/C No.\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """The demo company's wallets, one of them with a provider whose file has totals; ``ann`` asks,
    ``ben`` agrees."""
    monkeypatch.setattr(operators, "_N", 2)
    place = installed(tmp_path)
    wallets = (ROOT / "mappings/wallets/demo.yaml").read_text().replace("airtel", "mpesa")
    (place.folder / "wallets.yaml").write_text(wallets)
    text = place.config.read_text().replace("test = true", 'test = true\nwallets = "wallets.yaml"')
    place.config.write_text(text + PEOPLE)
    config, machine = read(place.config), place.machine
    machine.time.at_us = time.time_ns() // 1_000 - 60_000_000
    terms = replace(
        machine.terms,
        operators=companies._operators(config, "demo"),
        wallets=companies.wallet_terms(config, config.companies["demo"]),
    )
    machine.worker.batch.terms = {"demo": terms}
    with answering(place):
        done(machine, enrol())
        yield place
    whole(machine)


def said(place: Installation, *words: str) -> Any:
    """What the verb says with --json; it ended well."""
    code, out, err = place.call("wallets", *words, "--json")
    assert (code, err) == (0, ""), (out, err)
    return json.loads(out)


def day(place: Installation) -> str:
    return local_time(place.machine.time.at_us, "Africa/Kampala").strftime("%Y%m%d")


def export(place: Installation, *lines: tuple[str, int, str], total: int = 0) -> str:
    """A statement file of today; its path."""
    at = local_time(place.machine.time.at_us, "Africa/Nairobi").strftime("%d-%m-%Y 00:00:01")
    rows = [f"{r},{at},Pay Bill from X,Completed,{a}.00,,2567*,,{t}\n" for r, a, t in lines]
    told = total or sum(amount for _, amount, _ in lines)
    path = place.folder / "day.csv"
    path.write_text(HEAD + "".join(rows) + f"Total Paid In,{told}\nTotal Withdrawn,0\n")
    return str(path)


def test_from_a_statement_to_a_balance_that_agrees(place: Installation) -> None:
    for receipt, amount in (("SKL1AAAAA1", 20_000), ("SKL1AAAAA2", 7_000)):
        done(place.machine, pay_in(amount, receipt=receipt))
    code, out, _ = place.call("wallets", "balance")
    assert (code, "mpesa (UGX) DIFFERS" in out) == (1, True)
    file = export(
        place, ("SKL1AAAAA1", 20_000, METER), ("SKL1AAAAA2", 7_000, METER),
        ("SKL1AAAAA3", 3_000, METER),
    )  # fmt: skip
    told = said(place, "statement", file, "--wallet", "mpesa", "--day", day(place), *ANN[:2])
    assert (told["match"], told["theirs-only"], told["lines"]) == (2, 1, 3)
    place.machine.settle()
    (mpesa,) = [each for each in said(place, "balance") if each["wallet"] == "mpesa"]
    assert (mpesa["ledger"], mpesa["statement"], mpesa["unsettled"]) == (30_000,) * 3
    settled = ("settle", "B1", "29,700", "--wallet", "mpesa", "--until", day(place), "--fee", "300",
               *ANN[:2])  # fmt: skip
    assert said(place, *settled)["difference"] == 0
    code, out, _ = place.call("wallets", *settled)
    assert "30,000 UGX were to come; nothing is missing" in out
    place.machine.settle()
    (mpesa,) = [each for each in said(place, "balance") if each["wallet"] == "mpesa"]
    assert (mpesa["ledger"], mpesa["bank"], mpesa["fees"], mpesa["agrees"]) == (
        0, 29_700, 300, True,
    )  # fmt: skip
    assert set(states(place.machine).values()) == {"settled"}


def test_a_corrected_file_may_have_fewer_pages(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.verbs.wallets.MAX_LINES", 2)
    lines = [(f"SKL1AAAAA{n}", 1_000 * n, METER) for n in (1, 2, 3)]
    words = ("--wallet", "mpesa", "--day", day(place), "--operator", "ann")
    assert said(place, "statement", export(place, *lines), *words)["lines"] == 3
    place.machine.settle()
    told = said(place, "statement", export(place, lines[0], lines[2]), *words)
    assert (told["lines"], told["withdrawn"]) == (2, 1)
    place.machine.settle()
    rows = place.machine.rows("SELECT receipt, outcome, page FROM wallet_statement_line ORDER BY 1")
    assert rows == [
        ("SKL1AAAAA1", "theirs-only", 1),
        ("SKL1AAAAA2", "ours-only", 0),
        ("SKL1AAAAA3", "theirs-only", 1),
    ]


@pytest.mark.parametrize(
    "words",
    [("list", "--state", "opne"), ("list", "--wallet", "mpsea"), ("cases", "--state", "all")],
)
def test_a_slip_of_the_key_is_no_empty_list(place: Installation, words: tuple[str, ...]) -> None:
    code, out, err = place.call("wallets", *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"{words[1]} {words[2]}: one of ")


def test_a_file_that_does_not_add_up_books_nothing(place: Installation) -> None:
    file = export(place, ("SKL1AAAAA1", 183_450, METER), total=183_400)
    code, _, err = place.call(
        "wallets", "statement", file, "--wallet", "mpesa", "--day", day(place), *ANN[:2]
    )
    assert (code, err.strip()) == (
        1,
        "Statement day.csv rejected: total in 183,450, trailer says 183,400; nothing was booked",
    )
    assert place.machine.rows("SELECT count(*) FROM wallet_statement") == [(0,)]
    code, _, err = place.call("wallets", "statement", file, "--wallet", "gold", "--day", "1")
    assert (code, err.startswith("no wallet gold; there are: ")) == (2, True)


def test_what_is_held_is_assigned_by_one_and_refunded_by_two(place: Installation) -> None:
    first = done(place.machine, pay_in(7_000, "who", receipt="SKL1AAAAA1"))["payment"]
    second = done(place.machine, pay_in(90_000, "who", receipt="SKL1AAAAA2"))["payment"]
    assert [each["payment"] for each in said(place, "held")] == [first, second]
    code, out, _ = place.call("wallets", "held")
    assert (code, out.count("unknown")) == (0, 2)
    data = said(place, "request", "wallet-assign", "--payment", first, "--meter", METER, *ANN)
    assert (data["state"], data["outcome"]) == ("done", "sold")
    asked = said(place, "request", "wallet-refund", "--payment", second, *ANN)
    assert asked["state"] == "requested"
    assert said(place, "approve", str(asked["act"]), "--operator", "ben")["refund_state"] == "asked"
    shown = said(place, "show", second)
    assert shown["payments"][0]["outcome"] == "refunding"
    code, _, err = place.call("wallets", "request", "wallet-refund", "--payment", second, *ANN)
    assert (code, "never twice" in err) == (1, True)
    assert place.call("wallets", "show", "W-9")[0] == 1


def test_cases_are_listed_and_closed(place: Installation) -> None:
    number = done(place.machine, pay_in(7_000, receipt="SKL1AAAAA1"))["payment"]
    case = said(place, "request", "wallet-wrong-amount", "--payment", number, *ANN)
    (row,) = said(place, "cases")
    assert (row["case"], row["kind"], row["payment"]) == (case["case"], "wrong-amount", number)
    assert "wrong-amount" in place.call("wallets", "cases")[1]
    said(place, "request", "wallet-case-close", "--case", str(row["case"]), *ANN)
    assert said(place, "cases") == []
    assert said(place, "cases", "--state", "closed")[0]["closed_by"] == "ann"


def test_find_tells_the_story_of_a_receipt(place: Installation) -> None:
    number = done(place.machine, pay_in(7_000, "who", receipt="SKL1AAAAA1"))["payment"]
    said(place, "request", "wallet-refund", "--payment", number, *ANN)
    for name in ("SKL1AAAAA1", "skl1aaaaa1", number):
        code, out, _ = place.call("find", name)
        assert (code, "mpesa brought 7,000 UGX, receipt SKL1AAAAA1" in out) == (0, True), out
        assert f"ann asked for wallet-refund of payment {number}" in out


def test_nothing_is_nothing(place: Installation) -> None:
    assert said(place, "list") == []
    assert "no such payments" in place.call("wallets", "list")[1]
    assert "nothing is held" in place.call("wallets", "held")[1]
    assert "no cases" in place.call("wallets", "cases")[1]


def test_a_wallet_whose_channel_is_not_there_is_told(place: Installation, tmp_path: Path) -> None:
    init.command(tmp_path / "new")
    config = tmp_path / "new" / "wattbus.toml"
    text = config.read_text()
    config.write_text(text.replace('# wallets = "demo.yaml"', 'wallets = "demo.yaml"'))
    code, _, err = place.call("check", "--config", str(config))
    told = [line for line in err.splitlines() if "] wallet " in line]
    assert (code, len(told)) == (1, 2), err
    assert told[0].startswith("[companies.demo] wallet mtn: there is no [channels.mtn] of kind mob")
