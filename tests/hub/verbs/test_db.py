"""``wattbus db``: backups beside a running hub, restores that are proved."""

import json
from pathlib import Path

import pytest

from tests.hub.machine import buy, enrol, pay
from tests.hub.verbs.installation import Installation, installed


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    found = installed(tmp_path)
    found.machine.do(enrol(), "e1")
    found.machine.do(pay(50_000), "p1")
    found.machine.do(buy(), "b1")
    return found


def test_a_backup_comes_back_into_an_empty_place(place: Installation) -> None:
    file = place.folder / "monday.backup"
    code, out, _ = place.call("db", "backup", str(file))
    assert (code, "1 sales, 1 tokens" in out) == (0, True)
    code, _, said = place.call("db", "restore", str(file))
    assert code == 1
    assert "not restored" in said
    assert "is there already" in said
    for path in (place.folder / "var").glob("wattbus.db*"):
        path.rename(path.with_name(f"lost-{path.name}"))
    code, out, _ = place.call("db", "restore", str(file), "--json")
    assert (code, json.loads(out)["totals"]["sales"]) == (0, 1)
    assert place.call("check", "--ledger")[0] == 0
    code, out, _ = place.call("find", "100001")
    assert "receipt DP-00000001" in out


def test_what_cannot_be_is_said(place: Installation) -> None:
    code, _, said = place.call("db", "restore", str(place.folder / "none"))
    assert code == 1
    assert "no backup of ours" in said
    code, _, said = place.call("db", "backup", str(place.folder / "no" / "where"))
    assert code == 1
    assert said.startswith("no backup: ")
