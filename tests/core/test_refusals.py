"""Refusals: each has a code, a sentence whose holes are known, and never hides the rest."""

import ast
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from core.refusals import OPERATOR, Refusal, operator_sentence, refuse

ROOT = Path(__file__).parent.parent.parent


def holes(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@cache
def raised() -> list[tuple[str, str, set[str]]]:
    """(place, code, argument names) of every refuse(…) in the code."""
    return list(_raised())


def _raised() -> Iterator[tuple[str, str, set[str]]]:
    for folder in ("core", "hub", "channels"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                    continue
                if node.func.id == "refuse" and isinstance(node.args[0], ast.Constant):
                    names = {keyword.arg or "*" for keyword in node.keywords}
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    yield place, str(node.args[0].value), names


def test_an_unknown_code_is_our_own_mistake() -> None:
    with pytest.raises(KeyError):
        refuse("no-such-code")


def test_every_refusal_of_the_code_has_its_sentence() -> None:
    found = raised()
    assert len(found) > 15
    assert [place for place, code, _ in found if code not in OPERATOR] == []


def filled(names: set[str]) -> set[str]:
    """The sign of the unit comes of the commodity."""
    return names | {"unit"} if "commodity" in names else names


def test_a_refusal_fills_the_holes_of_its_sentence() -> None:
    poor = [
        f"{place} {code}: {sorted(missing)}"
        for place, code, names in raised()
        if "*" not in names and (missing := holes(OPERATOR[code]) - filled(names))
    ]
    assert poor == []


def test_a_missing_argument_shows_and_hides_nothing() -> None:
    assert operator_sentence("meter-length", {"meter": "0412"}) == (
        "Meter 0412 has ? digits; a DRN has 11 or 13. No money moved."
    )
    refusal = refuse("account-unknown", account="1", company="Demo Power")
    assert refusal.operator() == "No account 1 in Demo Power."
    assert isinstance(refusal, Refusal)


@pytest.mark.parametrize(
    ("code", "args", "said"),
    [
        (
            "credit-insufficient",
            {"account": "1", "credit": 5_000, "tender": 20_000, "currency": "UGX"},
            "Account 1 has 5,000 UGX to spend; 20,000 UGX were asked.",
        ),
        (
            "tender-too-small",
            {"tender": 12_345, "smallest": 99, "currency": "KES"},
            "Tender 123.45 KES is below the smallest useful amount 0.99 KES.",
        ),
        (
            "quote-changed",
            {"quoted": 281, "units": 300},
            "The quote was 28.1 kWh, it would be 30.0 kWh; asked again.",
        ),
        (
            "credit-above-meter",
            {"meter": "04123456784", "largest": 7_000_000, "limit": 99_999, "currency": "UGX"},
            "More than meter 04123456784 takes at once; at most 7,000,000 UGX.",
        ),
    ],
)
def test_amounts_and_units_are_written_as_people_do(
    code: str, args: dict[str, object], said: str
) -> None:
    assert operator_sentence(code, args) == said


@pytest.mark.parametrize("code", sorted(OPERATOR))
def test_every_sentence_can_be_said(code: str) -> None:
    said = operator_sentence(code, dict.fromkeys(holes(OPERATOR[code]), "x"))
    assert said[0].isupper()
    assert said.endswith(".")
    assert "?" not in said
