"""``wattbus billrun``: a period from its opening to its close, by the command line alone."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.__main__ import app, mount
from hub.billruns import books_of, open_desk
from hub.config import read
from tests.core.billing import village
from tests.hub.machine import fresh_sqlite
from tests.hub.verbs.installation import CONFIG

mount()
HENRY = ("--operator", "henry")


class Place:
    """A folder with configuration, the village's tariff and its agreements."""

    def __init__(self, folder: Path) -> None:
        url = fresh_sqlite(folder)
        self.folder, self.config = folder, folder / "wattbus.toml"
        text = CONFIG.replace("uganda-domestic.yaml", "village.yaml")
        self.config.write_text(f'{text}\n[database]\nurl = "{url}"\n')
        (folder / "village.yaml").write_text(village.TARIFF)
        self.made = village.settle(url, 4)

    def run(self, *words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["billrun", *words, "-c", str(self.config)])
        assert done.exit_code == code, done.output
        return done.output

    def data(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").splitlines()[-1])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def usage(place: Place, *lines: str) -> str:
    path = place.folder / "usage.csv"
    path.write_text("\n".join(["agreement,first,last,source,estimated,units", *lines]))
    return str(path)


def test_from_plan_to_a_correction(place: Place) -> None:
    plan = place.data("plan", "2026-10", "--operator", "grace", "--size", "3")
    assert plan == {"run": 1, "state": "planned"}
    assert "4 bills calculated" in place.run("run", "1", "--workers", "1")
    found = place.data("status", "1")
    assert (found["state"], found["bills"], found["held"]) == ("validated", 4, 0)
    assert found["partitions"] == {"calculated": 2}
    assert "somebody else approves" in place.run("approve", "1", "--operator", "grace", code=1)
    assert place.data("approve", "1", *HENRY)["approver"] == "henry"
    assert "4 bills issued" in place.run("issue", "1")
    assert place.data("verify", "1") == {"run": 1, "same": True, "differ": []}
    file = usage(place, "2,2026-10-01,2026-10-31,clerk,no,12.5")
    assert place.data("usage", "2026-10", file)["rows"] == 1
    place.run("plan", "2026-10", "--rebill", "--agreement", "2", "--operator", "grace")
    place.run("run", "2")
    place.run("approve", "2", *HENRY)
    place.run("issue", "2")
    assert "bill 3 is reversed" in place.run("reverse", "3", *HENRY)
    assert "somebody else decides" in place.run("reverse", "4", "--operator", "grace", code=1)
    assert place.data("close", "2026-10")["state"] == "closed"
    assert place.data("open", "2026-11") == {"period": 202611, "state": "open"}
    states = village.rows(place.made, "SELECT id, state FROM bill ORDER BY id")
    assert states == [(1, "issued"), (2, "rebilled"), (3, "reversed"), (4, "issued"),
                      (5, "issued")]  # fmt: skip
    assert village.wrongs(place.made) == []


def test_what_is_held_is_listed_and_decided(place: Place) -> None:
    rules = place.folder / "rules.json"
    rules.write_text('[{"name": "much", "measure": "consumption", "high": 102000}]')
    place.run("plan", "2026-10", "--operator", "grace", "--rules", str(rules))
    place.run("run", "1")
    held = place.data("held", "1")
    assert [(row["bill"], row["why"]) for row in held] == [(3, "much"), (4, "much")]
    assert "bill 3  agreement 3" in place.run("held", "1")
    assert "in run 2" in place.run("approve", "2", "--bill", "3", *HENRY, code=1)
    assert "name it with --bill" in place.run("approve", "1", "--withdraw", *HENRY, code=2)
    assert place.data("approve", "1", "--bill", "3", *HENRY)["state"] == "approved"
    assert place.data("approve", "1", "--bill", "4", "--withdraw", *HENRY)["state"] == "withdrawn"
    place.run("approve", "1", *HENRY)
    place.run("issue", "1")
    assert place.run("held", "1") == "nothing is held\n"
    assert village.rows(place.made, "SELECT count(*) FROM open_item") == [(3,)]


def test_a_rerun_that_differs_is_told(place: Place) -> None:
    place.run("plan", "2026-10", "--operator", "grace")
    place.run("run", "1")
    with closing(open_desk(place.made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE run_partition SET digest = 'other'")
    assert place.data("abandon", "1")["state"] == "abandoned"
    assert "partitions that differ: [1]" in place.run("verify", "1", code=1)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("plan", "2026-13"), 2, "no period"),
        (("plan", "2026-12", "--operator", "g"), 1, "not open"),
        (("open", "2026-10"), 1, "opened already"),
        (("run", "7"), 1, "there is no run 7"),
        (("issue", "7"), 1, "there is no run 7"),
        (("reverse", "7"), 1, "there is no bill 7"),
        (("plan", "2026-10", "--rules", "nowhere.json"), 2, "nowhere.json"),
    ],
)
def test_what_cannot_be_is_said(place: Place, words: tuple[str, ...], code: int, said: str) -> None:
    assert said in place.run(*words, code=code)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x,2026-10-01,2026-10-31,clerk,no,1", "line 2"),
        ("1,2026-10-32,2026-10-31,clerk,no,1", "line 2"),
        ("1,2026-10-01,2026-10-31,clerk,no,1.0005", "three decimals"),
        ("1,2026-10-01,2026-10-31,clerk,no,-1", "none below 0"),
        ("1,2026-10-01,2026-10-31,clerk,no,", "registers must be given"),
        ("1,2026-10-01", "line 2"),
    ],
)
def test_wrong_usage_is_refused_with_its_line(place: Place, line: str, said: str) -> None:
    assert said in place.run("usage", "2026-10", usage(place, line), code=2)


def test_usage_of_strangers_and_twice(place: Place) -> None:
    stranger = usage(place, "99,2026-10-01,2026-10-31,clerk,no,1")
    assert "no agreement 99" in place.run("usage", "2026-10", stranger, code=1)
    twice = usage(place, *["1,2026-10-01,2026-10-31,clerk,yes,1"] * 2)
    assert "comes twice" in place.run("usage", "2026-10", twice, code=1)


def test_books_without_their_tariff(place: Place) -> None:
    (place.folder / "village.yaml").unlink()
    place.run("plan", "2026-10", code=2)
    assert "village.yaml" in place.run("run", "1", code=2)
    with pytest.raises(OSError, match="village"):
        books_of(read(place.config), "demo", lambda: 0)


def test_a_phase_that_is_not_whole_is_told(place: Place) -> None:
    plan = place.data("plan", "2026-10", "--operator", "grace", "--size", "3")
    assert "not whole" not in place.run("status", str(plan["run"]))
    with closing(open_desk(place.made)) as desk, desk.transaction() as (tx, _):
        tx.run("UPDATE run_partition SET state = 'frozen' WHERE number = 1")
    assert "a phase is not whole" in place.run("status", "1")
