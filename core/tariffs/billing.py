"""One bill: what a service used in a period → every line, each rounded once.

``bill(tariff, given)`` is the entry point for bill runs, simulations and the command line. It is
pure and keeps nothing: the same tariff and inputs give the same lines, to the byte.

A bill over which nothing changes (the usual one) runs straight through the rows of one program.
Where a price, a season or a year changes within it, ``runs`` prices each component by the days
for which it is the same, as the component declares (``proration``).
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from core.tariffs.bills import BillInput, BillLine
from core.tariffs.errors import NoTariffError
from core.tariffs.frames import Frame, span_of
from core.tariffs.lines import straight
from core.tariffs.runs import by_runs
from core.tariffs.segments import Segment, category_of, segments_of

if TYPE_CHECKING:
    from core.tariffs.compiling import CompiledTariff


def bill(tariff: CompiledTariff, given: BillInput) -> tuple[BillLine, ...]:
    """The lines of a bill; its total is their sum.

    Errors: NoTariffError (no version in force on the first day), MissingQuantityError (something
    that the tariff prices is not given), BillError (inputs that the tariff does not say how to
    bill: a part of a month without ``proration``; a tariff that can only be sold).
    """
    span = span_of(given.first, given.last)
    programs = tariff.bills
    number = bisect_right(tariff.days, given.first) - 1
    if number < 0:
        code, first = tariff.tariff.code, tariff.days[0]
        raise NoTariffError(f"tariff {code} is not in force on {given.first}, before {first}")
    version = tariff.tariff.versions[number]
    changes = number + 1 < len(tariff.days) and tariff.days[number + 1] <= given.last
    if not changes and not version.seasons:
        category = category_of(version.category, given) if version.category else ""
        program = programs.program(number, "", category)
        one_year = not program.yearly or given.first.year == given.last.year
        if one_year and (span.months or not program.needs_months):
            frame = Frame(given, span, span.months or None)
            return tuple(straight(program, frame, programs.scale))
        segments = [Segment(given.first, given.last, program)]
    else:
        segments = segments_of(tariff, given)
    return tuple(by_runs(segments, given, programs.scale))
