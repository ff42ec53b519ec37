"""What pruning has archived is verified, and what a crash left of it is mended."""

import os
from pathlib import Path

import pytest

from hub import archive
from hub.archive import Archive, ArchiveError, files, read, unfinished, verify

COLUMNS = ("id", "raw")


def put(kept: Archive, *rows: tuple[str, str | None], day: str = "2026-10-01") -> None:
    kept.put("rows", "journal", day, COLUMNS, list(rows))


def made(folder: Path) -> Path:
    kept = Archive(folder, "run1")
    put(kept, ("a", "one"), ("b", None))
    put(kept, ("c", "dreı\n"))
    kept.close()
    (path,) = files(folder)
    return path


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    path = made(tmp_path)
    assert path.name == "journal-2026-10-01.run1.jsonl.gz"
    assert [*read(path)] == [
        {"id": "a", "raw": "one"}, {"id": "b", "raw": None}, {"id": "c", "raw": "dreı\n"},
    ]  # fmt: skip
    note = verify(path)
    assert (note.tier, note.table, note.day, note.rows) == ("rows", "journal", "2026-10-01", 3)


def test_only_the_hub_may_read_it(tmp_path: Path) -> None:
    path = made(tmp_path / "archive")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(archive.note_of(path)).st_mode & 0o777 == 0o600
    assert os.stat(path.parent).st_mode & 0o777 == 0o700


@pytest.mark.parametrize("at", [0, 40, -1])
def test_a_changed_file_is_named(tmp_path: Path, at: int) -> None:
    path = made(tmp_path)
    found = bytearray(path.read_bytes())
    found[at] ^= 1
    path.write_bytes(found)
    with pytest.raises(ArchiveError, match="not as it was written"):
        verify(path)


def test_a_file_without_its_note_is_named(tmp_path: Path) -> None:
    path = made(tmp_path)
    archive.note_of(path).unlink()
    with pytest.raises(ArchiveError, match="no note"):
        verify(path)


@pytest.mark.parametrize("cut", [1, 8, 20])
def test_what_a_crash_left_is_mended_by_the_next_run(tmp_path: Path, cut: int) -> None:
    kept = Archive(tmp_path, "run1")
    put(kept, ("a", "one"))
    put(kept, ("b", "two"))
    (part,) = unfinished(tmp_path)
    os.truncate(part, part.stat().st_size - cut)
    os.utime(part, (0, 0))
    after = Archive(tmp_path, "run2")
    put(after, ("b", "two"))
    assert [note.rows for note in after.close()] == [1, 1]
    assert [row["id"] for path in files(tmp_path) for row in read(path)] == ["a", "b"]
    assert [verify(path).rows for path in files(tmp_path)] == [1, 1]


def test_a_file_that_is_torn_says_so(tmp_path: Path) -> None:
    path = made(tmp_path)
    os.truncate(path, path.stat().st_size - 3)
    with pytest.raises(ArchiveError, match="cannot be read"):
        [*read(path)]


def test_a_run_leaves_the_files_of_another_that_is_under_way(tmp_path: Path) -> None:
    one, other = Archive(tmp_path, "run1"), Archive(tmp_path, "run2")
    put(one, ("a", "one"))
    put(other, ("b", "two"))
    assert [note.rows for note in other.close()] == [1]
    put(one, ("c", "three"))
    assert [note.rows for note in one.close()] == [2]
    found = [row["id"] for path in files(tmp_path) if verify(path) for row in read(path)]
    assert sorted(found) == ["a", "b", "c"]


def test_a_file_that_another_run_has_closed_is_never_made_anew(tmp_path: Path) -> None:
    slow = Archive(tmp_path, "run1")
    put(slow, ("a", "one"))
    (part,) = unfinished(tmp_path)
    os.utime(part, (0, 0))
    Archive(tmp_path, "run2").close()
    with pytest.raises(FileNotFoundError):
        put(slow, ("b", "two"))
    assert [row["id"] for path in files(tmp_path) if verify(path) for row in read(path)] == ["a"]
