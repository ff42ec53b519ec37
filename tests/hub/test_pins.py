"""PINs: which may be set, whose proofs differ, and where the key is."""

from pathlib import Path

import pytest

from hub.config import read
from hub.pinrules import company_proof, key_problems, weakness
from hub.pins import PinKeyError, phone_proof, proof
from tests.core.terminals.shop import hired, post
from tests.hub.machine import Machine
from tests.hub.verbs.installation import CONFIG

KEY = "0f" * 32


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return post(tmp_path)


def written(folder: Path, line: str = 'pin_key_file = "pin.key"\n') -> Path:
    path = folder / "wattbus.toml"
    path.write_text(CONFIG + line)
    return path


@pytest.mark.parametrize("pin", ["4711", "83627", "290517", "90210", "73940281"])
def test_what_may_be_a_pin(pin: str) -> None:
    assert weakness(pin) == ""


@pytest.mark.parametrize(
    "pin",
    [
        *("", "471", "123456789", "47a1", "47 1", "٤٧١١"),
        *("0000", "1111", "77777777", "1234", "4321", "0123", "7890", "987654", "2580", "1470"),
        *("1212", "4747", "123123", "47114711"),
        *("1984", "2026"),
    ],
)
def test_what_may_not(pin: str) -> None:
    assert weakness(pin).startswith("a PIN")


def test_the_same_pin_of_two_cashiers_has_two_proofs() -> None:
    key = bytes.fromhex(KEY)
    whose = [
        ("demo", "A1", "07"),
        ("demo", "A1", "08"),
        ("demo", "A10", "7"),
        ("other", "A1", "07"),
    ]
    proofs = {proof(key, *who, "4711") for who in whose}
    assert len(proofs) == len(whose)
    assert proof(bytes(32), *whose[0], "4711") not in proofs
    assert {len(each) for each in proofs} == {64}


def test_a_proof_by_the_companys_key(tmp_path: Path) -> None:
    (tmp_path / "pin.key").write_text(KEY + "\n")
    made = company_proof(read(written(tmp_path)), "demo", "A1", "07", "4711")
    assert made == proof(bytes.fromhex(KEY), "demo", "A1", "07", "4711")


@pytest.mark.parametrize(
    ("line", "key", "sentence"),
    [
        ("", None, "has no pin_key_file"),
        ('pin_key_file = "pin.key"\n', None, "pin.key"),
        ('pin_key_file = "pin.key"\n', "0f", "64 hex digits"),
        ('pin_key_file = "pin.key"\n', "words", "hex digits"),
    ],
)
def test_without_a_key_there_is_no_proof(
    tmp_path: Path, line: str, key: str | None, sentence: str
) -> None:
    if key is not None:
        (tmp_path / "pin.key").write_text(key)
    with pytest.raises(PinKeyError, match=sentence):
        company_proof(read(written(tmp_path, line)), "demo", "A1", "07", "4711")


def test_the_check_says_whose_cashiers_cannot_sign_on(machine: Machine, tmp_path: Path) -> None:
    with machine.store.reader() as reader:
        assert key_problems(read(written(tmp_path, "")), reader) == []  # there are none
    hired(machine)
    with machine.store.reader() as reader:
        (problem,) = key_problems(read(written(tmp_path, "")), reader)
        assert "pin_key_file is missing" in problem
        (problem,) = key_problems(read(written(tmp_path)), reader)
        assert "pin.key" in problem
        (tmp_path / "pin.key").write_text(KEY)
        assert key_problems(read(written(tmp_path)), reader) == []


def test_a_limit_of_phones_needs_the_key_too(tmp_path: Path, machine: Machine) -> None:
    config = written(tmp_path, "")
    config.write_text(config.read_text() + "\n[companies.demo.limits]\npin_above = 50000\n")
    with machine.store.reader() as reader:
        (problem,) = key_problems(read(config), reader)
    assert "limits.pin_above needs it" in problem


def test_a_phones_proof_is_never_a_cashiers() -> None:
    key = bytes(32)
    assert phone_proof(key, "demo", "A1\x0007", "4729") != proof(key, "demo", "A1", "07", "4729")
