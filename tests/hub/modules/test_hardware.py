"""Live keys belong in hardware: what is refused, what is excused, and what the sentence says."""

from pathlib import Path

import pytest

from core.sts.keystore import (
    DEMO_VK02,
    DEMO_VK04,
    KEY_FILE_VERSION,
    KeyFile,
    KeyRecord,
    dump_key_file,
    wrap_key,
)
from hub.companies import all_terms
from hub.config import Config, ConfigError, read
from hub.modules.hardware import unsafe_groups
from hub.verbs.init import write_installation
from tests.hub.machine import MASTER

LIVE = KeyRecord("demo", "600001", 1, 2, "04", 2014, "", "")
BOX = '[modules.box]\nkind = "pkcs11"\nlibrary = "/lib/x.so"\ntoken = "t"\npin_env = "PIN"\n'


def group(*lines: str, sgc: str = "600001") -> str:
    return "\n".join((f"[companies.demo.supply_groups.{sgc}]", *lines, ""))


def installation(folder: Path, *sections: str, test: bool = False, dkga: str = "04") -> Config:
    """A company with one live key in its key file."""
    write_installation(folder, 0, 2775)
    path = folder / "wattbus.toml"
    text = path.read_text().split("[companies.demo.supply_groups")[0]
    text = text.replace("test = true", f"test = {str(test).lower()}")
    path.write_text(text + "\n".join(sections))
    (folder / "master.key").write_text(MASTER.hex())
    use = LIVE if dkga == "04" else KeyRecord("demo", "600001", 1, 2, dkga, 2014, "", "")
    record = wrap_key(MASTER, DEMO_VK04 if dkga == "04" else DEMO_VK02, use)
    (folder / "keys.json").write_text(dump_key_file(KeyFile(KEY_FILE_VERSION, (record,))))
    return read(path)


def test_a_live_key_in_the_key_file_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        all_terms(installation(tmp_path))
    assert caught.value.problems == [
        "[companies.demo] supply_groups.600001: its keys must be in a hardware module: module = a "
        "[channels.X] of kind security_module, or a [modules.X] of kind pkcs11, and move them "
        "there (wattbus keys import --help); or take the risk in writing: "
        "require_hardware_module = false"
    ]


def test_a_des_key_can_be_in_one_kind_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="of kind security_module, and move"):
        all_terms(installation(tmp_path, dkga="02"))


def test_the_risk_is_taken_in_writing(tmp_path: Path) -> None:
    config = installation(tmp_path, group("require_hardware_module = false"))
    assert all_terms(config)["demo"].module.name == "virtual-demo"


def test_test_companies_are_excused_unless_a_group_says_other(tmp_path: Path) -> None:
    assert all_terms(installation(tmp_path, test=True))
    strict = installation(tmp_path, group("require_hardware_module = true"), test=True)
    with pytest.raises(ConfigError, match=r"supply_groups\.600001: its keys must be in"):
        all_terms(strict)


@pytest.mark.parametrize(
    ("sections", "unsafe"),
    [
        ([BOX, group('module = "box"')], 0),
        ([BOX, group('module = "virtual"')], 1),
        ([BOX, group('module = "box"', "require_hardware_module = true")], 0),
        ([BOX], 1),
    ],
)
def test_it_is_where_the_keys_are_that_counts(
    tmp_path: Path, sections: list[str], unsafe: int
) -> None:
    config = installation(tmp_path, *sections)
    assert len(unsafe_groups(config, config.companies["demo"], [LIVE, LIVE])) == unsafe


def test_test_keys_are_excused_and_each_group_is_said_once(tmp_path: Path) -> None:
    config = installation(tmp_path)
    section = config.companies["demo"]
    tests = KeyRecord("demo", "201457", 1, 2, "04", 2014, "", "", test=True)
    other = KeyRecord("demo", "600001", 2, 2, "02", 2014, "", "")
    assert unsafe_groups(config, section, [tests]) == []
    (said,) = unsafe_groups(config, section, [LIVE, other, tests])
    assert said.startswith("supply_groups.600001: ")
    assert "security_module, and" in said
