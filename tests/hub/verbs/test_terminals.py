"""``wattbus terminals``, against a hub that answers."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from core.messages import Message, name_of
from hub import companies, operators
from hub.config import read
from hub.pins import proof
from tests.core.agents import shop
from tests.core.collection.desk import whole
from tests.core.terminals.shop import DAY, off, on, report
from tests.hub.verbs.installation import Installation, answering, installed
from tests.hub.verbs.test_agents import OPERATORS, RUTH, SAM

KEY = "0f" * 32


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setattr(operators, "_N", 2)
    place = installed(tmp_path)
    (tmp_path / "pin.key").write_text(KEY)
    text = place.config.read_text().replace("test = true", 'test = true\npin_key_file = "pin.key"')
    place.config.write_text(text + OPERATORS)
    machine = place.machine
    machine.time.at_us = time.time_ns() // 1_000 - 60_000_000
    staff = companies._operators(read(place.config), "demo")
    machine.worker.batch.terms = {"demo": replace(machine.terms, operators=staff)}
    with answering(place):
        for number in ("A1", "A2"):
            shop.opened(machine, number)
        yield place
    whole(machine)


def said(place: Installation, *words: str, stdin: str = "") -> Any:
    """What the verb says with --json; it ended well."""
    code, out, err = place.call("terminals", *words, "--json", stdin=stdin)
    assert (code, err) == (0, ""), (out, err)
    return json.loads(out)


def agreed(place: Installation, *words: str, stdin: str = "") -> Any:
    """Asked for by ruth, approved by sam."""
    return said(place, "approve", str(said(place, *words, *RUTH, stdin=stdin)["act"]), *SAM)


def registered(place: Installation) -> None:
    agreed(place, "register", "T1", "--agent", "A1", "--name", "Desk", "--place", "Market")


def test_a_terminal_from_the_first_to_the_last_day(place: Installation) -> None:
    code, out, err = place.call("terminals", "register", "T1", "--agent", "A1", *RUTH)
    assert (code, err) == (0, "")
    assert "terminal-register for terminal T1: requested" in out
    act = place.machine.rows("SELECT max(id) FROM token_act")[0][0]
    assert said(place, "approve", str(act), *SAM)["terminal"] == "T1"
    agreed(place, "request", "terminal-parameters", "--terminal", "T1", "--parameter", "apn=a=b",
           "--parameter", "idle_s=60")  # fmt: skip
    agreed(place, "request", "terminal-emergency", "--terminal", "T1", "--limit", "50k",
           "--receipts", "20")  # fmt: skip
    shop.done(place.machine, report("T1", latitude=347_596, longitude=32_582_520, signal=-87))
    code, out, _ = place.call("terminals", "show", "T1")
    assert code == 0
    for line in (
        "state:              active",
        "parameters:         apn=a=b, idle_s=60",
        "location:           0.347596, 32.582520",
        "signal:             -87 dBm",
        "emergency limit:    50,000 UGX",
        "receipts:           10001 to 10020",
    ):
        assert line in out, out
    code, out, _ = place.call("terminals", "request", "terminal-lost", "--terminal", "T1", *RUTH)
    assert (code, "terminal-lost for terminal T1: done" in out, "state lost" in out) == (
        0, True, True,
    )  # fmt: skip
    agreed(place, "request", "terminal-bind", "--terminal", "T1", "--agent", "A2")
    (found,) = said(place, "list", "--agent", "A2")
    assert (found["number"], found["state"]) == ("T1", "lost")
    assert said(place, "list", "--agent", "A1") == []
    code, out, _ = place.call("terminals", "list")
    assert (code, out.split()[:3]) == (0, ["T1", "lost", "A2"])
    kinds = [act["kind"] for act in said(place, "history", "T1")]
    assert kinds == [
        "terminal-bind", "terminal-lost", "terminal-emergency", "terminal-parameters",
        "terminal-register",
    ]  # fmt: skip
    code, out, _ = place.call("terminals", "history", "T1", "--limit", "1")
    assert (code, "terminal-bind" in out, "ruth, sam: asked at the desk" in out) == (0, True, True)
    assert ("terminal/T1",) in place.machine.rows("SELECT subject FROM audit")


def test_a_cashier_signs_on_by_the_pin_that_was_keyed_in(place: Installation) -> None:
    registered(place)
    add = ("request", "cashier-add", "--agent", "A1", "--cashier", "07", "--name", "Okello")
    agreed(place, *add, stdin="4711\n")
    proved = proof(bytes.fromhex(KEY), "demo", "A1", "07", "4711")
    begun = replace_proof(on(terminal="T1"), proved)
    shop.done(place.machine, begun)
    (found,) = said(place, "list")
    assert (found["cashier"], found["cashiers_needed"]) == ("07", True)
    (shift,) = said(place, "shifts", "--terminal", "T1")
    assert (shift["cashier"], shift["day"], shift["closed_at"]) == ("07", DAY, 0)
    code, out, _ = place.call("terminals", "shifts", "--agent", "A1")
    assert (code, "still open" in out, "Okello  nothing sold" in out) == (0, True, True)
    block = ("request", "cashier-block", "--agent", "A1", "--cashier", "07", *RUTH)
    code, out, _ = place.call("terminals", *block)
    assert (code, "for agent A1, cashier 07: done" in out) == (0, True)
    (clerk,) = said(place, "cashiers", "A1")
    assert (clerk["code"], clerk["state"], clerk["wrong"]) == ("07", "blocked", 0)
    code, out, _ = place.call("terminals", "cashiers", "A1")
    assert (code, out.split()) == (0, ["07", "blocked", "Okello"])
    nothing_of_it_is_kept(place, proved)


def replace_proof(message: Any, proved: str) -> Any:
    return msgspec.structs.replace(message, pin_proof=proved)


def nothing_of_it_is_kept(place: Installation, proved: str) -> None:
    """The PIN is nowhere; its proof neither on record nor on a screen."""
    for subject, detail in place.machine.rows("SELECT subject, detail FROM audit"):
        assert "4711" not in detail
        assert proved not in detail, subject
    for act in range(1, 9):
        _, out, _ = place.call("act", "show", str(act))
        assert proved not in out


def test_a_pin_that_is_guessed_first_is_not_set(place: Installation) -> None:
    add = ("request", "cashier-add", "--agent", "A1", "--cashier", "07", "--name", "O", *RUTH)
    for pin in ("1234", "471", ""):
        code, _, err = place.call("terminals", *add, stdin=f"{pin}\n")
        assert (code, err.startswith("a PIN")) == (2, True)
    (place.folder / "pin.key").unlink()
    code, _, err = place.call("terminals", *add, stdin="4711\n")
    assert (code, "pin.key" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("show", "T9"), 1, "there is no terminal T9"),
        (("shifts",), 2, "--terminal or --agent"),
        (("request", "terminal-fly", *RUTH), 1, "no such act"),
        (("request", "terminal-block", "--terminal", "T9", *RUTH), 1, "No terminal T9"),
        (("request", "terminal-parameters", "--parameter", "x", *RUTH), 2, "name=value"),
        (("request", "terminal-emergency", "--limit", "lots", *RUTH), 2, "lots"),
        (("register", "T1", "--agent", "A9", *RUTH), 1, "No agent A9"),
    ],
)
def test_what_is_wrong_is_said(
    place: Installation, words: tuple[str, ...], code: int, sentence: str
) -> None:
    found, _, err = place.call("terminals", *words)
    assert (found, sentence in err) == (code, True), err


def test_nothing_to_show(place: Installation) -> None:
    for words, nothing in (
        (("list",), "no terminals"),
        (("cashiers", "A1"), "no cashiers"),
        (("shifts", "--agent", "A1"), "no shifts"),
        (("history", "T1"), "nothing was done with it"),
    ):
        assert place.call("terminals", *words) == (0, f"{nothing}\n", "")


@pytest.mark.parametrize("message", [on(), off(), report()], ids=lambda m: type(m).__name__)
def test_nobody_makes_up_what_terminals_say(place: Installation, message: Message) -> None:
    request = {"do": "submit", "company": "demo", "key": "k", "type": name_of(message).name}
    reply = place.answer({**request, "data": msgspec.to_builtins(message)})
    assert "is said by its channel alone" in reply["error"]
