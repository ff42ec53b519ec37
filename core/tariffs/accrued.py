"""The month charges that purchases have not paid when there will be none any more.

At a move-out and at a change to billing afterwards nobody buys another token that would pay them,
so they are owed at once: each month at its own rate, with the percentages and the tax upon them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

import msgspec

from core.calendars import period_of
from core.tariffs.accrual import periods_due
from core.tariffs.compiling import CompiledTariff
from core.tariffs.sale import DeductionPolicy, Line, SaleState
from core.tariffs.shapes import CatchUp
from core.tariffs.solving import price

#: More than any agreement has months: at the end there is no next purchase to put them off to.
_ALL = 12 * 200


class Accruing(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement as its month charges know it.

    ``began``: its first local day; ``until``: its last one under this tariff, whose month is still
    charged. ``through``: the last month paid (YYYYMM, 0: none). ``paused``: months without any
    service (``accrual.paused_months``). ``attributes`` and ``category`` as in ``SaleState``.
    """

    began: date
    until: date
    through: int = 0
    paused: Collection[int] = ()
    attributes: Mapping[str, int] = {}
    category: str = ""


class Accrued(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed: ``total`` is the sum of the lines, minor units, taxes included.

    ``months`` (YYYYMM) are those that the lines are for; ``through`` is the last month that is
    settled once the lines are posted (0: none).
    """

    lines: tuple[Line, ...]
    total: int
    months: tuple[int, ...]
    through: int


def accrued_charges(tariff: CompiledTariff, known: Accruing) -> Accrued:
    """The month charges that are owed at an end (move-out, change of the payment mode).

    The tariff's ``catch_up`` bounds them as it bounds a purchase: under ``lapse`` what is older
    than its months is owed no more; what ``defer`` would leave to later purchases is all due now.
    Charges begin with the agreement, or with the tariff where that is younger. Errors:
    NoTariffError, MissingQuantityError, as for a sale.
    """
    version = tariff.at(known.until, known.category)
    rule = version.catch_up
    if rule.beyond == "defer":
        rule = CatchUp(_ALL, "defer")
    began = max(known.began, tariff.days[0])
    months = periods_due(
        known.through or None, period_of(began), period_of(known.until), rule, known.paused
    )
    if not months:
        return Accrued(lines=(), total=0, months=(), through=known.through)
    state = SaleState(
        on=known.until,
        fixed_due=months,
        fixed_through=known.through or None,
        attributes=known.attributes,
        category=known.category,
    )
    priced = price(tariff, 0, state, DeductionPolicy())  # no units: what the months alone cost
    lines = tuple(line for line in priced.lines if line.amount)
    total = sum(line.amount for line in lines)
    return Accrued(lines=lines, total=total, months=months, through=months[-1])
