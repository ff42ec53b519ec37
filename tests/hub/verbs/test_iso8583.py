"""ISO 8583 from the command line: inspect, conform, mapping lint, test and explain."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.__main__ import app, mount
from hub.iso8583 import shipped
from tests.hub.machine import ROOT

PAN = "4000001234567899"
MESSAGE = f"02004000000000000000{len(PAN)}{PAN}"
VECTORS = ROOT / "tests" / "vectors" / "iso8583.json"
FILE = shipped()["tpdu-1987-bcd"]


def call(*words: str, stdin: bytes | str = "") -> tuple[int, str, str]:
    mount()
    result = CliRunner().invoke(app, list(words), input=stdin)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("stdin", [MESSAGE, MESSAGE.encode().hex(), MESSAGE.encode().hex(" ")])
def test_a_message_is_shown_without_its_card(stdin: str) -> None:
    code, out, _ = call("inspect", "iso8583", "--dialect", "ascii87_hexbitmap", "-", stdin=stdin)
    assert code == 0
    seen = json.loads(out)
    assert seen["fields"] == {"2": "400000******7899"}
    assert seen["layout"][-1]["offset"] == 20
    assert PAN not in out


def test_a_message_is_read_from_a_file_by_a_dialect_file(tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_bytes(bytes.fromhex("6000030000 0800 2000000000000000 920000"))
    code, out, _ = call("inspect", "iso8583", str(file), "--dialect", str(FILE))
    assert code == 0
    assert json.loads(out)["header"] == "6000030000"


def test_what_is_not_acceptable_is_one_line() -> None:
    code, out, told = call("inspect", "iso8583", "-", stdin=MESSAGE[:-3])
    assert (code, out) == (1, "")
    assert told.strip() == (
        "not acceptable as iso8583: 2 at octet 22: 16 octets are promised, 13 are left"
    )


@pytest.mark.parametrize("dialect", ["nobody", "no/such/file.yaml"])
def test_a_dialect_that_is_not_there_is_wrong_use(dialect: str) -> None:
    code, _, told = call("inspect", "iso8583", "-", "--dialect", dialect, stdin=MESSAGE)
    assert code == 2
    assert told


def test_the_vectors_pass() -> None:
    code, out, _ = call("conform", "iso8583", str(VECTORS))
    assert (code, out) == (0, "37 passed, 0 failed\n")


def test_a_vector_that_fails_is_named(tmp_path: Path) -> None:
    changed = json.loads(VECTORS.read_text())
    changed["samples"][0]["expected"]["t"] = "0401"
    file = tmp_path / "vectors.json"
    file.write_text(json.dumps(changed))
    code, out, _ = call("conform", "iso8583", str(file))
    assert code == 1
    assert out.splitlines() == [
        "moov_iso_reversal_message: expected 0401, got 0400 (field t)",
        "36 passed, 1 failed",
    ]


@pytest.mark.parametrize("text", ["not JSON", "[]", "{}"])
def test_no_vectors_are_wrong_use(tmp_path: Path, text: str) -> None:
    file = tmp_path / "vectors.json"
    file.write_text(text)
    assert call("conform", "iso8583", str(file))[0] == 2


def test_dialects_are_linted_and_their_cases_run(tmp_path: Path) -> None:
    files = [str(file) for file in shipped().values()]
    assert call("mapping", "lint", *files)[1] == "3 fine\n"
    assert call("mapping", "test", *files)[1] == "32 passed, 0 failed\n"
    broken = tmp_path / "pos" / "broken.yaml"
    broken.parent.mkdir()
    broken.write_text(FILE.read_text().replace('mti: "0810"', 'mti: "0811"'))
    assert call("mapping", "lint", str(broken))[0] == 0
    code, _, told = call("mapping", "test", str(broken))
    assert code == 1
    assert "sign-on answered with keys: mti: expected 0811, got 0810" in told
    line = next(
        n for n, text in enumerate(broken.read_text().splitlines(), 1) if "answered" in text
    )
    assert f"{broken}:{line}:" in told


def test_a_case_is_explained_by_its_line() -> None:
    lines = FILE.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "credit vend with" in text) + 3
    code, out, _ = call("mapping", "explain", str(FILE), "--line", str(line))
    assert code == 0
    (seen,) = json.loads(out)
    assert seen["case"] == "credit vend with a code"
    assert [row["field"] for row in seen["layout"]][:4] == ["header", "mti", "bitmap", "3"]
    assert len(json.loads(call("mapping", "explain", str(FILE))[1])) == 6
    assert call("mapping", "explain", str(FILE), "--line", "1")[0] == 1
