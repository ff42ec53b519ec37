"""The runner of tariff cases, and the cases that we ship."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.documents import DocumentError, nodes
from core.tariffs.conform import case_results, conform, conform_file
from core.tariffs.load import load_file

VECTORS = Path("tests/vectors/tariff-cases-wattbus.json")
CASES: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))
FILES = sorted(Path("mappings/tariffs").glob("*.yaml"))


def named(case_id: str, **change: Any) -> dict[str, Any]:
    """A copy of a shipped case, with some top-level keys replaced or (None) removed."""
    (case,) = [case for case in CASES if case["id"] == case_id]
    copy: dict[str, Any] = json.loads(json.dumps(case)) | change
    return {key: value for key, value in copy.items() if value is not None}


def failures(case: dict[str, Any]) -> list[str]:
    report = conform(json.dumps([case]), "cases.json")
    assert report.lines()[-1] in ("1 passed, 0 failed", "0 passed, 1 failed")
    return list(report.results[0].failures)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_cases_inside_each_mapping(path: Path) -> None:
    file = load_file(path.read_text(encoding="utf-8"), path.name)
    assert conform_file(file, path.name).lines() == [f"{len(file.tests)} passed, 0 failed"]


def test_the_shipped_vectors() -> None:
    report = conform(VECTORS.read_text(encoding="utf-8"), VECTORS.name)
    assert report.lines() == [f"{len(CASES)} passed, 0 failed"]
    assert {"UG-VEND-1", "KE-VEND-1", "ZM-VEND-SPLIT", "BD-CATCHUP"} <= {c["id"] for c in CASES}


def test_cases_may_be_yaml() -> None:
    file = load_file(FILES[0].read_text(encoding="utf-8"), "x")
    assert file.mapping == FILES[0].stem
    text = json.dumps(CASES, indent="\t")
    assert conform(text, "x").lines() == [f"{len(CASES)} passed, 0 failed"]


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"exact": {"units": "28.1032"}}, "exact.units: expected 28.1032, came 28.1031"),
        ({"sale": {"units": "28.2"}}, "sale.units: expected 28.2, came 28.1"),
        ({"sale": {"carried_forward": 1}}, "carried_forward: expected 1, came 2"),
        ({"sale": {"lines": []}}, "expected 0 entries, came service 3360, vat 3051, energy"),
        ({"sale": {"colour": "red"}}, "cases.json:1: [0].expected.sale.colour: unknown"),
        ({"sale": {"unit": "1"}}, "sale.unit: unknown; did you mean 'units'? (allowed: carried_f"),
        ({"sale": {"units": {"a": "1"}}}, "expected text, got a mapping"),
        ({"sale": {"units": ["1"]}}, "expected text, got a list"),
        ({"sale": {"units": None}}, "sale.units: expected nothing, came 28.1"),
        ({"sale": {"debts": [{"code": "x"}]}}, "expected 1 entries, came none"),
        ({"refused": {"reason": "too_small"}}, "refused.refused: is not part of what came"),
        ({"refused": {"smallest_useful": "5"}}, "expected.refused: 'reason' is missing"),
        ({"refused": {"reason": "no"}}, "got 'no' (allowed: too_small, overflow, at_jump)"),
        ({}, "needs exact, sale or refused"),
        ({"sale": {}, "refused": {"reason": "overflow"}}, "not both"),
        ({"units": "28.1"}, "expected.units: unknown (allowed: exact, refused, sale)"),
        ({"exact": {"units": "many"}}, "expected a decimal number like 750.9, got 'many'"),
        ({"exact": {"units": "nan"}}, "expected a decimal number like 750.9, got 'nan'"),
        (["28.1"], "[0].expected: expected a mapping with"),
    ],
)
def test_a_difference_is_a_sentence(expected: object, said: str) -> None:
    (failure,) = failures(named("UG-VEND-1", expected=expected))
    assert said in failure


def test_a_wrong_line_is_named() -> None:
    case = named("UG-VEND-1")
    case["expected"]["sale"]["lines"][3]["amount"] = "9839"
    case["expected"]["sale"]["lines"][1]["code"] = "gst"
    assert failures(case) == [
        "sale.lines[1]: nothing like it came; left are vat 3051, energy 3750, energy 9837",
        "sale.lines[3].amount: expected 9839, came 9837",
    ]


def test_lines_are_matched_in_any_order_and_compared_as_numbers() -> None:
    case = named("UG-VEND-1")
    case["expected"]["sale"]["lines"].reverse()
    case["expected"]["sale"]["lines"][0]["amount"] = "9837.00"
    assert failures(case) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tender": None}, "exactly one of tender, sales, units"),
        ({"units": "3"}, "exactly one of tender, sales, units"),
        ({"on": "1999-01-01"}, "not in force before 2018-01-01"),
        (
            {"on": "today"},
            "cases.json:1: [0].input.on: expected a day like 2026-02-28, got 'today'",
        ),
        ({"months_due": None}, "give months_due, or started"),
        ({"started": "2025-01"}, "give months_due, or started"),
        (
            {"months_due": ["2026-13"]},
            "months_due[0]: expected a month like 2026-02, got '2026-13'",
        ),
        ({"tender": "20000.5"}, "finer than 1/1"),
        ({"tender": "-5"}, "tender of -5"),
        ({"policy": {"order": ["energy", "fee"]}}, "order"),
        ({"policy": {"order": ["fees"]}}, "got 'fees'; did you mean 'fee'? (allowed: fee, debts"),
        ({"policy": {"fee": {"code": "x"}}}, "policy.fee: 'label' is missing"),
        ({"encoding": "sts2"}, "(allowed: sts, tenths"),
        ({"attributes": "x"}, "attributes: expected a mapping, got a scalar"),
        ({"attributes": {"kw": "2.0001"}}, "attributes.kw: 2.0001 is finer than 1/1000"),
        ({"colour": "red"}, "[0].input.colour: unknown (allowed: attributes, category"),
    ],
)
def test_a_wrong_input_is_a_failure_that_says_what_is_allowed(
    change: dict[str, Any], said: str
) -> None:
    given = {k: v for k, v in (named("UG-VEND-1")["input"] | change).items() if v is not None}
    (failure,) = failures(named("UG-VEND-1", input=given))
    assert said in failure


@pytest.mark.parametrize(
    ("method", "extra", "said"),
    [
        ("all", {"percent": "5"}, "no percent and no amount"),
        ("fixed", {"percent": "5"}, "needs amount"),
        ("percent_of_tender", {}, "needs percent"),
        ("some", {}, "(allowed: percent_of_tender, percent_of_outstanding, fixed, all)"),
        ("all", {"outstanding": "-1"}, "must not be negative"),
    ],
)
def test_a_debt_says_how_it_is_collected(method: str, extra: dict[str, str], said: str) -> None:
    debt = {"code": "x", "priority": "1", "method": method, "outstanding": "5"} | extra
    given = named("UG-VEND-1")["input"] | {"debts": [debt]}
    (failure,) = failures(named("UG-VEND-1", input=given))
    assert said in failure


def test_fee_caps_and_limits_of_a_case() -> None:
    given = named("UG-VEND-1")["input"] | {
        "policy": {
            "order": ["fee", "fixed", "debts", "tax", "energy"],
            "fee": {"code": "fee", "label": "Fee", "amount": "100", "percent": "1", "cap": "250"},
            "debts_cap": "500",
            "debts_cap_percent": "50",
        },
        "debts": [
            {"code": "a", "priority": 1, "method": "fixed", "amount": "900", "outstanding": "2000"}
        ],
        "max_units": "10",
    }
    refused = {"refused": {"reason": "overflow", "largest_useful": "7620"}}
    assert failures(named("UG-VEND-1", input=given, expected=refused)) == []
    del given["max_units"]
    sale = {"debts": [{"code": "a", "outstanding": "1500"}], "tender": "20000"}
    assert failures(named("UG-VEND-1", input=given, expected={"sale": sale})) == []


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (named("UG-VEND-1", tariff=[]), "[0].tariff: expected a mapping with code, title"),
        (named("UG-VEND-1", kind="bill"), "[0].kind: unknown"),
        (named("UG-VEND-1", source=None), "[0]: 'source' is missing"),
        (named("UG-VEND-1", input=5), "[0].input: expected a mapping with on"),
        ([], "expected a mapping with id"),
    ],
)
def test_a_case_of_unknown_shape_is_a_failure(case: Any, said: str) -> None:
    (failure,) = failures(case)
    assert said in failure


def test_an_agreement_older_than_the_tariff_owes_from_the_tariff_on() -> None:
    given = {"on": "2018-02-03", "tender": "20000", "started": "2010-01"}
    sale = {"paid_through": "2018-02", "lines": [
        {"code": "service", "amount": "6720", "months": ["2018-01", "2018-02"]},
        {"code": "vat"}, {"code": "energy", "block": "1"}, {"code": "energy", "block": "2"},
    ]}  # fmt: skip
    assert failures(named("UG-VEND-1", input=given, expected={"sale": sale})) == []


def test_everything_wrong_with_a_case_is_said_at_once() -> None:
    given = named("UG-VEND-1")["input"] | {"debts": [{"code": "x"}], "policy": {"ordr": []}}
    assert failures(named("UG-VEND-1", input=given)) == [
        "cases.json:1: [0].input.debts[0]: 'priority' is missing",
        "cases.json:1: [0].input.debts[0]: 'method' is missing",
        "cases.json:1: [0].input.debts[0]: 'outstanding' is missing",
        "cases.json:1: [0].input.policy.ordr: unknown; did you mean 'order'?"
        " (allowed: debts_cap, debts_cap_percent, fee, order)",
    ]
    said = failures({"id": "X", "tariff": {}})
    assert len(said) == 8
    assert "cases.json:1: [0].tariff: 'versions' is missing" in said


def test_a_wrong_case_is_named_by_its_id_and_hurts_only_itself() -> None:
    report = conform(json.dumps([{"id": "X"}, 5, named("UG-VEND-1")]), "cases.json")
    assert [(result.id, bool(result.failures)) for result in report.results] == [
        ("X", True),
        ("[1]", True),
        ("UG-VEND-1", False),
    ]


def test_a_problem_leads_to_its_line() -> None:
    case = named("UG-VEND-1")
    case["input"]["on"] = "soon"
    text = json.dumps([named("KE-VEND-1"), case], indent=1)
    line = text[: text.index("soon")].count("\n") + 1
    (failed,) = conform(text, "cases.json").failed
    assert failed.failures[0].startswith(f"cases.json:{line}: [1].input.on: ")


def test_a_chain_names_the_sale_that_differs() -> None:
    case = named("ZM-VEND-SPLIT")
    case["expected"]["sales"][1]["sale"]["units"] = "180.5"
    case["expected"]["exact"]["units"] = "342.783506"
    assert failures(case) == [
        "sale 2: sale.units: expected 180.5, came 180.400",
        "exact.units: expected 342.783506, came 342.783505",
    ]
    case["expected"]["sales"].pop()
    assert failures(case) == ["expected 1 sales, came 2"]


def test_a_refused_sale_of_a_chain_changes_nothing() -> None:
    case = named("ZM-VEND-SPLIT")
    case["input"]["sales"].insert(1, {"tender": "0.01"})
    refused = {"refused": {"reason": "too_small", "smallest_useful": "0.09"}}
    case["expected"]["sales"].insert(1, refused)
    case["expected"].pop("exact")
    assert failures(case) == []


@pytest.mark.parametrize("text", ["{}", "5", "{"])
def test_a_file_that_is_no_list_of_cases(text: str) -> None:
    with pytest.raises(DocumentError):
        conform(text, "x")


def test_results_as_plain_data() -> None:
    case = nodes(json.dumps(named("UG-VEND-1", expected=None)), "x")
    (result,) = case_results(case, "x")
    assert result["exact"] == {"units": "28.103146"}
    assert result["units"] == "28.100"
    assert result["carried_forward"] == "2"
    json.dumps(result)
