"""``wattbus check --tokens``, from the outside; and ``wattbus check`` as it was."""

import json
import sqlite3
from pathlib import Path

import pytest

from core.sts.keystore import demo_keys, dump_key_file
from tests.hub.crimes import attack, plant_in_log
from tests.hub.machine import MASTER, buy, enrol, pay
from tests.hub.sales import set_clock
from tests.hub.verbs.installation import Installation, installed


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    found = installed(tmp_path)
    (tmp_path / "master.key").write_text(MASTER.hex())
    (tmp_path / "keys.json").write_text(dump_key_file(demo_keys(MASTER, "demo")))
    machine = found.machine
    machine.do(enrol(), "enrol")
    machine.do(pay(100_000), "pay")
    machine.do(buy(), "first")
    set_clock(machine, "2026-11-22T10:00:00")
    machine.do(buy(), "second")
    return found


def test_honest_books_are_fine_and_counted(installation: Installation) -> None:
    code, out, err = installation.call("check", "--tokens")
    assert (code, err) == (0, "")
    assert "tokens: made 2, sold 2, other causes 0, differences 0" in out
    assert "demo  virtual-demo  2026-11-22  made 1, sold 1, other causes 0, differences 0" in out


def test_a_token_without_a_cause_is_found_and_named(installation: Installation) -> None:
    plant_in_log(installation.machine)
    code, out, err = installation.call("check", "--tokens")
    assert code == 1
    assert err.startswith("token-without-cause: Module virtual-demo, writer hub, batch 3")
    assert "made 3, sold 2, other causes 0, differences 1" in out


def test_days_are_the_companys(installation: Installation) -> None:
    plant_in_log(installation.machine)
    assert installation.call("check", "--tokens", "--until", "2026-11-21")[0] == 0
    assert installation.call("check", "--tokens", "--since", "2026-11-22")[0] == 1
    code, out, _ = installation.call(
        "check", "--tokens", "--json", "--since", "2026-11-22", "--until", "2026-11-22"
    )
    said = json.loads(out)
    assert (code, said["made"], said["sold"], said["differences"]) == (1, 2, 1, 1)
    assert said["codes"] == {"token-without-cause": 1}
    assert said["findings"][0]["code"] == "token-without-cause"
    assert said["heads"][0]["batch"] == said["heads"][0]["total"] == 3
    assert len(said["heads"][0]["seal"]) == 64


def test_it_says_when_more_is_found_than_is_listed(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.sts.proof.MOST_LISTED", 1)
    attack(installation.machine, "DELETE FROM token")
    code, _, err = installation.call("check", "--tokens")
    assert code == 1
    assert "and 3 more findings" in err


@pytest.mark.parametrize(
    "words",
    [
        ("--tokens", "--since", "yesterday"),
        ("--tokens", "--since", "2026-11-22", "--until", "2026-11-21"),
        ("--since", "2026-11-22"),
        ("--json",),
        ("--tokens", "--days"),
    ],
)
def test_wrong_use_is_2(installation: Installation, words: tuple[str, ...]) -> None:
    assert installation.call("check", *words)[0] == 2


def test_it_writes_nothing(installation: Installation) -> None:
    path = installation.folder / "var" / "wattbus.db"
    with sqlite3.connect(path) as link:
        before = list(link.iterdump())
        installation.call("check", "--tokens")
        assert list(link.iterdump()) == before
    link.close()


def test_without_the_flag_it_checks_the_installation_and_its_clock(
    installation: Installation,
) -> None:
    year_2100 = 4_102_444_800_000_000
    attack(installation.machine, f"UPDATE module_log SET at = {year_2100}")
    code, _, err = installation.call("check")
    assert code == 1
    assert "this host's clock lies" in err
    attack(installation.machine, "UPDATE module_log SET at = 1")
    code, out, _ = installation.call("check")
    assert (code, "fine (channels: 0, companies: 1)" in out) == (0, True)
