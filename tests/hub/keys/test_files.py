"""Files of keys: whole or not at all, private, the old one kept, and what waits beside them."""

import os
from pathlib import Path

import msgspec
import pytest

from core.sts.errors import KeyFileError
from core.sts.keystore import DEMO_VK04, KeyRecord, key_check_value, unwrap_key
from hub.keys import files, waiting
from hub.keys.waiting import WAITS, Import, Waiting
from tests.hub.machine import MASTER, MORNING_US

KCV = key_check_value("04", DEMO_VK04)
USE = KeyRecord("demo", "201457", 1, 2, "04", 2014, KCV, "", test=True)
ONE = Import(1, USE, 3, "new group", "2026-11-21T06:00:00+00:00", ())
WEEK_US = int(WAITS.total_seconds()) * 1_000_000


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_file_is_private_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.write(tmp_path / "keys.json", "new\n")
    finally:
        os.umask(before)
    assert (tmp_path / "keys.json").read_text() == "new\n"
    assert mode(tmp_path / "keys.json") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_the_old_file_is_kept_and_becomes_private_no_earlier(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("old\n")
    kept = files.keep(path, MORNING_US)
    assert kept == tmp_path / "keys.json.20261121T060000.000000"
    files.write(path, "new\n")
    assert (kept.read_text(), path.read_text()) == ("old\n", "new\n")
    assert files.keep(tmp_path / "none.json", MORNING_US) is None


def test_a_disk_that_is_full_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.json"
    path.write_text("old\n")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write(path, "new\n")
    assert path.read_text() == "old\n"
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


def test_what_waits_is_wrapped_and_opens_again(tmp_path: Path) -> None:
    keys, parts = tmp_path / "keys.json", (bytes([7] * 20), bytes([9] * 20))
    one = ONE
    for place, value in enumerate(parts, start=1):
        part = waiting.sealed(MASTER, one, place, value, f"custodian{place}")
        one = msgspec.structs.replace(one, parts=(*one.parts, part))
    waiting.write(keys, Waiting().with_(one))
    text = waiting.path_of(keys).read_text()
    assert not any(value.hex() in text.lower() for value in parts)
    assert mode(waiting.path_of(keys)) == 0o600
    found = waiting.read(keys, MORNING_US).find(1)
    assert found is not None
    assert waiting.opened(MASTER, found) == list(parts)
    assert (found.people, found.left) == (("custodian1", "custodian2"), 1)


def test_a_component_is_no_other_component_and_no_key() -> None:
    first = waiting.sealed(MASTER, ONE, 1, bytes([7] * 20), "anna")
    second = waiting.sealed(MASTER, ONE, 2, bytes([7] * 20), "ben")
    swapped = msgspec.structs.replace(ONE, parts=(second, first))
    with pytest.raises(KeyFileError, match="does not unwrap"):
        waiting.opened(MASTER, swapped)
    record = msgspec.structs.replace(USE, wrapped=first.wrapped, kcv=first.kcv)
    with pytest.raises(KeyFileError, match="does not unwrap"):
        unwrap_key(MASTER, record)


def test_an_import_lapses_after_a_week(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    waiting.write(keys, Waiting().with_(ONE))
    assert waiting.read(keys, MORNING_US + WEEK_US - 1_000_000).find(1) is not None
    late = waiting.read(keys, MORNING_US + WEEK_US + 1_000_000)
    assert (late.imports, late.last) == ((), 1), "a number is never used again"


def test_one_import_of_a_key_at_a_time() -> None:
    found = Waiting().with_(ONE)
    with pytest.raises(KeyFileError, match="Import 1 of the key of demo"):
        found.with_(msgspec.structs.replace(ONE, number=2))
    many = msgspec.structs.replace(
        found,
        imports=tuple(
            msgspec.structs.replace(ONE, number=n, use=msgspec.structs.replace(USE, sgc=f"{n:06d}"))
            for n in range(1, waiting.MAX_WAITING + 1)
        ),
    )
    with pytest.raises(KeyFileError, match="50 imports are under way"):
        many.with_(msgspec.structs.replace(ONE, number=99))


@pytest.mark.parametrize("text", ["{", '{"version": 9}', '{"imports": 1}'])
def test_a_broken_file_is_said(tmp_path: Path, text: str) -> None:
    waiting.path_of(tmp_path / "keys.json").write_text(text)
    with pytest.raises(KeyFileError):
        waiting.read(tmp_path / "keys.json", MORNING_US)
