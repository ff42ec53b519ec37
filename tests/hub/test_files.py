"""Files that people name: a sentence that names the file, never a number of the system's."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.__main__ import app, mount
from hub.files import UnreadableError, read_bytes, read_text
from hub.verbs.init import write_installation


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    return tmp_path / "nosuch.yaml"


@pytest.mark.parametrize(
    "words",
    [
        "enrol FILE -c CONFIG",
        "inspect token FILE",
        "conform sts FILE",
        "tariff price FILE",
        "tariff lint FILE",
        "mapping lint FILE --kind tariffs",
        "token decode 56493153725450313471 --meter 04123456784 --keys FILE --master-key-file FILE",
        "deadletters edit 1 --data FILE --reason why -c CONFIG",
        "balance -c FILE",
    ],
)
def test_every_verb_that_reads_a_file_says_which_one_is_not_there(
    words: str, nowhere: Path, tmp_path: Path
) -> None:
    config = write_installation(tmp_path, 18080, 12775)
    called = words.replace("FILE", str(nowhere)).replace("CONFIG", str(config)).split()
    mount()
    result = CliRunner().invoke(app, called)
    assert f"{nowhere}: there is no such file" in result.stderr
    assert "Errno" not in result.stderr
    assert result.exit_code == (1 if called[0] == "mapping" else 2)


def test_a_file_that_the_configuration_names_is_told_likewise(tmp_path: Path) -> None:
    config = write_installation(tmp_path, 18080, 12775)
    keys = tmp_path / "keys.json"
    keys.unlink()
    mount()
    result = CliRunner().invoke(app, ["check", "-c", str(config)])
    assert f"{keys}: there is no such file" in result.output
    assert "Errno" not in result.output


def why(path: Path) -> str:
    with pytest.raises(UnreadableError) as caught:
        read_text(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_what_else_may_be_wrong_with_a_file(tmp_path: Path, nowhere: Path) -> None:
    nowhere.write_bytes(b"a\xff")
    assert why(nowhere) == "not a text in UTF-8 (byte 1)"
    assert why(tmp_path) == "it is a folder, not a file"
    assert why(nowhere / "below") == "there is no such file"
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert why(loop) == "Too many levels of symbolic links"


def test_a_limit_on_every_file(nowhere: Path) -> None:
    nowhere.write_bytes(b"12345\r\n")
    assert read_text(nowhere, 7) == "12345\n"
    assert read_bytes(nowhere, 7) == b"12345\r\n"
    with pytest.raises(UnreadableError, match="is this the right file"):
        read_bytes(nowhere, 6)
