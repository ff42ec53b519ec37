"""The numbers that only a process itself knows: how long, how many at once, how often refused.

Counted in memory where the work is done (some hundred nanoseconds each), shown on the node's
``/metrics``. A worker process has no port: it writes its numbers into a small file of the node's
data folder, at most once a second and outside every transaction, and the node reads the files of
its own workers at a scrape. In the database they would be a hot row more in every batch; what must
be exact (the balance) is counted there, in the batch's own transaction (``hub.balance``).

Each histogram is written by one thread; a scrape may see it a moment late, never wrong.
"""

import os
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

#: Upper bounds of durations in seconds: from a batch on a fast disk to what nobody waits for.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
#: Upper bounds of batches (``hub.worker.MAX_BATCH``).
SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
#: Label values that one number may have: what is beyond goes under ``other``.
MOST_LABELS: Final = 300
#: A worker writes its file so often at most, and what is older than this is not shown.
EVERY_S: Final = 1.0
STALE_S: Final = 60.0
#: The folder in the node's data folder.
FOLDER: Final = "metrics"

#: Which bounds a histogram has: the one list of them all.
HISTOGRAMS: Final = {
    "acceptance_seconds": SECONDS,  # channel
    "sale_seconds": SECONDS,  # handler
    "told_seconds": SECONDS,  # channel
    "transaction_seconds": SECONDS,  # stage
    "batch_size": SIZES,  # stage
}
#: What is counted, with its labels; their values are joined by a tab.
COUNTERS: Final = {
    "not_done": ("handler", "code"),
    "spans": ("outcome",),
    "log_lines": ("level", "outcome"),
}


_COUNTING: Final = threading.Lock()


class Histogram(msgspec.Struct):
    """Counts by upper bound (the last: above all of them), and the sum."""

    counts: list[int]
    total: float = 0.0

    def observe(self, bounds: Sequence[float], value: float) -> None:
        """One more."""
        self.counts[bisect_left(bounds, value)] += 1
        self.total += value


class Figures(msgspec.Struct):
    """What a process has counted since its start, by name and label."""

    histograms: dict[str, dict[str, Histogram]] = msgspec.field(default_factory=dict)
    counters: dict[str, Counter[str]] = msgspec.field(default_factory=dict)

    def observe(self, name: str, label: str, value: float) -> None:
        """One more duration or size."""
        bounds = HISTOGRAMS[name]
        family = self.histograms.setdefault(name, {})
        found = family.get(label)
        if found is None:
            label = label if len(family) < MOST_LABELS else "other"
            found = family.setdefault(label, Histogram([0] * (len(bounds) + 1)))
        found.observe(bounds, value)

    def count(self, name: str, label: str, n: int = 1) -> None:
        """So many more of something (any thread)."""
        with _COUNTING:
            family = self.counters.setdefault(name, Counter())
            if label not in family and len(family) >= MOST_LABELS:
                label = "other"
            family[label] += n


class Usage(msgspec.Struct, frozen=True):
    """What a process has of the machine: bytes, seconds of processor, open files, its start."""

    memory: int
    cpu_s: float
    files: int
    started_s: float


class Told(msgspec.Struct, frozen=True):
    """A process's numbers as they stand in its file. ``at_s``: Unix time of the writing."""

    process: str
    node: str
    pid: int
    at_s: float
    usage: Usage
    figures: Figures
    clock_wrong: bool = False  # no token is made here


_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TICK: Final = os.sysconf("SC_CLK_TCK")


@cache
def _started_s(pid: int) -> float:
    """When a process started. Reckoned once: a clock that is set must not look like a restart.
    ``/proc/uptime`` would say the same, but a sandboxed unit (``ProcSubset=pid``) has none."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    return round(time.time() - up_s + int(fields[19]) / _TICK, 1)


def usage() -> Usage:
    """Of this process. Linux; elsewhere what is not known is 0."""
    times = os.times()
    memory, started, files = 0, 0.0, 0
    with suppress(OSError, ValueError, IndexError):
        memory = int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE
        started = _started_s(os.getpid())
        files = len(os.listdir("/proc/self/fd"))
    return Usage(memory, round(times.user + times.system, 2), files, started)


@dataclass(slots=True)
class FigureFile:
    """A worker's file. ``tick`` is called at every turn of its loop."""

    folder: Path
    process: str
    node: str
    figures: Figures
    clock_wrong: Callable[[], bool] = lambda: False
    _next: float = 0.0
    _path: Path = field(init=False)

    def __post_init__(self) -> None:
        self._path = self.folder / f"{self.process.replace('/', '_')}.json"
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)

    def tick(self) -> None:
        """Write if it is time. A full disk costs the numbers, never the work."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY_S
        beside = self._path.with_suffix(".new")
        with suppress(OSError, RuntimeError):  # the second: another thread counted meanwhile
            beside.write_bytes(msgspec.json.encode(self.told()))
            beside.replace(self._path)

    def told(self) -> Told:
        """As they are now."""
        where = (self.process, self.node, os.getpid(), time.time())
        return Told(*where, usage(), self.figures, self.clock_wrong())

    def remove(self) -> None:
        """The process ends in order."""
        with suppress(OSError):
            self._path.unlink()


def read_all(folder: Path, node: str) -> list[Told]:
    """What the processes of a node have written lately; what cannot be read is left out, and what
    is of a time to come: its clock was wrong, or ours has been set right."""
    found = []
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, msgspec.DecodeError):
            told = msgspec.json.decode(path.read_bytes(), type=Told)
            if told.node == node and abs(time.time() - told.at_s) < STALE_S:
                found.append(told)
    return found
