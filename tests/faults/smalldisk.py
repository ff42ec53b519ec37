"""A disk of a few megabytes that can be filled: a tmpfs in a mount namespace of its own.

The namespace ends with the process that was started in it, and the disk with it: nothing is left
behind, and nobody else sees it. Root needs nothing else, a user needs user namespaces.
"""

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: What an installation of a few minutes fills by itself is a tenth of it.
MEGABYTES = 48
CHUNK = bytes(64 * 1024)
_FILLER = "filler"


class NoSmallDiskError(Exception):
    """This machine lets nobody mount a disk of its own; the sentence says what it would take."""


def namespace() -> list[str]:
    """The words before a command that give it mounts of its own. NoSmallDiskError."""
    program = shutil.which("unshare")
    if program is None:
        raise NoSmallDiskError("no unshare: install util-linux")
    if os.geteuid() == 0:
        return [program, "--mount"]
    return [program, "--map-current-user", "--keep-caps", "--mount"]


def mount(folder: Path, owner: str = "") -> None:
    """An empty small disk at ``folder``. Only in a namespace of one's own. NoSmallDiskError."""
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"size={MEGABYTES}m,mode=0777".encode()
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, options):
        why = os.strerror(ctypes.get_errno())
        raise NoSmallDiskError(
            f"no tmpfs can be mounted at {folder} ({why}): be root with CAP_SYS_ADMIN, "
            "or have a kernel that lets users make namespaces"
        )
    if owner and os.geteuid() == 0:
        shutil.chown(folder, owner)


def unmount(folder: Path) -> None:
    """Gone, with what was on it."""
    detach = 2
    ctypes.CDLL(None).umount2(os.fsencode(folder), detach)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Not a byte is free in the block, as far as that can be had."""
    filler = folder / _FILLER
    try:
        with filler.open("wb", buffering=0) as file:
            for piece in (CHUNK, CHUNK[:512]):
                with suppress(OSError):
                    while file.write(piece) == len(piece):
                        pass
        yield
    finally:
        filler.unlink(missing_ok=True)
