"""The verb that wraps a terminal's master key, and the file that it makes."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.iso8583.keys import combine
from hub.__main__ import app, mount
from hub.terminalkeys import TerminalKeyError, kcv_of, read, read_master

ONE, OTHER = bytes(range(16)), bytes(range(16, 32))
KEY = combine([ONE, OTHER])


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a master key and two people's components."""
    (tmp_path / "master").write_text(bytes(range(32)).hex())
    (tmp_path / "master").chmod(0o600)
    (tmp_path / "one").write_text(ONE.hex())
    (tmp_path / "other").write_text(OTHER.hex() + "\n")
    return tmp_path


def add(desk: Path, *more: str, terminal: str = "T0000001", kcv: str = "") -> tuple[int, str]:
    mount()
    words = ["terminalkey", "add", terminal, "--company", "demo", "--keys", str(desk / "keys")]
    words += ["--master-key-file", str(desk / "master"), "--kcv", kcv or kcv_of("des", KEY)]
    words += ["--component", str(desk / "one"), "--component", str(desk / "other"), *more]
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.stdout + result.stderr


def test_a_key_of_two_people_is_wrapped(desk: Path) -> None:
    code, told = add(desk)
    assert (code, "1 keys" in told) == (0, True)
    assert KEY.hex() not in told.lower()
    text = (desk / "keys").read_text()
    assert KEY.hex().upper() not in text.upper()
    master = read_master(desk / "master")
    assert read(desk / "keys", master, "demo", test=False) == {"T0000001": KEY}
    assert (desk / "keys").stat().st_mode & 0o077 == 0


def test_another_key_takes_the_place_of_the_old_one(desk: Path) -> None:
    add(desk)
    assert add(desk, terminal="*")[0] == 0
    assert "2 keys" in add(desk)[1]


def test_what_does_not_fit_writes_nothing(desk: Path) -> None:
    assert add(desk, kcv="000000")[0] == 1
    assert add(desk, "--component", str(desk / "master"))[0] == 1
    (desk / "one").write_text("no hex")
    code, told = add(desk)
    assert (code, "no hex" in told) == (1, True)
    assert add(desk, "--cipher", "rot13")[0] == 2
    assert not (desk / "keys").exists()


def test_a_file_that_is_none_is_not_written_over(desk: Path) -> None:
    (desk / "keys").write_text("{}")
    assert add(desk)[0] == 1
    assert (desk / "keys").read_text() == "{}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_master_key_that_others_can_read_is_refused(desk: Path, mode: int) -> None:
    (desk / "master").chmod(mode)
    with pytest.raises(TerminalKeyError, match=r"others can read this key .*chmod 600"):
        read_master(desk / "master")
    assert read_master(desk / "master", test=True)  # a test company's
    code, told = add(desk)
    assert (code, "chmod 600" in told) == (1, True)
    (desk / "master").unlink()
    with pytest.raises(TerminalKeyError, match="there is no such file"):
        read_master(desk / "master")


@pytest.mark.parametrize("text", ["", "00", "zz" * 32])
def test_a_master_key_has_its_length(desk: Path, text: str) -> None:
    (desk / "master").write_text(text)
    with pytest.raises(TerminalKeyError):
        read_master(desk / "master")
