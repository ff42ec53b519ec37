"""Free basic units: which months a customer may still claim, and how many units that is.

Claimed with a purchase or without one, as a token of its own. What a month does not see claimed
lapses, or waits for so many months as the rule says.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from core.tariffs.accrual import periods_due
from core.tariffs.shapes import CatchUp


class Entitlement(msgspec.Struct, frozen=True):
    """``units_milli`` a month, from month ``first`` to month ``last`` (YYYYMM; None: no end).

    ``waits``: months for which unclaimed units can still be claimed; 0: they lapse at once.
    """

    units_milli: int
    first: int
    last: int | None = None
    waits: int = 0


def claimable(
    rule: Entitlement, claimed_through: int | None, now: int, suspended: Collection[int] = ()
) -> tuple[int, ...]:
    """Months whose units can be claimed in month ``now``, oldest first; units are
    ``rule.units_milli`` for each. ``claimed_through``: the last month claimed, None for none;
    ``suspended``: months without entitlement."""
    if now < rule.first:
        return ()
    due = periods_due(claimed_through, rule.first, now, CatchUp(rule.waits, "lapse"), suspended)
    return tuple(month for month in due if rule.last is None or month <= rule.last)
