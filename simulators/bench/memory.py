"""Memory and open files of processes, from ``/proc``, and whether a series of readings grows.

What is judged is a process's own memory (``RssAnon``): the buffers that PostgreSQL's processes
share count in the resident set of each that has touched them, and programs' files in everyone's.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import median

from simulators.bench import cpu


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds: KiB resident in all, KiB of its own, open files."""

    rss_kib: int
    own_kib: int
    files: int


def parse(status: str) -> tuple[int, int]:
    """KiB resident and of its own, of ``/proc/PID/status`` (proc(5)). KeyError: it has ended."""
    lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(lines["VmRSS"].split()[0]), int(lines["RssAnon"].split()[0])


def held(pid: int) -> Held | None:
    """What a process holds now; None when it is gone."""
    folder = Path(f"/proc/{pid}")
    try:
        rss, own = parse((folder / "status").read_text(encoding="utf-8", errors="replace"))
        return Held(rss, own, len(os.listdir(folder / "fd")))
    except (OSError, KeyError):
        return None


def of_node(root: int) -> dict[str, Held]:
    """The processes of a node by name: ``channel`` and, in the order of their pids, the others."""
    found = {}
    below = sorted(cpu.tree(cpu.processes(), root) - {root})
    for name, pid in (("channel", root), *((f"process{n}", p) for n, p in enumerate(below, 1))):
        if (one := held(pid)) is not None:
            found[name] = one
    return found


def of_server(root: int) -> Held:
    """A server with all its processes, as one sum."""
    every = [one for pid in cpu.tree(cpu.processes(), root) if (one := held(pid)) is not None]
    return Held(
        sum(one.rss_kib for one in every),
        sum(one.own_kib for one in every),
        sum(one.files for one in every),
    )


#: A series grows when its trend comes to more than both of these over the time that is judged:
#: less is an arena of the allocator more or less, or a connection that was opened once.
GROWTH_SHARE, GROWTH_KIB = 0.03, 4_096
#: The first part of a series is left out: caches fill, plans are made, every path is met once.
SETTLING_SHARE = 1 / 3


def settled(series: Sequence[float]) -> Sequence[float]:
    """The part of a series that is judged."""
    return series[int(len(series) * SETTLING_SHARE) :]


def slope(series: Sequence[float]) -> float:
    """The trend per reading: the median slope of all pairs (Theil and Sen); one outlier, as a
    burst that is given back, does not move it."""
    pairs = combinations(enumerate(series), 2)
    found = [(later - earlier) / (j - i) for (i, earlier), (j, later) in pairs]
    return median(found) if found else 0.0


def growth(series: Sequence[float]) -> float:
    """What the trend comes to over the settled part, in the series' own unit."""
    judged = settled(series)
    return slope(judged) * max(0, len(judged) - 1)


def grows(series_kib: Sequence[float]) -> bool:
    """Whether memory has a slope."""
    judged = settled(series_kib)
    if len(judged) < 2:
        return False
    return growth(series_kib) > max(GROWTH_KIB, GROWTH_SHARE * median(judged))


def files_grow(series: Sequence[float]) -> bool:
    """Whether open files do: a trend of more than two over the settled part is a leak."""
    return growth(series) > 2


def as_mib(kib: Mapping[str, float]) -> dict[str, float]:
    """For people."""
    return {name: round(value / 1024, 1) for name, value in kib.items()}
