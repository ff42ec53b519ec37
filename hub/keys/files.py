"""Files of keys: written whole or not at all, for this user's eyes only, the old one kept."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

#: Read and written by the hub's own user alone.
PRIVATE = 0o600


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One at a time: what is read, changed and written is of one piece. Raises OSError."""
    with open(f"{path}.lock", "w", encoding="ascii", opener=_private) as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write(path: Path, text: str) -> None:
    """Put the file in the place of the old one at once: who reads has the one or the other.

    It keeps its owner where that is possible. Raises OSError.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    try:
        with open(new, "x", encoding="ascii", opener=_private) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError, PermissionError):
            old = path.stat()
            os.chown(new, old.st_uid, old.st_gid)
        os.replace(new, path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def keep(path: Path, now_us: int) -> Path | None:
    """A second name for the file as it is now, with the instant; None when there is none."""
    at = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    kept = path.with_name(f"{path.name}.{at:%Y%m%dT%H%M%S}.{now_us % 1_000_000:06d}")
    try:
        os.link(path, kept)
    except FileNotFoundError:
        return None
    return kept


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)


def _sync(folder: Path) -> None:
    """The new name is on the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
