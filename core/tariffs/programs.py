"""Components → rows of closures: what a version of a tariff bills on a day, compiled once.

A *row* computes the priced parts of one component. Rows of charges come first, those that are made
of other lines after them, each after what it is made of. One program holds for one version, one
season and one category of customer; programs are made when they are first needed and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from core.tariffs import charges, derived, metered
from core.tariffs.errors import BillError
from core.tariffs.frames import Frame
from core.tariffs.rounding import ROUNDERS, Rounder
from core.tariffs.sale import Step
from core.tariffs.shapes import (
    Allocation,
    Area,
    Component,
    Credit,
    Demand,
    Energy,
    Fixed,
    KvaDifference,
    LateFee,
    Levy,
    Minimum,
    Percent,
    PowerFactor,
    Premium,
    Rebate,
    Tariff,
    TaxIncluded,
    TaxInTender,
    TaxOnLines,
)

MADE_OF_LINES = (Percent, TaxOnLines, TaxIncluded, PowerFactor, Minimum, Rebate)
_BY_TIME = (Fixed, Demand, Area, KvaDifference, Minimum, Rebate)


class Row(msgspec.Struct, frozen=True, gc=False):
    """One component, ready. Exactly one of the three functions is there."""

    shape: Component
    step: Step
    unit: str
    rounder: Rounder
    parts: metered.Charge | None = None
    amount: Callable[[Frame], int] | None = None
    derive: derived.Derived | None = None
    of: tuple[str, ...] = ()


class Program(msgspec.Struct, frozen=True, gc=False):
    """What is billed on a day; ``needs_months``: whether something counts calendar months."""

    rows: tuple[Row, ...]
    derived: tuple[Row, ...]
    needs_months: bool
    yearly: bool


class Programs:
    """The programs of a tariff by (version, season, category)."""

    def __init__(self, tariff: Tariff, scale: int) -> None:
        self.tariff, self.scale = tariff, scale
        self._made: dict[tuple[int, str, str], Program] = {}

    def program(self, version: int, season: str = "", category: str = "") -> Program:
        """The program, made now or earlier."""
        key = version, season, category
        found = self._made.get(key)
        if found is None:
            shape = self.tariff.versions[version]
            active = [c for c in shape.components if is_active(c, season, category)]
            found = self._made[key] = compile_program(active, self.tariff.unit, self.scale)
        return found

    def check(self) -> None:
        """Compile everything that can come, so that a file's mistakes show when it is read."""
        for number, version in enumerate(self.tariff.versions):
            names = [season.name for season in version.seasons] or [""]
            categories = [name for _, name in version.category.bands] if version.category else [""]
            for season in names:
                for category in categories:
                    self.program(number, season, category)


def is_active(component: Component, season: str, category: str) -> bool:
    """Whether a component is charged in a season to a category of customer."""
    when = component.when
    if when is None:
        return True
    fits = not when.seasons or season in when.seasons
    return fits and (not when.categories or category in when.categories)


def compile_program(components: Sequence[Component], unit: str, scale: int) -> Program:
    """Rows in an order in which every base is known before what is made of it."""
    rows = [row_of(c, unit, scale) for c in components]
    plain = tuple(row for row in rows if row.derive is None)
    return Program(
        rows=plain,
        derived=in_order([row for row in rows if row.derive is not None]),
        needs_months=any(_counts_months(c) for c in components),
        yearly=any(getattr(c, "period", "") == "calendar_year" for c in components),
    )


def in_order(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Each after those that it is made of; those that are not there count as nothing."""
    waiting, done = list(rows), []
    while waiting:
        late = {row.shape.code for row in waiting}
        ready = next((row for row in waiting if not late.intersection(row.of)), None)
        if ready is None:
            raise BillError(f"{', '.join(sorted(late))} are made of each other")
        waiting.remove(ready)
        done.append(ready)
    return tuple(done)


def _counts_months(component: Component) -> bool:
    if isinstance(component, Energy | Premium):
        limited = len(component.blocks) > 1 or bool(component.schedules or component.tou)
        limited = limited or component.part is not None or component.structure == "package"
        return component.period == "calendar_month" and limited
    if isinstance(component, Levy):
        return component.part is not None and component.part.share_e8 is None
    return isinstance(component, _BY_TIME) and component.per == "calendar_month"


def row_of(component: Component, unit: str, scale: int) -> Row:
    """The row of a component; BillError for one that only a sale can price."""
    if isinstance(component, TaxInTender | Credit):
        raise BillError(f"{component.code} lies inside a tender: it can be sold, not billed")
    rounder = ROUNDERS[component.rounding]
    step = _STEPS.get(type(component), "energy")
    named = getattr(component, "unit", "") or _UNITS.get(type(component), "") or unit
    if isinstance(component, MADE_OF_LINES):
        derive = _DERIVED[type(component)](component, scale)
        return Row(component, step, named, rounder, derive=derive, of=component.of)
    if isinstance(component, LateFee):
        amount = _late(component, scale)
        return Row(component, step, named, rounder, amount=amount)
    if isinstance(component, Allocation) and component.what == "amount":
        return Row(component, step, named, rounder, amount=_share(component))
    return Row(component, step, named, rounder, parts=_CHARGES[type(component)](component))


def _late(shape: LateFee, scale: int) -> Callable[[Frame], int]:
    def charge(frame: Frame) -> int:
        fee = charges.late_fee(shape, frame.given.overdue, scale)
        return max(0, fee - charges.late_fee(shape, frame.given.overdue_billed, scale))

    return charge


def _share(shape: Allocation) -> Callable[[Frame], int]:
    return lambda frame: charges.allocated(shape, frame)


_CHARGES: Mapping[type, Callable[[Any], metered.Charge]] = {
    Energy: metered.metered,
    Premium: metered.metered,
    Levy: metered.levy,
    Fixed: charges.fixed,
    Demand: charges.demand,
    Area: charges.area,
    KvaDifference: charges.kva_difference,
    Allocation: charges.allocated_units,
}
_DERIVED: Mapping[type, Callable[[Any, int], derived.Derived]] = {
    Percent: lambda shape, _: derived.percent(shape),
    TaxOnLines: lambda shape, _: derived.percent(shape),
    TaxIncluded: lambda shape, _: derived.tax_included(shape),
    PowerFactor: lambda shape, _: derived.power_factor(shape),
    Minimum: derived.minimum,
    Rebate: derived.rebate,
}
_STEPS: Mapping[type, Step] = {
    Fixed: "fixed",
    Demand: "fixed",
    Area: "fixed",
    KvaDifference: "fixed",
    Minimum: "fixed",
    LateFee: "fee",
    TaxOnLines: "tax",
    TaxIncluded: "tax",
}
_UNITS: Mapping[type, str] = {Fixed: "month", Minimum: "month", PowerFactor: "%", LateFee: "day"}
