"""Reading pgbench, and commits that are as durable as ours."""

from pathlib import Path

import pytest

from simulators.bench.yardstick import bare_commits, parse

REPORT = """\
pgbench (15.18)
transaction type: <builtin: TPC-B (sort of)>
scaling factor: 50
number of clients: 16
latency average = 4.464 ms
initial connection time = 31.012 ms
tps = 3584.225417 (without initial connection time)
"""


def test_a_report_of_pgbench() -> None:
    found = parse(REPORT)
    assert (found.tps, found.mean_ms) == (3584.225417, 4.464)


@pytest.mark.parametrize("report", ["", "tps = fast", REPORT.replace("latency", "mood")])
def test_another_report_is_no_figure(report: str) -> None:
    with pytest.raises(ValueError, match="not a report"):
        parse(report)


def test_bare_commits_leave_nothing_behind(tmp_path: Path) -> None:
    assert bare_commits(tmp_path, 0.05) > 0
    assert list(tmp_path.iterdir()) == []
