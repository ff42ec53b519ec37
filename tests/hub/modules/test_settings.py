"""Where keys are, in the configuration: what is wrong is said with its line."""

from pathlib import Path

import pytest

from hub.config import Config, ConfigError, parse
from hub.modules.settings import MasterKeySection

GOOD = """\
[modules.box]
kind = "pkcs11"
library = "/usr/lib/box.so"
token = "wattbus"
pin_file = "box.pin"

[companies.demo]
name = "Demo Power"
zone = "Africa/Kampala"
currency = "UGX"
tariffs = ["uganda-domestic.yaml"]
keys = "keys.json"
master_key = { pkcs11 = "box", label = "master" }

[companies.demo.supply_groups.201457]
module = "box"
"""


def read(text: str) -> Config:
    return parse(text, "wattbus.toml", Path("/somewhere"))


def test_master_key_and_supply_groups_name_modules() -> None:
    config = read(GOOD)
    company = config.companies["demo"]
    assert company.master_key == MasterKeySection(pkcs11="box", label="master")
    assert (company.module, company.supply_groups["201457"].module) == ("virtual", "box")
    assert (config.modules["box"].slot, config.modules["box"].timeout_s) == (None, 5.0)


def test_what_was_written_before_still_holds() -> None:
    text = GOOD.partition("[companies.demo]")[2].partition("master_key")[0]
    company = read(f'[companies.demo]{text}master_key_file = "master.key"\n').companies["demo"]
    assert (company.master_key, company.master_key_file) == (None, "master.key")


MASTER = 'master_key = { pkcs11 = "box", label = "master" }'


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('kind = "pkcs11"', 'kind = "abacus"', 2, "allowed: pkcs11"),
        ('kind = "pkcs11"', "", 1, "[modules.box] needs kind"),
        ('token = "wattbus"', 'token = "wattbus"\npin = "1234"', 5, "has no field pin (known: "),
        ('pin_file = "box.pin"', "", 1, "needs one of pin_file and pin_env"),
        ('pin_file = "box.pin"', 'pin_env = "A"\npin_file = "b"', 6, "needs one of pin_file and"),
        ('pin_file = "box.pin"', 'pin_env = "A"\ntimeout_s = 0', 6, "timeout_s = 0"),
        ("[modules.box]", "[modules.virtual]", 1, "virtual is the name of the module in this"),
        ("[modules.box]", "[modules.hsm]", 13, "no [modules.box] (known: hsm)"),
        ("[modules.box]", "[modules.hsm]", 16, "supply_groups.201457] module: no [modules.box]"),
        (MASTER, 'master_key = { file = "a", env = "B" }', 13, "one of file, env and pkcs11"),
        (MASTER, "master_key = {}", 13, "one of file, env and pkcs11"),
        (MASTER, 'master_key = { pkcs11 = "box" }', 13, "pkcs11 and label belong together"),
        (MASTER, 'master_key = { flie = "a" }', 13, "has no field flie (known: file, env, "),
        (MASTER, 'master_key = "a"', 13, "companies.demo.master_key is a section"),
        (MASTER, MASTER + '\nmaster_key_file = "b"', 14, "master_key and master_key_file"),
        (MASTER, MASTER + '\nmodule = "bix"', 14, "module: no [modules.bix] (known: box)"),
        (".201457]", ".2014]", 15, "a supply group code has 6 digits"),
        ('module = "box"', 'modul = "box"', 16, "has no field modul (known: module, key_change, "),
        ("[companies.demo.supply_groups.201457]\nmodule", "supply_groups", 15, "is a section"),
    ],
)
def test_each_problem_names_its_line(old: str, new: str, line: int, says: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        read(GOOD.replace(old, new))
    found = caught.value.problems
    assert any(each.startswith(f"wattbus.toml:{line}: ") and says in each for each in found), found
