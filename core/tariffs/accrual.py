"""Which months' fixed charges a purchase must pay."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from core.calendars import add_months, periods
from core.tariffs.shapes import CatchUp

_REMEMBERED = 4_000  # beginnings of agreements times last months paid: most are alike


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
