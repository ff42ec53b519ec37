"""The table says what the rows say, and every scenario can be told of."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults import report
from tests.faults.runner import Row
from tests.faults.scenarios import ALL, SCENARIOS, SERVERS, named

ROW = Row(
    "broker-killed", "rabbitmq", "full", 7, messages=1_234, repeats=5, pushed_back=6, sales=400,
    recovery_s=2.25, recovery_mean_s=2.25, times=1,
)  # fmt: skip


def test_a_row_is_a_line() -> None:
    assert report.line(ROW) == (
        "| kill -9 of RabbitMQ, and up again | rabbitmq | 1,234 (5, 6) | 400 | 0 | 1 × "
        "| 2.2 s (2.2) | holds |"
    )


def test_findings_are_told_by_their_promise() -> None:
    broken = replace(ROW, form="short", findings=["TWICE a: 2 sales", "LOST b", "LOST c"])
    assert report.line(broken).endswith("| **LOST, TWICE** |")
    assert "rabbitmq (short)" in report.line(broken)


def test_the_newest_row_counts_and_the_scenarios_order_them(tmp_path: Path) -> None:
    other = replace(ROW, scenario="processes-killed", engine="sqlite")
    rows = [ROW, other, replace(ROW, messages=9)]
    file = tmp_path / "rows"
    file.write_text("".join(json.dumps(row.data()) + "\n" for row in rows), encoding="utf-8")
    read = report.newest(report.read(file))
    assert [(row.scenario, row.messages) for row in read] == [
        ("processes-killed", 1_234),
        ("broker-killed", 9),
    ]


def test_the_text_around_the_table_is_left_alone() -> None:
    page = f"before\n{report.BEGIN}\nstale-row\n{report.END}\nafter\n"
    new = report.renewed(page, [ROW])
    assert new.startswith("before\n")
    assert new.endswith("\nafter\n")
    assert "stale-row" not in new
    assert report.renewed(new, [ROW]) == new
    with pytest.raises(ValueError, match="has no"):
        report.renewed("nothing", [ROW])


def test_the_page_has_a_place_for_the_table() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.BEGIN in page
    assert report.END in page


def test_scenarios_have_names_of_their_own_and_engines_that_are_there() -> None:
    names = [each.name for each in SCENARIOS]
    assert len(names) == len(set(names))
    for each in SCENARIOS:
        assert set(each.in_short) <= set(each.engines) <= set(ALL), each.name
        assert each.breaks is named(each.name).breaks
        if each.name.startswith(("database", "commit")):
            assert set(each.engines) == set(SERVERS)
