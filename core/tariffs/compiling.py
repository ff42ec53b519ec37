"""A tariff turned once into integers that price and solve without looking at its shapes again.

Without rounding, the cost of a month's units is piecewise linear. Each code has a *weight*: by how
much the total grows when that code's line grows by one (1 plus every percentage that names it, and
the percentages upon those). Weights times rates give one slope per block, and over their common
denominator everything is an integer: minor units per milli-unit, times ``q``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from math import lcm

from core.calendars import first_day, period_of
from core.money import currency, half_up
from core.tariffs.shapes import (
    E8,
    MILLI,
    PERCENTAGES,
    CatchUp,
    Component,
    Energy,
    Fixed,
    Levy,
    Percent,
    Posting,
    Rounding,
    Tariff,
    TariffVersion,
    TaxInTender,
    TaxOnLines,
)

RATE_DENOMINATOR = E8 * MILLI  # a rate times milli-units, in major units
Rounder = Callable[[int, int], int]


class TariffError(ValueError):
    """A tariff that cannot be priced. ``index`` is the component at fault, None for the whole."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class NoTariffError(LookupError):
    """No version of the tariff is in force on the day asked for."""


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)


def _down(numerator: int, denominator: int) -> int:
    return numerator // denominator


ROUNDERS: Mapping[Rounding, Rounder] = {"half_up": half_up, "up": _up, "down": _down}


@dataclass(frozen=True, slots=True)
class CompiledVersion:
    """One version, ready. Block k runs over (starts[k], starts[k+1]] milli-units of the month and
    costs ``slopes[k] / q`` minor units per milli-unit, everything included; ``costs[k] / q`` is
    the cost of the month's units up to its start. ``weights[code] / weight_denominator`` as above.
    """

    valid_from: date
    catch_up: CatchUp
    scale: int
    energy: Energy
    levies: tuple[Levy, ...]
    percentages: tuple[Percent | TaxOnLines, ...]  # in an order in which each base is known
    tender_tax: TaxInTender | None
    fixed: tuple[Fixed, ...]
    starts: tuple[int, ...]
    slopes: tuple[int, ...]
    costs: tuple[int, ...]
    q: int
    weights: Mapping[str, int]
    weight_denominator: int


@dataclass(frozen=True, slots=True)
class CompiledTariff:
    """All versions of a tariff, ready to price; see ``compile_tariff``."""

    tariff: Tariff
    days: tuple[date, ...]
    versions: tuple[CompiledVersion, ...]

    def at(self, day: date) -> CompiledVersion:
        """The version in force on a local day; NoTariffError before the first."""
        i = bisect_right(self.days, day) - 1
        if i < 0:
            raise NoTariffError(f"tariff {self.tariff.code} is not in force before {self.days[0]}")
        return self.versions[i]

    def of_period(self, period: int) -> CompiledVersion:
        """The version whose fixed charges a month bears: the one in force on its first day, or
        the tariff's first if that began within the month."""
        start = first_day(period)
        if start < self.days[0] and period == period_of(self.days[0]):
            return self.versions[0]
        return self.at(start)


def compile_tariff(tariff: Tariff) -> CompiledTariff:
    """Check and compile a tariff; TariffError says what is wrong with it."""
    scale = currency(tariff.currency).scale
    days = tuple(version.valid_from for version in tariff.versions)
    if not days or any(later <= earlier for earlier, later in pairwise(days)):
        raise TariffError("versions must be given in order of their dates, at least one")
    versions = tuple(compile_version(version, scale) for version in tariff.versions)
    return CompiledTariff(tariff, days, versions)


def compile_version(version: TariffVersion, scale: int) -> CompiledVersion:
    """Check and compile one version; ``scale``: minor units in a major unit."""
    energy, tender_tax = _check_components(version.components)
    percentages = _ordered(version.components)
    weights = _weights(version.components, percentages)
    levies = tuple(c for c in version.components if isinstance(c, Levy))
    unit = Fraction(scale, RATE_DENOMINATOR)
    per_unit = sum((weights[c.code] * c.rate_e8 for c in levies), Fraction(0))
    slopes = [(weights[energy.code] * b.rate_e8 + per_unit) * unit for b in energy.blocks]
    _check_slopes(slopes, version.components.index(energy))
    q = lcm(*(slope.denominator for slope in slopes))
    whole = [int(slope * q) for slope in slopes]
    starts = (0, *(b.up_to_milli for b in energy.blocks if b.up_to_milli is not None))
    costs = [0]
    for k in range(1, len(starts)):
        costs.append(costs[-1] + whole[k - 1] * (starts[k] - starts[k - 1]))
    denominator = lcm(*(weight.denominator for weight in weights.values()))
    return CompiledVersion(
        valid_from=version.valid_from,
        catch_up=version.catch_up,
        scale=scale,
        energy=energy,
        levies=levies,
        percentages=percentages,
        tender_tax=tender_tax,
        fixed=tuple(c for c in version.components if isinstance(c, Fixed)),
        starts=starts,
        slopes=tuple(whole),
        costs=tuple(costs),
        q=q,
        weights={code: int(weight * denominator) for code, weight in weights.items()},
        weight_denominator=denominator,
    )


def _check_components(components: Sequence[Component]) -> tuple[Energy, TaxInTender | None]:
    codes: set[str] = set()
    for i, component in enumerate(components):
        if component.code in codes:
            raise TariffError(f"code {component.code!r} is used twice", i)
        codes.add(component.code)
    energies = [c for c in components if isinstance(c, Energy)]
    taxes = [c for c in components if isinstance(c, TaxInTender)]
    if len(energies) != 1:
        raise TariffError(f"one energy component is needed, there are {len(energies)}")
    if len(taxes) > 1:
        raise TariffError("only one tax can lie inside the tender", components.index(taxes[1]))
    _check_blocks(energies[0], components.index(energies[0]))
    return energies[0], taxes[0] if taxes else None


def _check_blocks(energy: Energy, index: int) -> None:
    limits = [block.up_to_milli for block in energy.blocks]
    if not limits or limits[-1] is not None or None in limits[:-1]:
        raise TariffError("the last block, and only the last, has no up_to", index)
    closed = [0, *(limit for limit in limits if limit is not None)]
    if any(later <= earlier for earlier, later in pairwise(closed)):
        raise TariffError("each block must end above the one before it", index)


def _ordered(components: Sequence[Component]) -> tuple[Percent | TaxOnLines, ...]:
    """Percentages in an order in which each comes after those it is taken of."""
    waiting = [c for c in components if isinstance(c, PERCENTAGES)]
    known = {c.code for c in components if not isinstance(c, (*PERCENTAGES, TaxInTender))}
    _check_bases(components, known | {c.code for c in waiting})
    done: list[Percent | TaxOnLines] = []
    while waiting:
        ready = next((c for c in waiting if known.issuperset(c.of)), None)
        if ready is None:
            names = ", ".join(c.code for c in waiting)
            raise TariffError(f"{names} are percentages of each other", None)
        waiting.remove(ready)
        known.add(ready.code)
        done.append(ready)
    return tuple(done)


def _check_bases(components: Sequence[Component], known: set[str]) -> None:
    rebated: set[str] = set()
    for i, component in enumerate(components):
        if not isinstance(component, PERCENTAGES):
            continue
        unknown = [code for code in component.of if code not in known]
        if unknown or not component.of or len(set(component.of)) != len(component.of):
            allowed = ", ".join(sorted(known - {component.code}))
            raise TariffError(f"of: {unknown or list(component.of)}; allowed: {allowed}", i)
        if component.rate_e8 < 0:
            # Two rounded rebates of one base could make the total fall where the units rise.
            if rebated.intersection(component.of):
                raise TariffError("a code can have one rebate only: combine them", i)
            rebated.update(component.of)


def _weights(
    components: Sequence[Component], percentages: Sequence[Percent | TaxOnLines]
) -> dict[str, Fraction]:
    lines: list[Posting] = [c for c in components if not isinstance(c, TaxInTender)]
    weights = {c.code: Fraction(1) for c in lines}
    for percentage in reversed(percentages):
        for code in percentage.of:
            weights[code] += Fraction(percentage.rate_e8, E8) * weights[percentage.code]
    for i, component in enumerate(components):
        if weights.get(component.code, 1) < 0:
            raise TariffError(f"rebates of {component.code!r} exceed it", i)
    return weights


def _check_slopes(slopes: Sequence[Fraction], index: int) -> None:
    if min(slopes) < 0:
        raise TariffError("units of a block would cost less than nothing", index)
    if slopes[-1] == 0:
        raise TariffError("units of the last block are free: no tender would end them", index)
