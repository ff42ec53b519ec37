"""A module's own counter against our log of it: what was made behind our back.

Each reading was taken while the module was idle, so the difference between its counter and our log
is exactly what it made and nobody logged, then. It may be anything at the first reading (the box
worked elsewhere before) but never grow. A counter that went back is another box, or one that was
set anew: a new beginning, which is told of. One that was set anew and has come further since shows
as a difference that shrank; so does a token that was logged late. From there it must not grow.
"""

from collections.abc import Iterable
from typing import NamedTuple

from core.sts.proof import Findings


class Reading(NamedTuple):
    """At ``at`` (µs UTC) the module had counted so many tokens, and the log had so many of its."""

    at: int
    counted: int
    logged: int

    @property
    def beyond(self) -> int:
        """What the module made and nobody logged, but for where its counter began."""
        return self.counted - self.logged


class Counted(NamedTuple):
    """A module's counter over a span: its last reading, what it made unlogged, and the readings
    (before, after) at which it went back."""

    module: str
    last: Reading
    extra: int
    restarts: tuple[tuple[Reading, Reading], ...]


def compared(
    module: str, before: Reading | None, readings: Iterable[Reading], findings: Findings
) -> Counted | None:
    """Go through a span's readings in their order; ``before``: the last one before the span.

    None when the span has none. Found is by how much the difference has grown above its smallest
    by the end, and by the time when the counter went back.
    """
    last, extra = before, 0
    least = before.beyond if before is not None else None
    restarts: list[tuple[Reading, Reading]] = []
    found = False
    for reading in readings:
        found = True
        if last is not None and reading.counted < last.counted:
            extra += last.beyond - least if least is not None else 0
            restarts.append((last, reading))
            least = None
        least = reading.beyond if least is None else min(least, reading.beyond)
        last = reading
    if not found or last is None or least is None:
        return None
    extra += last.beyond - least
    if extra:
        findings.add("counter-ahead", module=module, extra=extra, counted=last.counted, at=last.at)
    return Counted(module, last, extra, tuple(restarts))
