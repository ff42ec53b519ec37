"""``wattbus prune``, ``wattbus archive`` and ``wattbus unknown`` from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub import archive
from hub.janitor import Run
from hub.sections import PruningSection
from hub.verbs import prune
from tests.hub.machine import buy, enrol, pay
from tests.hub.verbs.installation import Installation, answering, installed


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    """What happened long ago, to a hub that keeps an archive."""
    place = installed(tmp_path)
    with place.config.open("a") as file:
        file.write('\n[retention]\narchive = "archive"\n')
    place.machine.time.at_us = 1_600_000_000_000_000
    for message, key in ((enrol(since="2020-09-01"), "e"), (pay(200_000), "p"), (buy(), "b")):
        place.machine.do(message, key)
    return place


def rows(place: Installation, table: str) -> int:
    return int(place.machine.rows(f"SELECT count(*) FROM {table}")[0][0])


def test_a_dry_run_tells_and_a_run_takes(place: Installation) -> None:
    before = rows(place, "message")
    code, out, _ = place.call("prune", "--dry-run", "--json")
    would = json.loads(out)
    assert (code, would["rows"]["rows.message"]) == (0, before)
    assert would["bytes"]["rows.message"] > 0
    assert rows(place, "message") == before
    place.machine.store.close()
    code, out, err = place.call("prune", "--json")
    assert code == 0, err
    took = json.loads(out.splitlines()[-1])
    assert took["rows"] == would["rows"]
    assert rows(place, "message") == rows(place, "delivery") == 0
    assert rows(place, "sale") == 1
    code, out, _ = place.call("archive", "verify")
    assert code == 0
    assert "files are as they were written" in out


@pytest.mark.parametrize(("pause_s", "rests"), [(0.25, 2), (None, 0)])
def test_beside_other_nodes_it_rests_after_each_chunk(
    monkeypatch: pytest.MonkeyPatch, pause_s: float | None, rests: int
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(prune, "sleep", slept.append)
    chunks = iter([True, True, False])

    class Chunks(Run):
        def step(self) -> bool:
            return next(chunks)

    prune._walk(Chunks(Any, [], PruningSection(), int), pause_s)  # type: ignore[arg-type]
    assert len(slept) == rests
    assert all(each >= 0.25 for each in slept)


def test_the_archive_is_shown_masked(place: Installation) -> None:
    place.machine.store.close()
    place.call("prune")
    folder = place.folder / "archive"
    code, out, _ = place.call("archive", "show", "--table", "journal")
    assert code == 0
    assert '"table": "journal"' in out
    assert "+256700000001" not in out
    code, out, _ = place.call(
        "archive", "show", "--table", "notice", "--text", "+256700000001", "--raw"
    )
    assert "+256700000001" in out
    (path, *_) = archive.files(folder)
    path.write_bytes(path.read_bytes() + b"x")
    code, _, err = place.call("archive", "verify", "--folder", str(folder))
    assert code == 1
    assert "not as it was written" in err


def test_where_a_hub_runs_it_prunes(place: Installation) -> None:
    with answering(place):
        code, _, err = place.call("prune")
        assert (code, rows(place, "message")) != (0, 0), "the verb itself writes nothing then"
        assert "prune" in err


def test_nothing_is_unknown(place: Installation) -> None:
    code, out, _ = place.call("unknown")
    assert (code, out.strip()) == (0, "of all money it is known what became of it")
    code, out, _ = place.call("unknown", "--json")
    assert json.loads(out) == {"money": [], "sums": []}
    code, out, _ = place.call("balance", "--json")
    assert json.loads(out)["unknown"] == []
