"""The published vectors, and a runner that lets nothing slip."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from core.sts.conform import KINDS, LIVE_TABLES, run
from core.sts.sta import SAMPLE_TABLES

FILE = Path(__file__).parents[2] / "vectors" / "sts.json"
VECTORS: list[dict[str, Any]] = json.loads(FILE.read_text())["vectors"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_vector_of_a_kind_passes(kind: str) -> None:
    mine = [vector for vector in VECTORS if vector["kind"] == kind]
    assert mine
    assert [outcome for outcome in run(mine) if outcome.result != "ok"] == []


def test_none_is_skipped_and_none_forgotten() -> None:
    counts = Counter(outcome.result for outcome in run(VECTORS))
    assert counts == {"ok": 110}
    assert {vector["kind"] for vector in VECTORS} == set(KINDS)


def flipped(value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return [*value[:-1], flipped(value[-1])]
    return value[:-1] + ("1" if value[-1] != "1" else "2")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_every_expected_field_counts(vector: dict[str, Any]) -> None:
    for field, value in vector["expected"].items():
        wrong = vector | {"expected": vector["expected"] | {field: flipped(value)}}
        (outcome,) = run([wrong])
        assert outcome.result == "failed"
        assert field in outcome.expected or outcome.reason


def sample(kind: str) -> dict[str, Any]:
    return next(vector for vector in VECTORS if vector["kind"] == kind)


@pytest.mark.parametrize(
    "entry",
    [
        None,
        7,
        {},
        {"id": "x", "kind": "dream", "inputs": {}, "expected": {"a": 1}},
        {"id": "x", "kind": "luhn", "inputs": {"digits": "18"}},
        {"id": "x", "kind": "luhn", "inputs": {"digits": "18"}, "expected": {}},
        {"id": "x", "kind": "luhn", "inputs": [], "expected": {"valid": True}},
        {"id": "x", "kind": "luhn", "inputs": {"digits": 18}, "expected": {"valid": True}},
        {"id": "x", "kind": "luhn", "inputs": {"digits": "18"}, "expected": {"valid": 1}},
        {"id": "x", "kind": "luhn", "inputs": {"digits": "18"}, "expected": {"valid": "True"}},
        {"id": "x", "kind": "luhn", "inputs": {"digits": "18"}, "expected": {"sum": 10}},
        {
            "id": "x",
            "kind": "luhn",
            "inputs": {"digits": "18", "b": 1},
            "expected": {"valid": True},
        },
        {"id": "x", "kind": "tid", "inputs": {"time_utc": "2026-7-2"}, "expected": {"tid": 1}},
        {
            "id": "x",
            "kind": "tid",
            "inputs": {"time_utc": "2026-02-30 00:00", "base_year": 2014},
            "expected": {"tid": 1},
        },
        {"id": "x", "kind": "crc", "inputs": {"value50": "zz"}, "expected": {"crc": "0"}},
        {"id": "x", "kind": "amount", "inputs": {"scheme": "gold"}, "expected": {"field": "1"}},
    ],
)
def test_what_is_not_known_is_a_failure(entry: Any) -> None:
    (outcome,) = run([entry])
    assert outcome.result == "failed"
    assert outcome.reason or outcome.got


@pytest.mark.parametrize("kind", ["token", "raw_section", "key_change", "block_cipher"])
def test_odd_inputs_of_the_large_kinds_fail(kind: str) -> None:
    vector = sample(kind)
    for name in vector["inputs"]:
        less = {key: value for key, value in vector["inputs"].items() if key != name}
        odd = vector["inputs"] | {name: {"odd": 1}}
        for inputs in (less, odd):
            (outcome,) = run([vector | {"inputs": inputs}])
            if inputs is less and name in OPTIONAL:
                continue
            assert outcome.result == "failed", name


OPTIONAL = {"rnd", "ro", "sta_tables"}  # without the last one it waits for the live tables


def ea07_token() -> dict[str, Any]:
    return next(vector for vector in VECTORS if vector["id"] == "v0635")


@pytest.mark.parametrize("mark", [{"sta_tables": "live"}, {}])
def test_live_tables_are_asked_for_and_used(mark: dict[str, str]) -> None:
    vector = ea07_token()
    inputs = {key: value for key, value in vector["inputs"].items() if key != "sta_tables"} | mark
    live = vector | {"inputs": inputs}
    (skipped,) = run([live])
    assert (skipped.result, skipped.reason) == ("skipped", LIVE_TABLES)
    (outcome,) = run([live], SAMPLE_TABLES)
    assert outcome.result == "ok"
    odd = vector | {"inputs": inputs | {"sta_tables": "other"}}
    assert run([odd], SAMPLE_TABLES)[0].result == "failed"


def test_a_wrong_clear_block_fails_even_without_the_tables() -> None:
    vector = ea07_token()
    inputs = vector["inputs"] | {"sta_tables": "live"}
    assert run([vector | {"inputs": inputs}])[0].result == "skipped"
    expected = vector["expected"] | {"clear_block": "0551E13604D2B237"}
    assert run([vector | {"inputs": inputs, "expected": expected}])[0].result == "failed"
