"""``wattbus keys`` where the keys are in a SoftHSM2 token: nothing of them in any file."""

import json
from pathlib import Path

import msgspec
import pytest

from core.sts.errors import KeyFileError
from core.sts.keystore import (
    DEMO_VK04,
    KeyFile,
    KeyRecord,
    demo_keys,
    dump_key_file,
    key_check_value,
    load_key_file,
)
from core.sts.meter_id import meter_pan
from core.sts.module import CreditRequest, IssuedToken, MeterKey, VirtualModule
from hub.config import read
from hub.keys.ceremony import Vault, check_use
from hub.modules.held import decoder_keys, installed
from hub.modules.opening import token_opener
from hub.modules.pkcs11 import Pkcs11Token
from tests.core.sts.test_components import split
from tests.hub.machine import MASTER, METER, MORNING_US
from tests.hub.verbs.installation import CONFIG, Installation
from tests.hub.verbs.installation import installed as installation
from tests.hub.verbs.test_keys import KCV, OPERATORS, WHY, by, letter
from tests.servers.softhsm import PIN, SoftHsm

pytestmark = pytest.mark.slow

MODULE = '\n[modules.box]\nkind = "pkcs11"\nlibrary = "{library}"\ntoken = "other"\n'
PIN_LINE = 'pin_file = "box.pin"\n'


@pytest.fixture
def place(tmp_path: Path, softhsm: SoftHsm) -> Installation:
    one = installation(tmp_path)
    group = '\n[companies.demo.supply_groups.600007]\nmodule = "box"\n'
    module = MODULE.format(library=softhsm.library) + PIN_LINE
    one.config.write_text(CONFIG + group + module + OPERATORS)
    (tmp_path / "box.pin").write_text(PIN)
    (tmp_path / "master.key").write_text(MASTER.hex())
    (tmp_path / "keys.json").write_text(dump_key_file(demo_keys(MASTER, "demo")))
    one.machine.store.close()  # no hub: the verb keeps the record itself
    return one


def box(place: Installation) -> Pkcs11Token:
    return token_opener(read(place.config), writable=True)("box")


def test_a_key_in_components_ends_in_the_token(place: Installation) -> None:
    parts = split(DEMO_VK04, [bytes([6] * 20)])
    key = ("--sgc", "600007", "--krn", "1", "--check-value", KCV, *WHY)
    assert place.call("keys", "import", *key, *letter(place, parts[0]), *by("anna"))[0] == 0
    words = ("keys", "approve", "1", *letter(place, parts[1]), *by("ben"))
    code, out, err = place.call(*words)
    assert code == 0, err
    assert f"KCV {KCV}, is in the module box" in out
    record = load_key_file((place.folder / "keys.json").read_bytes()).keys[-1]
    assert (record.sgc, record.kcv, record.wrapped) == ("600007", KCV, "")
    decoder_keys(box(place), record)  # it is there, sealed, and the one of its check value
    shown = json.loads(place.call("keys", "list", "--json")[1])["keys"]
    assert [each["where"] for each in shown] == [*["key file"] * 3, "module box"]


def test_support_decodes_by_the_companys_own_module(place: Installation) -> None:
    use = KeyRecord("demo", "600007", 1, 2, "04", 2014, "", "")
    record = installed(box(place), DEMO_VK04, use)
    (place.folder / "keys.json").write_text(dump_key_file(KeyFile(1, (record,))))
    meter = MeterKey("demo", meter_pan(METER), 11, "600007", 1, "01")
    soft = VirtualModule("m", [(record, DEMO_VK04)])
    (token,) = soft.issue_credit([CreditRequest(meter, 6_612_480, 5, 281)], 0)
    assert isinstance(token, IssuedToken)
    when = ("--meter", METER, "--at", "2026-07-29T12:00")
    code, out, err = place.call("token", "decode", token.digits, *when)
    assert "Electricity credit: 28.1 kWh." in out, err
    assert code == 0
    (place.folder / "box.pin").unlink()
    code, _, err = place.call("token", "decode", token.digits, *when)
    assert code == 2
    assert "[companies.demo] [modules.box], for supply group 600007: " in err
    assert "[modules.box] pin_file: " in err


def test_a_step_that_broke_off_behind_the_token_is_done_again(place: Installation) -> None:
    use = KeyRecord("demo", "600007", 2, 2, "04", 2014, "", "")
    token = box(place)
    first = installed(token, DEMO_VK04, use)
    assert installed(token, DEMO_VK04, use) == first
    with pytest.raises(KeyFileError, match="not the one of its check value"):
        installed(token, bytes(range(20)), use)


def test_what_the_token_cannot_do_is_refused_before_anything(place: Installation) -> None:
    config = read(place.config)
    vault = Vault(config, "demo", token_opener(config, writable=True), MORNING_US)
    use = KeyRecord("demo", "600007", 3, 2, "02", 2014, "ABCDEF", "")
    with pytest.raises(KeyFileError, match="only DKGA04 can be derived inside a PKCS#11 token"):
        check_use(vault, use)
    check_use(vault, msgspec.structs.replace(use, dkga="04"))


def test_a_master_key_in_components_ends_in_the_token(place: Installation) -> None:
    text = place.config.read_text()
    line = 'master_key = { pkcs11 = "box", label = "ceremony" }'
    place.config.write_text(text.replace('master_key_file = "master.key"', line))
    (place.folder / "master.key").unlink()
    kcv = key_check_value("04", MASTER)
    words = ["keys", "master", "--check-value", kcv, *WHY]
    for name, value in zip(("anna", "ben"), split(MASTER, [bytes([8] * 32)]), strict=True):
        words += ["--custodian", name, *letter(place, value)]
    assert place.call(*words)[0] == 0
    assert place.call("keys", "list")[0] == 0
    code, _, err = place.call(*words)
    assert (code, "has a key 'ceremony' already" in err) == (1, True)
