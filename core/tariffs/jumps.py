"""The exact solution where the cost of units jumps: a lifeline's cliff, a volume price, packages.

A piece of the cost is open below: just above its start it costs ``costs[k]``, and that may be more
(or less) than at the start itself. The solution is the largest number of units whose cost the
money covers. Where that is the end of a piece and money is left, the sale stands *at a jump*.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from fractions import Fraction

import msgspec

from core.tariffs.compiling import CompiledVersion
from core.tariffs.sale import NO_MINOR_UNITS_ABOVE


class Solution(msgspec.Struct, frozen=True, gc=False):
    """Milli-units after those of before, exactly; ``left``: minor units that one more unit would
    not cost less than, 0 if the units end because the money does."""

    units: Fraction
    left: Fraction


NOTHING = Solution(Fraction(0), Fraction(0))


def solution(version: CompiledVersion, before: int, rest: Fraction) -> Solution:
    """The units that ``rest`` minor units (month charges already off) buy after ``before``."""
    if rest < 0:
        return NOTHING
    point = version.cost_of(before) + rest * version.q
    for k in range(_last_below(version, point), -1, -1):
        end = version.starts[k + 1] if k + 1 < len(version.starts) else None
        if end is not None and end <= before:
            break
        found = _within(version, k, point, end)
        if found is not None and found.units >= before:
            return Solution(found.units - before, found.left)
    return Solution(Fraction(0), rest)


def _last_below(version: CompiledVersion, point: Fraction) -> int:
    """A piece above which none is reached. Rising costs are searched, others looked through."""
    if version.falls:
        return len(version.starts) - 1
    return max(0, bisect_right(version.costs, point) - 1)


def _within(version: CompiledVersion, k: int, point: Fraction, end: int | None) -> Solution | None:
    """The solution in piece k, or None if the money does not reach into it."""
    right, slope, start = version.costs[k], version.slopes[k], version.starts[k]
    if point < right or (point == right and version.falls and slope):
        return None
    if not slope:
        if end is None:  # beyond the packages of a month: more than any sale may hold
            return Solution(Fraction(NO_MINOR_UNITS_ABOVE), Fraction(0))
        return Solution(Fraction(end), (point - right) / version.q)
    units = start + (point - right) / slope
    if end is None or units <= end:
        return Solution(units, Fraction(0))
    return Solution(Fraction(end), (point - right - slope * (end - start)) / version.q)


def pieces_down(
    version: CompiledVersion, before: int, units: Fraction
) -> Iterator[tuple[int, int]]:
    """(above, up to) milli-units after ``before``: each piece from the solution's own downwards."""
    top = before + units
    for k in range(bisect_left(version.starts, top) - 1, -1, -1):
        end = version.starts[k + 1] if k + 1 < len(version.starts) else None
        low = max(before, version.starts[k])
        high = top if end is None or end > top else Fraction(end)
        if high > low:
            yield int(low - before), int(high - before)
        if low == before:
            return
