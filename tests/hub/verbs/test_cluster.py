"""`wattbus cluster` says who runs, who holds what, and what waits."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from hub.cluster import Cluster, LagLine, NodeLine, SeatLine, WorkerLine
from tests.hub.machine import Machine, fresh_sqlite
from tests.hub.verbs.installation import CONFIG, Installation

ROLES = ("channels", "workers")
SEEN = Cluster(
    [
        NodeLine("a", "host-a", 11, ROLES, "1.2", 1_795_244_400_000_000, 0, True),
        NodeLine("b", "host-b", 12, ROLES, "1.1", 0, 1_795_244_401_000_000, False),
    ],
    [SeatLine("smsc", "a", 3, 1_795_244_402_000_000), SeatLine("~keeper", "a", 1, 0)],
    [WorkerLine("a-host-a-0", 64)],
    [LagLine("channel:sms", 1_200, 3.5)],
)


def place(tmp_path: Path) -> Installation:
    (tmp_path / "wattbus.toml").write_text(CONFIG)
    return Installation(tmp_path, None, [])  # type: ignore[arg-type]


def shown(monkeypatch: pytest.MonkeyPatch, seen: Cluster) -> None:
    monkeypatch.setattr("hub.verbs.cluster.reading", lambda _settings: nullcontext(None))
    monkeypatch.setattr("hub.verbs.cluster.cluster", lambda _reader, _now: seen)


def test_each_fact_has_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown(monkeypatch, SEEN)
    code, out, _ = place(tmp_path).call("cluster")
    assert (code, out.splitlines()) == (
        0,
        [
            "node a: since 2026-11-21 07:00:00 UTC, host-a process 11, 1.2 (channels, workers)",
            "node b: SILENT since 2026-11-21 07:00:01 UTC, host-b process 12, 1.1 "
            "(channels, workers)",
            "seat smsc: a since 2026-11-21 07:00:02 UTC (epoch 3)",
            "seat ~keeper: a since 1970-01-01 00:00:00 UTC (epoch 1)",
            "partitions a-host-a-0: 64",
            "open channel:sms: 1,200, the oldest 3.5 s",
        ],
    )


def test_the_answer_is_no_when_something_is_nobody_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown(monkeypatch, Cluster([], [SeatLine("smsc", "", 3, 0)], [], []))
    code, out, _ = place(tmp_path).call("cluster")
    assert code == 1
    assert "seat smsc: NOBODY (epoch 3)" in out
    shown(monkeypatch, Cluster([], [], [WorkerLine("", 64)], []))
    code, out, _ = place(tmp_path).call("cluster", "--json")
    said: dict[str, Any] = json.loads(out)
    assert (code, said["workers"]) == (1, [{"worker": "", "partitions": 64}])


def test_on_sqlite_there_is_one_node_and_none_is_listed(tmp_path: Path) -> None:
    here = place(tmp_path)
    (tmp_path / "var").mkdir()
    machine = Machine(fresh_sqlite(tmp_path / "var"))
    machine.store.close()
    code, out, _ = here.call("cluster")
    assert (code, out) == (0, "no node is listed: one on SQLite is not, see wattbus status\n")
