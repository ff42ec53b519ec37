"""The file of wallets: what it says, and what is wrong with it, with the line."""

from pathlib import Path

import pytest
import yaml

from core.documents import DocumentError
from core.wallets.load import load_file
from tests.hub.machine import ROOT

TEXT = (ROOT / "mappings/wallets/demo.yaml").read_text()


def wrong(text: str) -> str:
    """What is said of a text."""
    with pytest.raises(DocumentError) as caught:
        load_file(text, "w.yaml")
    return str(caught.value)


def test_the_demonstration_file() -> None:
    found = load_file(TEXT, "w.yaml")
    assert found.currency == "UGX"
    assert set(found.terms.wallets) == {"mtn", "airtel"}
    mtn = found.terms.wallets["mtn"]
    assert (mtn.currency, mtn.least, mtn.most, mtn.asks_s) == ("UGX", 500, 5_000_000, 300)
    assert found.terms.held["unknown"].then == "work-list"
    serving = found.terms.serving("+256772123456")
    assert serving is not None
    assert serving.name == "mtn"


@pytest.mark.parametrize(
    "file", sorted((ROOT / "mappings/wallets").glob("*.yaml")), ids=lambda file: file.stem
)
def test_every_file_that_ships_is_for_providers_that_take_its_currency(file: Path) -> None:
    found = load_file(file.read_text(), file.name)
    for wallet in found.terms.wallets.values():
        theirs = file.parent / "providers" / f"{wallet.provider}.yaml"
        said = yaml.safe_load(theirs.read_text())
        assert wallet.currency in said["currencies"], wallet.name
        assert wallet.refunds == ("refund" in said["paths"]), wallet.name


def test_nothing_is_believed_by_a_notice_alone_unless_the_file_says_so() -> None:
    unsaid = load_file(TEXT.replace("      large: 1000000\n", ""), "w.yaml").terms.wallets
    said = load_file(TEXT.replace("large: 1000000", "large: 0"), "w.yaml").terms.wallets
    assert {each.large for each in unsaid.values()} == {1}
    assert {each.large for each in said.values()} == {0}


def line_of(part: str) -> int:
    """The line that a text stands in."""
    return TEXT[: TEXT.index(part)].count("\n") + 1


WRONG = [
    ("name: mtn", "name: MTN", "small letters"),
    ("name: mtn", "name: airtel", "is there already"),
    ("asks_s: 300", "asks_s: 3", "asks_s"),
    ('"25676"', '"+25676"', "digits of E.164"),
    ('["25676"', '["25670"', "serves it too"),
    ("names: agent", "names: agents", "did you mean 'agent'"),
    ('"AG[0-9]+"', '"AG[0-9"', "no regular expression"),
    ("bill 12]", "bill 13]", "it reads ['bill INV12', 'bill 12']"),
    ('typed: "AG17"', 'typed: "AG17", payer: "+256"', "a payer or a typed text"),
    ("reason: unknown", "reason: unknwn", "did you mean 'unknown'"),
    ("reason: small", "reason: unknown", "is there already"),
    ("then: work-list}", "then: keep}", "allowed: refund, credit, work-list"),
    ("smallest: 500", "smallest: 500.5", "finer"),
    ("alone: 50000", "alone: -1", "0 or more"),
    ('"+256770000001", wallet: mtn', '"+256770000001", wallet: airtel', "is served by mtn"),
    ("most: 5000000", "most: 1", "less than least"),
]


@pytest.mark.parametrize(("part", "instead", "says"), WRONG, ids=[w[1] for w in WRONG])
def test_what_is_wrong_is_said_with_its_line(part: str, instead: str, says: str) -> None:
    said = wrong(TEXT.replace(part, instead, 1))
    assert says in said
    at = {"name: mtn": "name: airtel", '["25676"': '"25670"'}.get(part, part)
    at = at if "already" in says or "too" in says else part
    there = range(line_of(at) - 6, line_of(at) + 2)  # or where its entry begins
    assert any(f"w.yaml:{line}:" in said for line in there), said


def test_everything_that_is_wrong_is_said_at_once() -> None:
    said = wrong(TEXT.replace("asks_s: 300", "asks_s: 3").replace("hours: 720", "hours: 0"))
    assert said.count("w.yaml:") == 2
