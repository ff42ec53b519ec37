"""Where tests keep files that prove nothing about the disk: in memory, where there is room."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MEMORY = Path("/dev/shm")
#: A run of everything keeps a few megabytes at once (pytest clears up after each test that passed);
#: containers often give 64 MB, which one test of overload could fill.
_FILES = 512 * 1024 * 1024
#: With private servers too: some hundred megabytes for each process that runs tests.
_SERVERS = 2 * 1024 * 1024 * 1024
#: Names the caller's folder of temporary files to processes that were started by this one.
_DISK = "WATTBUS_TESTS_DISK"


def keep_byte_code() -> None:
    """Where the environment forbids byte code beside the sources, it is kept in pytest's cache.

    Many containers forbid it, and then each of some hundred processes compiles all of Wattbus.
    """
    if sys.dont_write_bytecode:
        sys.pycache_prefix = str(Path(__file__).parent.parent / ".pytest_cache" / "bytecode")
        sys.dont_write_bytecode = False
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix


def in_memory(least: int = _FILES) -> str | None:
    """A folder in memory; None, where there is none or it is small: the usual place is as good.

    A commit with ``synchronous=FULL`` waits some ten milliseconds for a disk, and a test makes
    dozens of them. What is promised of the disk itself is tested on it: see :func:`on_disk`.
    """
    if not (_MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)):
        return None
    room = os.statvfs(_MEMORY)
    return str(_MEMORY) if room.f_bavail * room.f_frsize >= least else None


def use_memory() -> None:
    """Temporary files of this process and its children are in memory, private servers' too.

    A disk that stands still for seconds, as those of busy machines do, fails no test then.
    """
    if _DISK in os.environ:
        return  # whoever started this process has done it
    os.environ[_DISK] = tempfile.gettempdir()
    if folder := in_memory():
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", folder)
    if folder := in_memory(_SERVERS):
        os.environ["TMPDIR"] = tempfile.tempdir = folder


@contextmanager
def on_disk() -> Iterator[str]:
    """For what is promised of the disk: temporary files of the block are where the caller has them.

    Yields that folder.
    """
    before, folder = tempfile.tempdir, os.environ[_DISK]
    tempfile.tempdir = folder
    try:
        yield folder
    finally:
        tempfile.tempdir = before
