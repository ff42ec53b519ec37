"""When this node's folder last saw a backup made: a small file, for ``/metrics`` and its alert.

A backup that is made elsewhere (by ``pg_basebackup``, a snapshot of a disk) is not known here.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final

#: The file in the node's data folder: the backup's moment in µs UTC.
NAME: Final = "last-backup"


def note(data: Path, at_us: int) -> None:
    """A backup was made. That it cannot be noted does not spoil it."""
    with suppress(OSError):
        data.mkdir(parents=True, exist_ok=True)
        (data / NAME).write_text(f"{at_us}\n", encoding="ascii")


def last_backup(data: Path) -> int:
    """Its moment; 0: none was noted."""
    with suppress(OSError, ValueError):
        return int((data / NAME).read_text(encoding="ascii"))
    return 0
