"""``wattbus inspect`` and ``wattbus mapping lint``: found by name, one clear line when it is no."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.__main__ import app, mount
from hub.verbs.inspect import inspectors
from hub.verbs.mapping import loaders
from tests.hub.machine import ROOT

ENQUIRE_LINK = "00000010 00000015 00000000 00000007"


def call(*words: str, stdin: bytes | str = "") -> tuple[int, str, str]:
    mount()
    result = CliRunner().invoke(app, list(words), input=stdin)
    return result.exit_code, result.stdout, result.stderr


def test_a_token_is_decoded_to_json() -> None:
    code, out, _ = call("inspect", "token", "-", stdin="5649 3153 7254 5031 3471\n")
    assert code == 0
    assert json.loads(out)["class"] == 1


def test_a_pdu_is_decoded_from_a_file_and_from_hex(tmp_path: Path) -> None:
    file = tmp_path / "pdu"
    file.write_bytes(bytes.fromhex(ENQUIRE_LINK))
    for words, stdin in ((("smpp", str(file)), ""), (("smpp", "-"), ENQUIRE_LINK)):
        code, out, _ = call("inspect", *words, stdin=stdin)
        assert code == 0
        assert json.loads(out)["sequence"] == 7


@pytest.mark.parametrize(
    ("kind", "stdin"), [("token", "1234"), ("token", b"\xff\xfe"), ("smpp", "00000010")]
)
def test_what_is_not_acceptable_gets_one_line(kind: str, stdin: bytes | str) -> None:
    code, out, err = call("inspect", kind, "-", stdin=stdin)
    assert (code, out) == (1, "")
    assert err.startswith(f"not acceptable as {kind}: ")
    assert err.count("\n") == 1


def test_wrong_use() -> None:
    code, _, err = call("inspect", "telegram", "-")
    assert code == 2
    assert "known: iso8583, smpp, token" in err


def test_inspectors_and_loaders_are_found_by_name() -> None:
    assert {"token", "smpp"} <= {kind for kind, _ in inspectors()}
    assert {"tariffs", "texts"} <= {kind for kind, _ in loaders()}


SHIPPED = [
    *(ROOT / "mappings").glob("tariffs/*.yaml"),
    *(ROOT / "mappings").glob("texts/*.yaml"),
    *(ROOT / "mappings").glob("ussd/*.yaml"),
]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_mappings_that_ship_are_fine(file: Path) -> None:
    code, out, err = call("mapping", "lint", str(file))
    assert (code, out) == (0, "1 fine\n"), err


def test_a_kind_may_be_named() -> None:
    commands = ROOT / "mappings/sms/commands.yaml"
    assert call("mapping", "lint", str(commands), "--kind", "sms-commands")[0] == 0


def test_a_wrong_mapping_is_told_by_file_and_line(tmp_path: Path) -> None:
    shipped = (ROOT / "mappings/tariffs/uganda-domestic.yaml").read_text()
    file = tmp_path / "mine.yaml"
    file.write_text(shipped.replace("currency: UGX", "currency: UGS"))
    code, _, err = call("mapping", "lint", str(file), "--kind", "tariffs")
    assert code == 1
    assert err.startswith(f"{file}:")
    code, _, err = call("mapping", "lint", str(file))
    assert code == 2
    assert "of which kind" in err
