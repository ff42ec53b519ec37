"""`wattbus conform`: what it prints, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from core.sts.sta import SAMPLE_TABLES
from hub import files
from hub.verbs import conform

VECTORS = Path(__file__).parents[2] / "vectors" / "sts.json"
APP = typer.Typer()
APP.command()(conform.command)


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(APP, list(words))
    return result.exit_code, result.stdout, result.stderr


def file_of(folder: Path, vectors: list[Any]) -> str:
    path = folder / "v.json"
    path.write_text(json.dumps({"vectors": vectors}))
    return str(path)


LUHN = {
    "id": "v1",
    "kind": "luhn",
    "inputs": {"digits": "18"},
    "expected": {"valid": True},
}
LIVE = {
    "id": "v2",
    "kind": "block_cipher",
    "inputs": {
        "ea": 7,
        "key": "0ABC12DEF3456789",
        "block": "0B19EB230100C207",
        "sta_tables": "live",
    },
    "expected": {"ciphertext": "C45ED1619406DF95"},
}


def test_the_published_vectors_pass() -> None:
    assert call("sts", str(VECTORS)) == (0, "110 passed, 0 failed\n", "")


def test_a_failure_is_named_with_what_was_expected_and_what_came(tmp_path: Path) -> None:
    wrong = LUHN | {"expected": {"valid": False}}
    strange = LUHN | {"id": "v3", "kind": "dream"}
    code, out, _ = call("sts", file_of(tmp_path, [LUHN, wrong, strange]))
    assert code == 1
    first, second, last = out.splitlines()
    assert first == "v1: expected valid False, got valid True"
    assert second.startswith("v3: expected valid True, got nothing (vector_shape: Unknown kind")
    assert last == "1 passed, 2 failed"


def test_what_needs_the_licensed_tables_is_counted_as_skipped(tmp_path: Path) -> None:
    code, out, _ = call("sts", file_of(tmp_path, [LUHN, LIVE, LIVE]))
    assert code == 0
    assert out == (
        "1 passed, 0 failed, 2 skipped (2: needs the licensed EA07 tables (--tables FILE))\n"
    )


def test_tables_come_from_a_file(tmp_path: Path) -> None:
    tables = tmp_path / "tables.txt"
    t = SAMPLE_TABLES
    tables.write_text(f"T1 = {list(t.t1)}\nT2 = {list(t.t2)}\nP = {list(t.p)}\n")
    vectors = file_of(tmp_path, [LIVE])
    assert call("sts", vectors, "--tables", str(tables))[:2] == (0, "1 passed, 0 failed\n")
    tables.write_text("T1 = 1 2 3")
    code, _, err = call("sts", vectors, "--tables", str(tables))
    assert code == 2
    assert "T2" in err


def test_json_is_one_object(tmp_path: Path) -> None:
    wrong = LUHN | {"expected": {"valid": False}}
    code, out, _ = call("sts", file_of(tmp_path, [LUHN, wrong, LIVE]), "--json")
    told = json.loads(out)
    assert code == 1
    assert (told["passed"], told["failed"], told["skipped"]) == (1, 1, 1)
    assert [outcome["id"] for outcome in told["outcomes"]] == ["v1", "v2"]


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [
        ("nope", b"[]", "There is no kind 'nope'; there are: iso8583, mobile-money, sts, tariff."),
        ("sts", b"{", "not JSON"),
        ("sts", b"[" * 100_000, "not JSON"),
        ("sts", b"{}", "neither a list"),
        ("sts", b"[]", "no vectors"),
        ("sts", b"\xff\xfe", "UTF-8"),
        ("sts", None, "there is no such file"),
        ("tariff", b"{}", "list of cases"),
    ],
)
def test_wrong_use_is_exit_2(tmp_path: Path, kind: str, content: bytes | None, says: str) -> None:
    path = tmp_path / "file.json"
    if content is not None:
        path.write_bytes(content)
    code, out, err = call(kind, str(path))
    assert (code, out) == (2, "")
    assert says in err


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(files.MAX_BYTES + 1)
    code, _, err = call("sts", str(path))
    assert code == 2
    assert "16 MiB" in err


def test_a_tariff_case_that_fails_is_told(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([{"id": "T1", "strange": 1}]))
    code, out, _ = call("tariff", str(path))
    assert code == 1
    assert out.splitlines()[-1] == "0 passed, 1 failed"
    assert "[0].strange: unknown" in out


def test_a_provider_s_own_samples(tmp_path: Path) -> None:
    file = VECTORS.with_name("mobile-money.json")
    assert call("mobile-money", str(file)) == (0, "11 passed, 0 failed\n", "")
    cases = json.loads(file.read_text())["cases"]
    cases[0]["expect"]["amount"] = "5.01"
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps({"cases": cases}))
    code, out, _ = call("mobile-money", str(path))
    assert (code, out.splitlines()[-1]) == (1, "10 passed, 1 failed")
    assert out.startswith("mpesa-c2b-confirm: expected amount '5.01', got amount '5.00'")
    path.write_text("[1]")
    assert call("mobile-money", str(path))[0] == 2
