"""Files that people name: read with a limit, and one sentence that names the file when it fails."""

import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import Final

#: What people edit has less than 100 KiB; a hundred times that is the wrong file.
MAX_BYTES: Final = 16 << 20
#: Stands for standard input.
STDIN: Final = "-"
#: Octets read at once, where a file may be of any size.
_PIECE: Final = 1 << 20

_WHY: Final[tuple[tuple[type[OSError], str], ...]] = (
    (FileNotFoundError, "there is no such file"),
    (NotADirectoryError, "there is no such file"),
    (IsADirectoryError, "it is a folder, not a file"),
    (PermissionError, "this user may not read it"),
)


class UnreadableError(ValueError):
    """A file cannot be used; the sentence names it and says why."""


def read_bytes(path: Path | str, limit: int = MAX_BYTES, stdin: bool = False) -> bytes:
    """At most ``limit`` bytes of a file; ``stdin``: ``-`` stands for standard input.

    Raises UnreadableError, also when there is more.
    """
    try:
        if stdin and str(path) == STDIN:
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(limit + 1)
    except OSError as error:
        raise UnreadableError(f"{path}: {_why(error)}") from error
    if len(data) > limit:
        raise UnreadableError(f"{path}: more than {limit >> 20} MiB; is this the right file?")
    return data


def read_text(path: Path | str, limit: int = MAX_BYTES, stdin: bool = False) -> str:
    """The same as text in UTF-8; lines end in ``\\n``."""
    data = read_bytes(path, limit, stdin)
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{path}: not a text in UTF-8 (byte {error.start})") from error


def private(path: Path | str) -> None:
    """Refuse a file of a secret that others than its owner can read or write. UnreadableError."""
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
    except OSError as error:
        raise UnreadableError(f"{path}: {_why(error)}") from error
    if mode & 0o077:
        raise UnreadableError(
            f"{path}: others can read this key (mode {mode:04o}): chmod 600, and think of a new one"
        )


def _why(error: OSError) -> str:
    for kind, why in _WHY:
        if isinstance(error, kind):
            return why
    return str(error.strerror or error)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's octets, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def to_disk(path: Path) -> None:
    """What was written must survive a power cut, its name too (of a folder)."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
