"""Power loss: what was answered is on the disk. A kill cannot show it (the page cache survives), so
the system calls do: between the write of a key and its answer there is a sync of that file.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.store import sqlite
from core.store.tx import TransientStoreError
from tests.promises.checker import Broken, holds
from tests.promises.company import pay
from tests.promises.conftest import SQLITE
from tests.promises.processes import ProcessWorld

pytestmark = pytest.mark.parametrize("engine", [SQLITE])
KEYS = [f"power-{number:02d}" for number in range(8)]
CALLS = "pwrite64,write,fdatasync,fsync,sendto,sendmsg"


def strace() -> str:
    """The tracer; without it the promise is not checked, and that is a failure."""
    found = shutil.which("strace")
    assert found, "no strace: that what is answered is on the disk was NOT checked (apt: strace)"
    return found


def said_before_synced(trace: Path) -> Iterator[str]:
    """The keys that were answered without a sync after their write."""
    lines = trace.read_text(errors="replace").splitlines()
    for key in KEYS:
        written = _first(lines, 0, lambda line, k=key: "-wal" in line and k in line)
        answered = _first(lines, 0, lambda line, k=key: "<socket" in line and k in line)
        assert 0 < written < answered, f"{key} was not traced: {written}, {answered}"
        synced = _first(lines, written, _is_end_of_sync)
        if not written < synced < answered:
            yield key


def _first(lines: list[str], start: int, fits: Callable[[str], bool]) -> int:
    """The number of the first line that fits (counted from 1); 0: none."""
    return next((at + 1 for at in range(start, len(lines)) if fits(lines[at])), 0)


def _is_end_of_sync(line: str) -> bool:
    called = re.search(r"f(data)?sync\(\d+<[^>]*-wal>\)\s+= 0", line)
    return bool(called or re.search(r"f(data)?sync resumed.*= 0", line))


@pytest.mark.slow
def test_what_was_answered_is_on_the_disk(make_node: Callable[..., ProcessWorld]) -> None:
    """One key at a time, as the counterpart hears of it."""
    wrapper = (strace(), "-f", "-y", "-qq", "-s", "5000", "-e", f"trace={CALLS}", "-o")
    node = make_node(start=False)
    trace = node.folder / "trace"
    node.wrapper = (*wrapper, str(trace))
    node.start()
    for key in KEYS:
        node.far.offer(pay(key, 1, 100))
        node.wait(lambda key=key: bool(node.record.states(key)), f"{key} is acknowledged")
    node.settle()
    early = list(said_before_synced(trace))
    holds(not early, f"LOST by a power cut: {early} were answered before the disk had them")


@pytest.mark.slow
def test_the_suite_notices_a_commit_that_is_not_synced(
    make_node: Callable[..., ProcessWorld],
) -> None:
    def loose(**more: object) -> ProcessWorld:
        return make_node(mutant="synchronous-normal", **more)

    with pytest.raises(Broken, match="power cut"):
        test_what_was_answered_is_on_the_disk(loose)


def test_a_store_that_is_not_durable_refuses_to_open(
    tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loose(connection: object) -> None:
        connection.execute("PRAGMA synchronous = NORMAL")  # type: ignore[attr-defined]

    monkeypatch.setattr(sqlite, "set_durable", loose)
    with pytest.raises(TransientStoreError, match="synchronous 1: not safe"):
        sqlite.connect(tmp_path / "books.db")
