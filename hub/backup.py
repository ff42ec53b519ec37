"""Backups: a file of one moment, made beside the running hub, and the proof of what came back.

Beside ``FILE`` stands ``FILE.json``: of which moment it is, its digest, and totals that were read
in that very moment. A restore goes only into a database that is empty, and ends when the totals of
what came back are the same.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec

from core.store.moments import copy_sqlite, snapshot, whole
from core.store.pg import PgStore
from core.store.sqlite import SqliteReader
from core.store.tx import Reader
from core.store.upgrade import current, is_sqlite, sqlite_path
from hub.engine import lock_file
from hub.envelope import rfc3339
from hub.files import digest_of, to_disk

#: What is counted in the moment of the backup and again in what came back.
TOTALS = {
    "messages": "SELECT count(*) FROM message",
    "sales": "SELECT count(*) FROM sale",
    "tokens": "SELECT count(*) FROM token",
    "transactions": "SELECT count(*) FROM ledger_txn",
    "postings": "SELECT count(*) FROM posting",
    "debited": "SELECT COALESCE(sum(amount), 0) FROM posting WHERE amount > 0",
    "credit": "SELECT COALESCE(sum(credit), 0) FROM account",
    "owed": "SELECT COALESCE(sum(open), 0) FROM open_item",
}
_NEWEST = "SELECT COALESCE(max(at), 0) FROM ledger_txn"
_OWN_ONLY = 0o600  # tokens and names are in it


class BackupError(Exception):
    """A backup or restore that cannot be, as a sentence."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a backup. ``newest``: the newest posting in it, RFC 3339."""

    made: str
    engine: str
    schema: str
    newest: str
    sha256: str
    size: int
    totals: dict[str, int]


def manifest_path(file: Path) -> Path:
    """Where the manifest of a backup is."""
    return file.with_name(f"{file.name}.json")


def back_up(url: str, file: Path, now_us: int) -> Manifest:
    """Write ``file`` and its manifest. Nobody waits for it. BackupError, StoreError."""
    schema = current(url)
    if schema is None:
        raise BackupError("there is no database yet: nothing to back up")
    for path in (file, manifest_path(file)):
        if path.exists():
            raise BackupError(f"{path} is there already: it is not overwritten")
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWN_ONLY))
    totals, newest = _copied(url, part)
    to_disk(part)
    found = Manifest(
        made=rfc3339(now_us),
        engine=_engine(url),
        schema=schema,
        newest=rfc3339(newest) if newest else "",
        sha256=digest_of(part),
        size=part.stat().st_size,
        totals=totals,
    )
    note = manifest_path(file)
    note.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    to_disk(note)
    part.rename(file)
    to_disk(file.parent)
    return found


def _copied(url: str, part: Path) -> tuple[dict[str, int], int]:
    if is_sqlite(url):
        copy_sqlite(sqlite_path(url), part)
        return _counted_file(part)
    with snapshot(url) as (reader, name):
        words = ["--format=custom", "--no-owner", f"--snapshot={name}", f"--file={part}"]
        _tool(url, ["pg_dump", *words])
        return _counted(reader)


def read_manifest(file: Path) -> Manifest:
    """The manifest of a backup whose bytes are those that were written. BackupError."""
    try:
        found = msgspec.json.decode(manifest_path(file).read_bytes(), type=Manifest)
        digest = digest_of(file)
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"{file} is no backup of ours with its manifest: {error}") from error
    if digest != found.sha256:
        raise BackupError(f"{file} is not as it was written: its digest is another")
    return found


def restore(url: str, file: Path) -> Manifest:
    """Bring a backup back into an empty database. BackupError: nothing was brought back, or what
    came back is not what was saved (then it says so)."""
    found = read_manifest(file)
    if found.engine != _engine(url):
        raise BackupError(f"{file} is of {found.engine}, the configuration names {_engine(url)}")
    if is_sqlite(url):
        _restore_sqlite(sqlite_path(url), file)
    else:
        _restore_postgres(url, file)
    with _opened(url) as reader:
        totals, _ = _counted(reader)
    wrong = [name for name, count in found.totals.items() if totals.get(name) != count]
    if wrong:
        listed = ", ".join(f"{name} {totals.get(name)} for {found.totals[name]}" for name in wrong)
        raise BackupError(f"what came back is not what was saved: {listed}; do not start on it")
    return found


def _restore_sqlite(path: Path, file: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(path):
        for old in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
            if old.exists():
                raise BackupError(f"{old} is there already: move it away first")
        part = path.with_name(f"{path.name}.part")
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _OWN_ONLY))
        shutil.copyfile(file, part)
        if not whole(part):
            part.unlink()
            raise BackupError(f"{file} is damaged: SQLite finds no whole database in it")
        to_disk(part)
        part.rename(path)
        to_disk(path.parent)


def _restore_postgres(url: str, file: Path) -> None:
    with _opened(url) as reader:
        ((tables,),) = reader.rows(
            "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', "
            "'information_schema')"
        )
    if tables:
        raise BackupError(f"the database has {tables} tables already: name an empty one")
    _tool(url, ["pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", str(file)])


def _tool(url: str, words: Sequence[str]) -> None:
    """Run a tool of PostgreSQL. The password goes by the environment: others can read arguments."""
    parts = urlsplit(url)
    bare = urlunsplit(parts._replace(netloc=_without_password(parts.netloc)))
    environment = dict(os.environ)
    if parts.password:
        environment["PGPASSWORD"] = unquote(parts.password)
    command = [words[0], f"--dbname={bare}", *words[1:]]
    try:
        done = subprocess.run(  # noqa: S603 - our own words, no shell
            command, env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise BackupError(
            f"{words[0]} cannot be run ({error}): install postgresql-client"
        ) from error
    if done.returncode:
        raise BackupError(f"{words[0]}: {done.stderr.strip()[:500]}")


def _without_password(netloc: str) -> str:
    login, at, host = netloc.rpartition("@")
    return f"{login.partition(':')[0]}{at}{host}"


@contextmanager
def _opened(url: str) -> Iterator[Reader]:
    if is_sqlite(url):
        with closing(SqliteReader(sqlite_path(url))) as lite, lite.patient_reader() as reader:
            yield reader
    else:
        with closing(PgStore(url, "wattbus-backup")) as store, store.reader() as reader:
            reader.rows("SELECT set_config('statement_timeout', '0', false)")
            yield reader


def _counted_file(path: Path) -> tuple[dict[str, int], int]:
    with closing(SqliteReader(path)) as lite, lite.patient_reader() as reader:
        return _counted(reader)


def _counted(reader: Reader) -> tuple[dict[str, int], int]:
    totals = {name: int(reader.rows(sql)[0][0]) for name, sql in TOTALS.items()}
    return totals, int(reader.rows(_NEWEST)[0][0])


def _engine(url: str) -> str:
    return "sqlite" if is_sqlite(url) else "postgresql"
