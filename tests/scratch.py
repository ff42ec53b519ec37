"""Where tests keep files that prove nothing about the disk: in memory, where there is room."""

import os
from pathlib import Path

_MEMORY = Path("/dev/shm")
#: A run of everything keeps a few megabytes at once (pytest clears up after each test that passed);
#: containers often give 64 MB, which one test of overload could fill.
_LEAST_BYTES = 512 * 1024 * 1024


def in_memory() -> str | None:
    """A folder in memory; None, where there is none or it is small: the usual place is as good.

    A commit with ``synchronous=FULL`` waits some ten milliseconds for a disk, and a test makes
    dozens of them. What is promised of the disk itself is tested on it: see ``tests/promises``.
    """
    if not (_MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)):
        return None
    room = os.statvfs(_MEMORY)
    return str(_MEMORY) if room.f_bavail * room.f_frsize >= _LEAST_BYTES else None
