"""`wattbus token`: a token in words, and test tokens."""

import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from core.sts.keystore import DEMO_VK04, KeyFile, KeyRecord, dump_key_file, wrap_key
from hub.verbs.init import write_installation
from hub.verbs.token import app

DRN = "04123456784"
AT = "2026-07-29T12:00"
NOON = ("--meter", DRN, "--at", AT)


def call(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.stdout, result.stderr


def issued(*more: str) -> str:
    code, out, err = call("issue", *NOON, "--units", "28.1", *more)
    assert code == 0, err
    assert out.rstrip().endswith("TEST")
    return out.replace("TEST", "").strip()


@pytest.mark.parametrize("ea", ["7", "11"])
def test_what_is_issued_is_told_in_words(ea: str) -> None:
    code, out, _ = call("decode", issued("--ea", ea), *NOON)
    assert code == 0
    assert "Electricity credit: 28.1 kWh." in out
    assert "Made on 2026-07-29 at 12:00 UTC" in out
    assert f"Read under EA{int(ea):02d}, supply group 201457" in out


def test_a_token_of_water_is_none_for_a_meter_of_electricity() -> None:
    water = issued("--service", "water")
    code, out, _ = call("decode", water, *NOON)
    assert code == 0
    assert "Water credit: 28.1 m³." in out
    assert call("decode", water, *NOON, "--service", "water")[0] == 0
    code, out, _ = call("decode", water, *NOON, "--service", "electricity")
    assert code == 1
    assert "FunctionError" in out
    code, _, err = call("decode", water, *NOON, "--service", "heat")
    assert code == 2
    assert "account balance, not by token" in err


def test_digits_may_come_as_several_words() -> None:
    assert call("decode", *issued().split(), *NOON)[0] == 0


def test_the_companys_own_module_reads_it(tmp_path: Path) -> None:
    path = write_installation(tmp_path, 0, 2775)
    token = issued()
    code, out, _ = call("decode", token, *NOON, "-c", str(path))
    assert (code, "Electricity credit: 28.1 kWh." in out) == (0, True)
    other = tmp_path / "other.json"
    other.write_text(dump_key_file(KeyFile(1, ())))
    code, _, err = call("decode", token, *NOON, "-c", str(path), "--keys", str(other))
    assert (code, "supply_groups.123400: no key of this supply group" in err) == (2, True)
    code, _, err = call("decode", token, *NOON, "-c", str(path), "--master-key-file", str(other))
    assert (code, "-c brings master key and tables itself" in err) == (2, True)
    (tmp_path / "master.key").write_text("00")
    code, _, err = call("decode", token, *NOON, "-c", str(path))
    assert (code, "[companies.demo] master_key_file: " in err) == (2, True)


def test_a_token_that_was_keyed_in_is_used() -> None:
    token = issued()
    code, out, _ = call("decode", token, *NOON, "--entered", token, "--entered", "123", "--json")
    told = json.loads(out)
    assert code == 1
    assert (told["result"], told["taken"]) == ("UsedError", False)
    assert told["fields"]["amount"] == 281


def test_a_wrong_digit_and_a_short_token_have_their_own_words() -> None:
    token = issued().replace(" ", "")
    wrong = token[:-1] + str((int(token[-1]) + 1) % 10)
    code, out, _ = call("decode", wrong, *NOON)
    assert code == 1
    assert "CRCError" in out
    assert "Read under" not in out
    code, out, _ = call("decode", token[:-1], *NOON)
    assert code == 1
    assert "this one has 19" in out


def test_a_test_token_needs_no_key() -> None:
    code, out, _ = call("decode", "5649 3153 7254 5031 3471", *NOON)
    assert code == 0
    assert "all tests" in out
    assert "Read under" not in out


def test_the_licence_holders_own_keys(tmp_path: Path) -> None:
    master = bytes(range(32))
    use = KeyRecord("real", "201457", 1, 2, "04", 2014, "", "", ken=80)
    keys = tmp_path / "keys.json"
    keys.write_text(dump_key_file(KeyFile(1, (wrap_key(master, DEMO_VK04, use),))))
    secret = tmp_path / "master"
    secret.write_text(master.hex() + "\n")
    files = ("--keys", str(keys), "--master-key-file", str(secret))
    code, out, _ = call("decode", issued(), *NOON, *files)
    assert code == 1
    assert "KeyExpiredError" in out
    secret.write_text("no hex")
    assert call("decode", issued(), *NOON, *files)[0] == 2
    secret.write_text(bytes(32).hex())
    code, _, err = call("decode", issued(), *NOON, *files)
    assert code == 1
    assert "master key" in err
    assert call("decode", issued(), *NOON, "--keys", str(keys))[0] == 2


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--meter", "04123456789", "--units", "1"), 1, "last digit"),
        (("--meter", "0412345678", "--units", "1"), 1, "11 or 13"),
        (("--meter", DRN, "--units", "1.25"), 2, "one decimal"),
        (("--meter", DRN, "--units", "-1"), 2, "one decimal"),
        (("--meter", DRN, "--units", "1820162.5"), 1, "18,201,624"),
        (("--meter", DRN, "--units", "1", "--service", "heat"), 2, "account balance"),
        (("--meter", DRN, "--units", "1", "--service", "tea"), 2, "electricity, water"),
        (("--meter", DRN, "--units", "1", "--ea", "9"), 1, "withdrawn"),
        (("--meter", DRN, "--units", "1", "--keys", "keys.json"), 2, "wattbus act request"),
        (("--meter", DRN, "--units", "1", "--sgc", "600727"), 2, "makes test tokens only"),
        (("--meter", DRN, "--units", "1", "--at", "noon"), 2, "not a time"),
        (("--meter", DRN, "--units", "1", "--at", "2013-12-31T23:59"), 1, "base date"),
        (("--meter", DRN, "--units", "1", "--at", "2045-11-24T20:16Z"), 1, "run out"),
    ],
)
def test_what_is_not_issued(words: tuple[str, ...], code: int, says: str) -> None:
    got, out, err = call("issue", *words)
    assert (got, out) == (code, "")
    assert says in err


def test_a_supply_group_without_a_key() -> None:
    code, _, err = call("decode", issued(), *NOON, "--sgc", "999999")
    assert code == 1
    assert "No key" in err
    assert msgspec.json.encode(err)
