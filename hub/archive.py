"""Archives: what pruning takes out of the database, in files that say of what they are.

``FOLDER/rows/message-2026-10-01.20261122T013000.jsonl.gz`` has the rows of one table and one day
(UTC) that one run took, a JSON object a line. Beside it stands a note with the number of rows and
the digest of the file (SHA-256). Rows are on the disk before they leave the database: after a crash
in between they stand in both, and a file may have a row twice. Many runs may write to one folder,
of several nodes too: each closes its own files, and those that nobody has touched for a day.
"""

import gzip
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from core.store.tx import Row
from hub.files import digest_of, to_disk

#: Names, phones and tokens are in it.
_OWN_ONLY, _FOLDER = 0o600, 0o700
_PIECE = 1 << 20
#: Quick rather than small: the disk is cheap, and a night is short.
_LEVEL = 4
#: What zlib calls a stream with gzip's header.
_GZIP = 31
PART, ENDING = ".part", ".jsonl.gz"
#: A file that was not written to for so long is of a run that a crash ended: no night is longer.
_LEFT_S = 86_400


class ArchiveError(Exception):
    """A file that is not what was written, as a sentence."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What stands beside a file, as ``FILE.json``."""

    tier: str
    table: str
    day: str
    rows: int
    size: int
    sha256: str


def day_of(at_us: int) -> str:
    """The day of an instant, in UTC."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%d")


@dataclass(slots=True)
class Archive:
    """The files of one run. ``run`` is a word of its own: the instant when it began."""

    folder: Path
    run: str
    _open: set[Path] = field(default_factory=set)

    def put(self, tier: str, table: str, day: str, columns: Sequence[str], rows: list[Row]) -> None:
        """Add rows; they are on the disk when this returns. OSError."""
        if not rows:
            return
        place = self.folder / tier
        place.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        path = place / f"{table}-{day}.{self.run}{ENDING}{PART}"
        lines = [msgspec.json.encode(dict(zip(columns, row, strict=True))) for row in rows]
        new = path not in self._open
        # one that is gone was closed by another run: to make it anew would overwrite what is there
        with open(path, "xb" if new else "ab", opener=_own if new else _there) as file:
            self._open.add(path)
            file.write(gzip.compress(b"\n".join(lines) + b"\n", _LEVEL, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        if new:
            to_disk(place)

    def close(self) -> list[Note]:
        """Give every file its note and its name; also those that a crash left unfinished."""
        left = {path for path in unfinished(self.folder) if _is_left(path)}
        mine, self._open = self._open, set()
        return [_sealed(path) for path in sorted(mine | left)]


def _is_left(path: Path) -> bool:
    try:
        return path.stat().st_mtime < time.time() - _LEFT_S
    except FileNotFoundError:  # its own run has closed it just now
        return False


def _own(path: str, flags: int) -> int:
    return os.open(path, flags, _OWN_ONLY)


def _there(path: str, flags: int) -> int:
    return os.open(path, flags & ~os.O_CREAT, _OWN_ONLY)


def _sealed(part: Path) -> Note:
    _cut(part)
    path = part.with_name(part.name.removesuffix(PART))
    table, _, rest = path.name.removesuffix(ENDING).partition("-")
    found = Note(
        tier=path.parent.name,
        table=table,
        day=rest.partition(".")[0],
        rows=sum(1 for _ in _lines(part)),
        size=part.stat().st_size,
        sha256=digest_of(part),
    )
    note = note_of(path)
    with open(note, "wb", opener=_own) as file:
        file.write(msgspec.json.format(msgspec.json.encode(found)))
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    to_disk(path.parent)
    return found


def _cut(part: Path) -> None:
    """Take away a last piece that a crash left half written: its rows are still in the database."""
    whole = _whole(part)
    if whole < part.stat().st_size:
        os.truncate(part, whole)


def _whole(part: Path) -> int:
    """So many of its bytes are whole pieces."""
    whole, piece = 0, zlib.decompressobj(_GZIP)
    with part.open("rb") as file:
        while data := file.read(_PIECE):
            while data:
                try:
                    piece.decompress(data)
                except zlib.error:
                    return whole
                data = piece.unused_data
                if piece.eof:
                    whole, piece = file.tell() - len(data), zlib.decompressobj(_GZIP)
    return whole


def note_of(path: Path) -> Path:
    """Where the note of a file is."""
    return path.with_name(f"{path.name}.json")


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path, "rb") as file:
        yield from file


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file, in the order in which they were taken. ArchiveError."""
    try:
        for line in _lines(path):
            yield msgspec.json.decode(line, type=dict[str, Any])
    except (OSError, EOFError, zlib.error, msgspec.DecodeError) as error:
        raise ArchiveError(f"{path} cannot be read: {error}") from error


def files(folder: Path) -> list[Path]:
    """The files of an archive, by their names."""
    return sorted(folder.glob(f"*/*{ENDING}"))


def verify(path: Path) -> Note:
    """The note of a file whose bytes and rows are those that were written. ArchiveError."""
    try:
        note = msgspec.json.decode(note_of(path).read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError) as error:
        raise ArchiveError(f"{path} has no note that can be read: {error}") from error
    if digest_of(path) != note.sha256:
        raise ArchiveError(f"{path} is not as it was written: its digest is another")
    rows = sum(1 for _ in read(path))
    if rows != note.rows:
        raise ArchiveError(f"{path} has {rows} rows, its note says {note.rows}")
    return note


def unfinished(folder: Path) -> list[Path]:
    """Files that a run has not closed yet: it is under way, or was ended by force."""
    return sorted(folder.glob(f"*/*{ENDING}{PART}"))
