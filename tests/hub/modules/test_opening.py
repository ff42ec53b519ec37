"""From a configuration to a company's module: which key is where, and what is said of one that
is not."""

import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from core.sts.keystore import DEMO_VK04, KeyFile, dump_key_file, load_key_file, replaced
from core.sts.meter_id import meter_pan
from core.sts.module import CreditRequest, IssuedToken, MeterKey, SecurityModule
from hub.companies import all_terms
from hub.config import ConfigError, read
from hub.modules.held import import_key, import_master, import_wrapped
from hub.modules.opening import token_opener
from hub.modules.pkcs11 import Pkcs11Token
from hub.verbs.init import write_installation
from tests.core.sts.samples import DRN
from tests.servers.softhsm import PIN, SoftHsm

FILE = 'master_key_file = "master.key"'
GROUP = '[companies.demo.supply_groups.201457]\nmodule = "box"\n'


@dataclass(frozen=True)
class Folder:
    """A test installation whose configuration is edited."""

    path: Path

    @property
    def master(self) -> bytes:
        return bytes.fromhex((self.path / "master.key").read_text())

    @property
    def keys(self) -> KeyFile:
        return load_key_file((self.path / "keys.json").read_bytes())

    def write_keys(self, keys: KeyFile) -> None:
        (self.path / "keys.json").write_text(dump_key_file(keys))

    def change(self, old: str, new: str, added: str = "") -> None:
        path = self.path / "wattbus.toml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new) + "\n" + added)

    def module(self) -> SecurityModule:
        return all_terms(read(self.path / "wattbus.toml"))["demo"].module

    def problem(self) -> str:
        with pytest.raises(ConfigError) as caught:
            self.module()
        assert all(each.startswith("[companies.demo] ") for each in caught.value.problems)
        return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    write_installation(tmp_path, 0, 2775)
    return Folder(tmp_path)


def sold(module: SecurityModule, sgc: str = "201457", ea: int = 11) -> str:
    meter = MeterKey("demo", meter_pan(DRN), ea, sgc, 1, "01")
    (result,) = module.issue_credit([CreditRequest(meter, 6_612_480, 5, 281)], 0)
    assert isinstance(result, IssuedToken)
    return result.digits


# --- file and environment -------------------------------------------------------------------------


def test_the_master_key_comes_from_a_file_in_either_form(folder: Folder) -> None:
    before = sold(folder.module())
    folder.change(FILE, 'master_key = { file = "master.key" }')
    assert sold(folder.module()) == before


@pytest.mark.parametrize(
    ("line", "variable"), [("", "WATTBUS_MASTER_KEY"), ('master_key = { env = "DEMO" }', "DEMO")]
)
def test_the_master_key_comes_from_the_environment(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, line: str, variable: str
) -> None:
    before = sold(folder.module())
    folder.change(FILE, line)
    assert f"must be 64 hex digits, in the environment's {variable}" in folder.problem()
    monkeypatch.setenv(variable, folder.master.hex())
    assert sold(folder.module()) == before


def test_a_live_master_key_that_others_can_read_is_refused(folder: Folder) -> None:
    (folder.path / "master.key").chmod(0o644)
    sold(folder.module())  # a test company's
    folder.change("test = true ", "test = false ")
    assert "others can read this key (mode 0644): chmod 600" in folder.problem()


def test_a_master_key_of_another_length_is_refused(folder: Folder) -> None:
    (folder.path / "master.key").write_text("00" * 16)
    assert folder.problem() == (
        "[companies.demo] master_key_file: the master key must be 64 hex digits, in master.key"
    )


def test_a_key_file_that_is_not_there_names_its_key(folder: Folder) -> None:
    (folder.path / "keys.json").unlink()
    assert folder.problem().startswith("[companies.demo] keys = 'keys.json': ")


def test_a_pin_that_is_not_in_the_environment_names_its_key(folder: Folder) -> None:
    folder.change(FILE, FILE, box("/nowhere/box.so", 'pin_env = "NO_SUCH_PIN"') + GROUP)
    assert "[modules.box] pin_env: no NO_SUCH_PIN in the environment" in folder.problem()


def test_a_supply_group_that_has_no_key_is_named(folder: Folder) -> None:
    folder.change("[links.smsc]", "[companies.demo.supply_groups.201475]\n\n[links.smsc]")
    assert "supply_groups.201475: no key of this supply group in keys.json (there: 1" in (
        folder.problem()
    )


def test_without_the_extra_its_name_is_said(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "hub.modules.pkcs11", raising=False)
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    folder.change(FILE, FILE, box("/lib/box.so") + GROUP)
    assert "[modules.box] needs python-pkcs11: install wattbus[pkcs11]" in folder.problem()


def test_a_library_that_is_not_there_is_a_problem_of_the_company(folder: Folder) -> None:
    folder.change(FILE, FILE, box("/nowhere/box.so") + GROUP)
    (folder.path / "box.pin").write_text(PIN)
    assert folder.problem().startswith(
        "[companies.demo] [modules.box], for supply group 201457: The library /nowhere/box.so "
        "does not load"
    )


def test_a_pin_that_is_not_there_is_a_problem_of_the_company(folder: Folder) -> None:
    folder.change(FILE, FILE, box("/nowhere/box.so") + GROUP)
    assert "The PIN of the token box cannot be read" in folder.problem()
    assert "[modules.box] pin_file: " in folder.problem()
    assert "box.pin: there is no such file" in folder.problem()


# --- SoftHSM2 -------------------------------------------------------------------------------------


def box(library: str, pin: str = 'pin_file = "box.pin"') -> str:
    return f'[modules.box]\nkind = "pkcs11"\nlibrary = "{library}"\ntoken = "other"\n{pin}\n'


@pytest.fixture
def token(folder: Folder, softhsm: SoftHsm) -> Pkcs11Token:
    """The installation's box, for putting keys in."""
    folder.change(FILE, FILE, box(softhsm.library))
    (folder.path / "box.pin").write_text(PIN + "\n")
    return token_opener(read(folder.path / "wattbus.toml"), writable=True)("box")


@pytest.mark.slow
def test_a_company_moves_from_file_to_token_and_sells_on(
    folder: Folder, token: Pkcs11Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the master key, then the vending key of one supply group, last the PIN's own place."""
    before = sold(folder.module()), sold(folder.module(), "123456", 7)
    name = folder.module().name
    import_master(token, folder.master, "movers")
    folder.change(FILE, 'master_key = { pkcs11 = "box", label = "movers" }')
    moved = import_wrapped(token, folder.master, folder.keys.keys[0])
    (folder.path / "master.key").unlink()
    assert (sold(folder.module()), sold(folder.module(), "123456", 7)) == before

    folder.write_keys(replaced(folder.keys, moved))
    assert "not in the file: it is in a PKCS#11 token" in folder.problem()
    folder.change("[links.smsc]", GROUP + "\n[links.smsc]")
    assert (sold(folder.module()), sold(folder.module(), "123456", 7)) == before
    assert folder.module().name == name, "its log goes on"

    folder.change('pin_file = "box.pin"', 'pin_env = "BOX_PIN"')
    monkeypatch.setenv("BOX_PIN", PIN)
    assert (sold(folder.module()), sold(folder.module(), "123456", 7)) == before


@pytest.mark.slow
def test_where_every_key_is_in_the_token_no_master_key_is_needed(
    folder: Folder, token: Pkcs11Token
) -> None:
    use = folder.keys.keys[0]

    record = import_key(token, DEMO_VK04, msgspec.structs.replace(use, krn=2, kcv="", wrapped=""))
    folder.write_keys(KeyFile(1, (record,)))
    folder.change(FILE, 'module = "box"')
    folder.change("supply_groups.123400", f"supply_groups.{use.sgc}")  # the one that has a key
    meter = MeterKey("demo", meter_pan(DRN), 11, use.sgc, 2, "01")
    (result,) = folder.module().issue_credit([CreditRequest(meter, 6_612_480, 5, 281)], 0)
    assert isinstance(result, IssuedToken)
    assert result.kcv == use.kcv


@pytest.mark.slow
def test_a_supply_group_with_a_des_key_stays_out_of_the_token(
    folder: Folder, token: Pkcs11Token
) -> None:
    folder.change(FILE, FILE, GROUP.replace("201457", "123456"))
    assert "is of DKGA02: only DKGA04 can be derived inside a token" in folder.problem()


@pytest.mark.slow
def test_a_key_that_is_not_in_the_token_is_named(folder: Folder, token: Pkcs11Token) -> None:
    keys = folder.keys

    folder.write_keys(replaced(keys, msgspec.structs.replace(keys.keys[0], ken=170)))
    folder.change(FILE, FILE, GROUP)
    assert "it has no key 'wattbus demo SGC 201457 KRN 1 KT 2" in folder.problem()
