"""Reading pgbench, and commits that are as durable as ours."""

from pathlib import Path

import pytest

from simulators.bench import yardstick
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


def _pgbench(folder: Path, committed: str) -> Path:
    """A pgbench on a disk that commits nothing until a round lasts longer than ``committed`` s."""
    program = folder / "pgbench"
    program.write_text(f"""#!/bin/sh
while [ "$1" != -T ]; do shift; done
echo "$2" >> {folder}/rounds
[ "$2" -gt {committed} ] && n=40 || n=0
echo "number of transactions actually processed: $n"
[ $n = 0 ] || printf 'latency average = 4.5 ms\ntps = 10.0 (without)\n'
""")
    program.chmod(0o755)
    return program


def test_a_disk_that_stands_still_is_asked_for_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _pgbench(tmp_path, "3")
    monkeypatch.setattr(yardstick, "pgbench", lambda: program)
    assert yardstick.run(["db"], 1).tps == 10.0
    assert (tmp_path / "rounds").read_text().split() == ["1", "4"]


def test_a_disk_that_never_commits_is_no_yardstick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _pgbench(tmp_path, "64")
    monkeypatch.setattr(yardstick, "pgbench", lambda: program)
    with pytest.raises(ValueError, match="committed nothing in 64 s"):
        yardstick.run(["db"], 1)
    assert (tmp_path / "rounds").read_text().split() == ["1", "4", "16", "64"]


def test_bare_commits_leave_nothing_behind(tmp_path: Path) -> None:
    assert bare_commits(tmp_path, 0.05) > 0
    assert list(tmp_path.iterdir()) == []
