"""Backups of a moment beside a running hub, and restores that are proved or refused."""

import json
import os
import stat
from pathlib import Path

import msgspec
import psycopg
import pytest

from core.store.invariants import offences
from core.store.upgrade import current, head, open_store, upgrade
from hub import backup
from hub.backup import BackupError, back_up, manifest_path, read_manifest, restore
from hub.engine import EngineError, lock_file
from hub.files import digest_of
from tests.hub.machine import Machine, buy, enrol, fresh_sqlite, pay
from tests.servers.postgres import Postgres

NOW = 1_795_000_000_000_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A household that paid and bought."""
    (tmp_path / "var").mkdir()
    return lived(Machine(fresh_sqlite(tmp_path / "var")))


def lived(machine: Machine) -> Machine:
    machine.do(enrol(), "e1")
    machine.do(pay(50_000), "p1")
    machine.do(buy(), "b1")
    return machine


def tokens(url: str) -> list[tuple[str, str]]:
    store = open_store(url)
    try:
        with store.reader() as reader:
            assert list(offences(reader, store.dialect)) == []
            return reader.rows("SELECT digits, cause FROM token ORDER BY id")  # type: ignore[return-value]
    finally:
        store.close()


def test_what_comes_back_is_what_was_there(machine: Machine, tmp_path: Path) -> None:
    file, there = tmp_path / "monday.backup", f"sqlite:{tmp_path / 'new' / 'wattbus.db'}"
    made = back_up(machine.url, file, NOW)
    assert (made.schema, made.engine) == (head(), "sqlite")
    assert made.totals["sales"] == 1
    assert restore(there, file) == made
    assert tokens(there) == tokens(machine.url)
    assert current(there) == head()
    after = Machine(there, time=machine.time)
    assert after.do(buy(another=True), "b2").outcome == "done"


def test_it_is_of_one_moment_while_the_hub_goes_on(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "monday.backup"
    before = back_up(machine.url, file, NOW)
    machine.do(buy(another=True), "b2")
    after = back_up(machine.url, tmp_path / "tuesday.backup", NOW)
    assert (before.totals["sales"], after.totals["sales"]) == (1, 2)
    assert before.newest <= after.newest
    assert restore(f"sqlite:{tmp_path / 'old.db'}", file).totals["sales"] == 1


def test_only_its_owner_reads_it(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "b"
    back_up(machine.url, file, NOW)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    restore(f"sqlite:{tmp_path / 'new.db'}", file)
    assert stat.S_IMODE((tmp_path / "new.db").stat().st_mode) == 0o600
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]


def test_nothing_is_overwritten(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "b"
    back_up(machine.url, file, NOW)
    bytes_ = file.read_bytes()
    with pytest.raises(BackupError, match="not overwritten"):
        back_up(machine.url, file, NOW)
    with pytest.raises(BackupError, match="is there already"):
        restore(machine.url, file)
    assert file.read_bytes() == bytes_
    assert tokens(machine.url)


def test_not_over_what_a_lost_database_left_beside(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "b"
    back_up(machine.url, file, NOW)
    (tmp_path / "new.db-wal").write_bytes(b"what SQLite would read into the new database")
    with pytest.raises(BackupError, match="-wal is there"):
        restore(f"sqlite:{tmp_path / 'new.db'}", file)


def test_not_beside_a_running_hub(machine: Machine, tmp_path: Path) -> None:
    file, path = tmp_path / "b", tmp_path / "new.db"
    back_up(machine.url, file, NOW)
    with lock_file(path), pytest.raises(EngineError, match="in use"):
        restore(f"sqlite:{path}", file)


def test_a_changed_backup_is_refused(machine: Machine, tmp_path: Path) -> None:
    file, target = tmp_path / "b", tmp_path / "new.db"
    back_up(machine.url, file, NOW)
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(BackupError, match="not as it was written"):
        restore(f"sqlite:{target}", file)
    assert not target.exists()


def test_a_damaged_file_is_refused_whatever_its_manifest_says(
    machine: Machine, tmp_path: Path
) -> None:
    file, target = tmp_path / "b", tmp_path / "new.db"
    made = back_up(machine.url, file, NOW)
    file.write_bytes(b"SQLite format 3\0" + os.urandom(8_192))
    wrong = msgspec.structs.replace(made, sha256=digest_of(file))
    manifest_path(file).write_bytes(msgspec.json.encode(wrong))
    with pytest.raises(BackupError, match="damaged"):
        restore(f"sqlite:{target}", file)
    assert not target.exists()


def test_other_totals_are_told(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "b"
    made = back_up(machine.url, file, NOW)
    wrong = msgspec.structs.replace(made, totals={**made.totals, "tokens": 9})
    manifest_path(file).write_bytes(msgspec.json.encode(wrong))
    with pytest.raises(BackupError, match="tokens 1 for 9; do not start"):
        restore(f"sqlite:{tmp_path / 'new.db'}", file)


def test_without_a_manifest_it_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"x")
    with pytest.raises(BackupError, match="no backup of ours"):
        read_manifest(tmp_path / "b")


def test_there_must_be_something(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="nothing to back up"):
        back_up(f"sqlite:{tmp_path / 'none.db'}", tmp_path / "b", NOW)


def test_of_the_other_engine(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "b"
    back_up(machine.url, file, NOW)
    with pytest.raises(BackupError, match="is of sqlite, the configuration names postgresql"):
        restore("postgresql://127.0.0.1:1/x", file)


@pytest.mark.parametrize(
    ("netloc", "bare"),
    [("u:p@h:1", "u@h:1"), ("u@h", "u@h"), ("h:1", "h:1"), ("u:p%40q@h", "u@h")],
)
def test_no_password_is_an_argument(netloc: str, bare: str) -> None:
    assert backup._without_password(netloc) == bare


@pytest.mark.slow
def test_the_same_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    url, empty = postgres.create(), postgres.create()
    upgrade(url)
    machine, file = lived(Machine(url)), tmp_path / "b"
    made = back_up(url, file, NOW)
    assert json.loads(manifest_path(file).read_text())["engine"] == "postgresql"
    machine.do(buy(another=True), "b2")
    assert restore(empty, file) == made
    assert len(tokens(empty)) == 1
    assert len(tokens(url)) == 2
    with pytest.raises(BackupError, match="tables already"):
        restore(empty, file)
    with pytest.raises(BackupError, match="pg_restore"):
        backup._tool(empty, ["pg_restore", str(tmp_path / "none")])


@pytest.mark.slow
def test_totals_and_dump_are_of_the_same_moment(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sale that comes between the dump and the counting is in neither."""
    url, empty = postgres.create(), postgres.create()
    upgrade(url)
    machine, tool = lived(Machine(url)), backup._tool

    def meanwhile(database: str, words: list[str]) -> None:
        if words[0] == "pg_dump":
            machine.do(buy(another=True), "b2")
        tool(database, words)

    monkeypatch.setattr(backup, "_tool", meanwhile)
    made = back_up(url, tmp_path / "b", NOW)
    assert made.totals["sales"] == 1
    assert restore(empty, tmp_path / "b") == made
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM sale").fetchone() == (2,)
