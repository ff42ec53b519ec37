"""The vector files of bills, and how cases of bills say what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.documents import nodes
from core.tariffs.conform import case_results, conform

FILE = Path("tests/vectors/tariff-bills-wattbus.json")


def test_every_case_passes() -> None:
    report = conform(FILE.read_text(encoding="utf-8"), FILE.name)
    assert report.lines()[-1] == f"{len(report.results)} passed, 0 failed"
    assert len(report.results) > 50


def case(**changed: Any) -> dict[str, Any]:
    energy = {
        "kind": "energy",
        "code": "energy",
        "label": "Energy",
        "structure": "graduated",
        "period": "calendar_month",
        "blocks": [{"up_to": "50", "rate": "1"}, {"rate": "2"}],
        "tax_class": "s",
        "payee": "own",
        "rounding": "half_up",
    }
    version = {"valid_from": "2020-01-01", "components": [energy | changed.pop("energy", {})]}
    tariff = {"code": "t", "title": "T", "currency": "KES", "unit": "kWh", "mode": "postpaid"}
    made = {
        "id": "A",
        "source": "own arithmetic",
        "tariff": tariff | {"versions": [version]},
        "input": {"from": "2020-02-01", "to": "2020-02-29", "quantities": {"units": "60"}},
        "expected": {"bill": {"total": "70.00"}},
    }
    return made | changed


def said(one: dict[str, Any]) -> str:
    return "\n".join(conform(json.dumps([one], indent=1), "cases.json").lines())


def test_a_bill_that_differs_says_where() -> None:
    assert said(case()) == "1 passed, 0 failed"
    wrong = said(case(expected={"exact": {"total": "71.5"}, "bill": {"total": "70.01"}}))
    assert "exact.total: expected 71.5, came 70.0" in wrong
    assert "bill.total: expected 70.01, came 70.00" in wrong


@pytest.mark.parametrize(
    ("energy", "message"),
    [
        ({"rate": "1"}, "needs exactly one of blocks, rate, schedules, tou"),
        ({"structure": "volume"}, "volume needs limits: inclusive or exclusive"),
        ({"structure": "package"}, "package, and only it, needs a size above 0"),
        ({"structure": "schedule_by_total"}, "schedules go with schedule_by_total"),
        ({"scope": "per_period"}, "tou needs scope, and only tou"),
        ({"proration": {"method": "two_bills"}}, "two_bills needs month and nothing else"),
        ({"proration": {"method": "whole", "at": "noon"}}, "allowed: first_day, last_day"),
        ({"when": {"seasons": ["summer"]}}, "season summer is not known; known: none"),
        ({"part": {"percent": "20", "first": "3"}}, "exactly one of percent, first, beyond"),
        ({"kind": "premum"}, "did you mean 'premium'"),
    ],
)
def test_mistakes_of_a_tariff_lead_to_their_line(energy: dict[str, Any], message: str) -> None:
    assert message in said(case(energy=energy, expected={"bill": {}}))


def test_a_refusal_can_be_expected() -> None:
    given = {"from": "2020-02-03", "to": "2020-02-29", "quantities": {"units": "60"}}
    assert said(case(input=given, expected={"refused": {"says": "proration"}})).startswith("1 pass")
    assert "expected a refusal" in said(case(expected={"refused": {"says": "proration"}}))


def test_what_a_program_reads() -> None:
    node = nodes(json.dumps(case()), "case.json")
    (answer,) = case_results(node, "case.json")
    assert answer["total"] == "70.00"
    assert answer["exact"] == {"total": "70.000000"}
    lines = answer["lines"]
    assert isinstance(lines, list)
    assert lines[1] | {"label": ""} == {
        "step": "energy",
        "code": "energy",
        "label": "",
        "block": "2",
        "tou": "",
        "quantity": "10.000",
        "unit": "kWh",
        "rate": "2",
        "base": "0.00",
        "amount": "20.00",
        "included": "0.00",
        "tax_class": "s",
        "payee": "own",
        "from": "",
        "to": "",
    }
