"""Which months of an entitlement to free basic units are due. Pure; months are YYYYMM.

Each month is given once. What was not claimed by the end of its month lapses, or is kept
(``cumulate``) until more than ``cap_months`` months would come together: then the oldest lapse.
Nothing is kept beyond the last month of the entitlement.
"""

from typing import Final

import msgspec

from core.calendars import add_months, months_between
from core.entities import Entitlement

LAPSE: Final = "lapse"
CUMULATE: Final = "cumulate"
#: A year of free units at once is no basic supply any more.
MAX_CAP: Final = 12


class Due(msgspec.Struct, frozen=True, gc=False):
    """Months ``first`` to ``last`` together, and their tenths of the meter's unit."""

    first: int
    last: int
    tenths: int


def runs(entitlement: Entitlement, month: int) -> bool:
    """Whether there is something to be had in this month, claimed or not."""
    begun, over = entitlement.from_month <= month, 0 < entitlement.to_month < month
    return begun and not over and not entitlement.ended_at


def taken(entitlement: Entitlement, month: int) -> bool:
    """Whether this month was given already."""
    return entitlement.claimed_through >= month


def due(entitlement: Entitlement, month: int, most_tenths: int) -> Due | None:
    """What a claim in ``month`` gives: whole months, the oldest first, up to what the meter takes
    at once (``most_tenths``; the rest waits for the next claim). None: nothing."""
    if not runs(entitlement, month) or taken(entitlement, month):
        return None
    kept = entitlement.cap_months if entitlement.unclaimed == CUMULATE else 1
    first = max(entitlement.from_month, add_months(month, 1 - kept))
    if entitlement.claimed_through:
        first = max(first, add_months(entitlement.claimed_through, 1))
    fit = min(months_between(first, month) + 1, most_tenths // entitlement.tenths)
    if fit < 1:
        return None
    return Due(first, add_months(first, fit - 1), fit * entitlement.tenths)


def month_text(month: int) -> str:
    """``2026-11``."""
    return f"{month // 100}-{month % 100:02d}"
