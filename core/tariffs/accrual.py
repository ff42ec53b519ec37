"""Which months' fixed charges a purchase must pay."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from core.calendars import add_months, local_period, periods, start_of_period
from core.tariffs.shapes import CatchUp

_REMEMBERED = 4_000  # beginnings of agreements times last months paid: most are alike


def paused_months(pauses: Iterable[tuple[int, int]], zone: str, now_us: int) -> frozenset[int]:
    """The months (YYYYMM of the zone, up to that of now) without one instant of service.

    ``pauses``: slices of time (from, to) in microseconds UTC, to exclusive and 0 where it goes on;
    they may touch and overlap. A month with any service bears its whole charge.
    """
    found: set[int] = set()
    for begin, end in _merged(pauses):
        last = local_period(min(end, now_us) if end else now_us, zone)
        for month in periods(local_period(begin, zone), last):
            after = start_of_period(add_months(month, 1), zone)
            if begin <= start_of_period(month, zone) and (not end or end >= after):
                found.add(month)
    return frozenset(found)


def _merged(pauses: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Slices that touch are one: who leaves while disconnected has no service in between."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(pauses):
        if merged and (not merged[-1][1] or begin <= merged[-1][1]):
            first, before = merged[-1]
            merged[-1] = (first, max(end, before) if end and before else 0)
        else:
            merged.append((begin, end))
    return merged


def periods_due(
    fixed_through: int | None,
    started: int,
    now: int,
    rule: CatchUp,
    vacant: Collection[int] = (),
) -> tuple[int, ...]:
    """Months (YYYYMM) whose charges are due at a purchase in month ``now``, oldest first.

    ``fixed_through``: the last month already paid, None if none. ``started``: the month in which
    the agreement began; earlier months are never charged. ``vacant``: months that bear no charge
    (vacant or disconnected throughout). The cap counts charged months only: ``rule.missed_months``
    beside one for the month of the purchase.
    """
    return _periods_due(fixed_through, started, now, rule, frozenset(vacant))


@lru_cache(_REMEMBERED)
def _periods_due(
    fixed_through: int | None, started: int, now: int, rule: CatchUp, vacant: frozenset[int]
) -> tuple[int, ...]:
    first = started if fixed_through is None else max(started, add_months(fixed_through, 1))
    due = [period for period in periods(first, now) if period not in vacant]
    most = rule.missed_months + 1
    return tuple(due[-most:] if rule.beyond == "lapse" else due[:most])
