"""CPU time of processes, by part, from ``/proc``: what a sale costs, and whom.

A part is a process and all that it started. Time of children that have ended counts once their
parent has waited for them (``cutime``), so short-lived backends are not lost.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """A line of ``/proc/PID/stat``: ``own`` and ``reaped`` are CPU seconds."""

    pid: int
    parent: int
    own: float
    reaped: float


def processes() -> dict[int, Process]:
    """Every process of the machine that can be seen now."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            process = parse(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, IndexError, ValueError):
            continue  # it has ended meanwhile
        found[process.pid] = process
    return found


def parse(stat: str) -> Process:
    """One ``stat`` line (proc(5)); the command's name may hold blanks and brackets."""
    pid, _, rest = stat.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    user, system, child_user, child_system = (int(field) for field in fields[11:15])
    return Process(
        int(pid), int(fields[1]), (user + system) / _TICKS, (child_user + child_system) / _TICKS
    )


def tree(table: Mapping[int, Process], root: int) -> set[int]:
    """``root`` and all its descendants."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found, waiting = set(), [root]
    while waiting:
        pid = waiting.pop()
        if pid in table and pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def spent(table: Mapping[int, Process], pids: set[int]) -> float:
    """CPU seconds of these processes, with those of children that they have waited for."""
    return sum(table[pid].own + table[pid].reaped for pid in pids if pid in table)


@dataclass(frozen=True, slots=True)
class Part:
    """Which processes a part is: the one at ``root`` ``alone``, those ``below`` it, or ``all``."""

    root: int
    which: Literal["alone", "below", "all"] = "all"


def read(parts: Mapping[str, Part]) -> dict[str, float]:
    """CPU seconds so far, by part; 0 for a process that is gone."""
    table = processes()
    found = {}
    for name, part in parts.items():
        pids = tree(table, part.root)
        if part.which == "alone":
            found[name] = table[part.root].own if part.root in table else 0.0
        else:
            found[name] = spent(table, pids - {part.root} if part.which == "below" else pids)
    return found


def machine() -> tuple[float, float]:
    """(busy, all) CPU seconds of the whole machine since it started."""
    first = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    ticks = [int(field) for field in first[:8]]
    idle = ticks[3] + ticks[4]
    return (sum(ticks) - idle) / _TICKS, sum(ticks) / _TICKS


def elsewhere(before: tuple[float, float], spent: float) -> float:
    """The share of the machine that others used since ``before``, a reading of :func:`machine`.

    ``spent``: CPU seconds that were our own.
    """
    busy, total = machine()
    return round(max(0.0, busy - before[0] - spent) / max(total - before[1], 1 / _TICKS), 3)


def busy(before: tuple[float, float]) -> float:
    """The share of the machine that was used since ``before``, by whomever."""
    now, total = machine()
    return round((now - before[0]) / max(total - before[1], 1 / _TICKS), 3)
