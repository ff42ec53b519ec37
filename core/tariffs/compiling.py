"""A tariff turned once into integers that price and solve without looking at its shapes again.

Without rounding, the cost of a period's units is made of straight pieces. Each code has a
*weight*: by how much the total grows when that code's line grows by one (1 plus every percentage
that names it, and the percentages upon those). Weights times rates give one slope per piece, and
over their common denominator everything is an integer: minor units per milli-unit, times ``q``.

Bills do not need this: ``bills`` holds their programs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from math import lcm

import msgspec

from core.calendars import first_day, period_of
from core.money import currency
from core.tariffs.bills import Amount
from core.tariffs.checks import (
    METERED,
    check_billed,
    check_money,
    check_sold,
    check_version,
    in_order,
    weights_of,
)
from core.tariffs.errors import BillError, NoTariffError, TariffError
from core.tariffs.pieces import Curve, curve_of, total_of
from core.tariffs.programs import Programs, is_active
from core.tariffs.rounding import ROUNDERS, Rounder
from core.tariffs.segments import season_of
from core.tariffs.shapes import (
    E8,
    MILLI,
    OWN,
    Block,
    CatchUp,
    Component,
    Credit,
    Energy,
    Fixed,
    Levy,
    Percent,
    Period,
    Premium,
    Tariff,
    TariffVersion,
    TaxInTender,
    TaxOnLines,
)

__all__ = ["ROUNDERS", "CompiledTariff", "CompiledVersion", "NoTariffError", "Rounder",
           "TariffError", "check", "compile_tariff", "compile_version"]  # fmt: skip

RATE_DENOMINATOR = E8 * MILLI  # a rate times milli-units, in major units


@dataclass(frozen=True, slots=True)
class CompiledVersion:
    """One version, ready. Piece k runs over (starts[k], starts[k+1]] milli-units of the period
    and costs ``slopes[k] / q`` minor units per milli-unit, everything included; ``costs[k] / q``
    is the cost just after its start, ``exactly[k] / q`` at its start: they differ where the cost
    ``jumps`` (and somewhere ``falls``). ``weights[code] / weight_denominator`` as above.

    ``plain``: one graduated energy that prices all units; ``asks``: at a jump a sale asks for the
    missing money. ``metered`` are all that count units, energy or premium, when not plain.
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
    exactly: tuple[int, ...] = ()
    plain: bool = True
    jumps: bool = False
    falls: bool = False
    asks: bool = False
    metered: tuple[Energy | Premium, ...] = ()
    period: Period = "calendar_month"

    def cost_of(self, units: int) -> Amount:
        """``q`` times the exact minor units of the first ``units`` milli-units of a period."""
        k = bisect_right(self.starts, units) - 1
        if self.jumps and units == self.starts[k]:
            return self.exactly[k]
        return self.costs[k] + self.slopes[k] * (units - self.starts[k])

    def piece_up_to(self, units: int) -> int:
        """The piece whose units end at, or run beyond, ``units``."""
        return max(0, bisect_left(self.starts, units) - 1)


@dataclass(frozen=True, slots=True)
class CompiledTariff:
    """All versions of a tariff, ready to price; see ``compile_tariff``.

    ``versions`` are those of sales, empty where tokens are not sold; ``variants`` those of a
    season and a category, where a version distinguishes them.
    """

    tariff: Tariff
    days: tuple[date, ...]
    versions: tuple[CompiledVersion, ...]
    bills: Programs
    variants: Mapping[tuple[int, str, str], CompiledVersion]

    def at(self, day: date, category: str = "") -> CompiledVersion:
        """What sales price on a local day; NoTariffError before the first version, and for a
        tariff that is only billed. ``category``: of the customer; empty: the default."""
        i = bisect_right(self.days, day) - 1
        if i < 0:
            raise NoTariffError(f"tariff {self.tariff.code} is not in force before {self.days[0]}")
        if not self.versions:
            raise NoTariffError(f"tariff {self.tariff.code} is billed, not sold by token")
        if not self.variants:
            return self.versions[i]
        version = self.tariff.versions[i]
        if not category and version.category:
            category = version.category.default
        key = i, season_of(version.seasons, day), category
        return self.variants.get(key, self.versions[i])

    def of_period(self, period: int, category: str = "") -> CompiledVersion:
        """The version whose fixed charges a month bears: the one in force on its first day, or
        the tariff's first if that began within the month."""
        start = first_day(period)
        if start < self.days[0] and period == period_of(self.days[0]):
            start = self.days[0]
        return self.at(start, category)


def compile_tariff(tariff: Tariff) -> CompiledTariff:
    """Check and compile a tariff; TariffError says what is wrong with it."""
    scale = currency(tariff.currency).scale
    days = tuple(version.valid_from for version in tariff.versions)
    if not days or any(later <= earlier for earlier, later in pairwise(days)):
        raise TariffError("versions must be given in order of their dates, at least one")
    for version in tariff.versions:
        check_version(version)
        check_money(version, tariff)
    programs = Programs(tariff, scale)
    versions: tuple[CompiledVersion, ...] = ()
    variants: dict[tuple[int, str, str], CompiledVersion] = {}
    if tariff.mode != "postpaid":
        for i, version in enumerate(tariff.versions):
            made = _variants(version, scale)
            versions = (*versions, next(iter(made.values())))
            if len(made) > 1:
                variants.update({(i, *key): one for key, one in made.items()})
    if tariff.mode != "prepaid":
        try:
            programs.check()
        except BillError as error:
            raise TariffError(str(error)) from None
    return CompiledTariff(tariff, days, versions, programs, variants)


def _variants(version: TariffVersion, scale: int) -> dict[tuple[str, str], CompiledVersion]:
    seasons = [season.name for season in version.seasons] or [""]
    categories = [name for _, name in version.category.bands] if version.category else [""]
    if all(component.when is None for component in version.components):
        return {("", ""): compile_version(version, scale)}
    found = {}
    for season in seasons:
        for category in dict.fromkeys(categories):
            active = tuple(c for c in version.components if is_active(c, season, category))
            own = msgspec.structs.replace(version, components=active)
            try:
                found[season, category] = compile_version(own, scale)
            except TariffError as error:
                place = None
                if error.index is not None:
                    place = version.components.index(active[error.index])
                where = " ".join(word for word in ("in", season, category) if word)
                raise TariffError(f"{where}: {error}", place) from None
    return found


def check(version: TariffVersion) -> None:
    """Whether a version can be priced, for sales if it has ``catch_up``, for bills if not.

    TariffError leads to the component at fault.
    """
    check_version(version)
    if version.catch_up is not None:
        _variants(version, 1)  # the scale is no matter
        return
    check_billed(version.components)


def compile_version(version: TariffVersion, scale: int) -> CompiledVersion:
    """Check and compile what sales price under one version (in one season, for one category);
    ``scale``: minor units in a major unit."""
    check_version(version)
    check_sold(version.components)
    components = [_sold(c, scale) for c in version.components]
    energy = next(c for c in components if isinstance(c, Energy))
    tax = next((c for c in components if isinstance(c, TaxInTender)), None)
    percentages = in_order(components)
    weights = weights_of(components, percentages)
    counting = [c for c in components if isinstance(c, (*METERED, Levy))]
    curves = [(curve_of(c), weights[c.code]) for c in counting]
    denominator = lcm(*(weight.denominator for weight in weights.values()))
    metered = tuple(c for c in components if isinstance(c, METERED))
    periods = {c.period for c in metered if _is_limited(c)} or {energy.period}
    if len(periods) > 1:
        raise TariffError("the limits of a sale count the units of one kind of period")
    line = _whole(curves, scale, components.index(energy))
    return CompiledVersion(
        valid_from=version.valid_from,
        catch_up=version.catch_up or CatchUp(0, "lapse"),
        scale=scale,
        energy=energy,
        levies=tuple(c for c in components if isinstance(c, Levy)),
        percentages=percentages,
        tender_tax=tax,
        fixed=tuple(c for c in components if isinstance(c, Fixed)),
        weights={code: int(weight * denominator) for code, weight in weights.items()},
        weight_denominator=denominator,
        plain=_is_plain(counting),
        asks=any(c.at_jump == "ask" for c in metered),
        metered=metered,
        period=periods.pop(),
        starts=line.starts,
        slopes=line.slopes,
        costs=line.costs,
        exactly=line.exactly,
        q=line.q,
        jumps=line.jumps,
        falls=line.falls,
    )


def _sold(component: Component, scale: int) -> Component:
    """Money for a meter is energy of which one unit is one minor unit."""
    if not isinstance(component, Credit):
        return component
    return Energy(
        code=component.code,
        label=component.label,
        tax_class=component.tax_class,
        payee=component.payee or OWN,
        rounding=component.rounding,
        structure="graduated",
        period="calendar_month",
        blocks=(Block(None, E8 // scale),),
    )


def _is_limited(shape: Energy | Premium) -> bool:
    """Whether it matters which period its units are counted in."""
    plain = shape.structure == "graduated" and len(shape.blocks) == 1
    return not plain or (shape.part is not None and shape.part.share_e8 is None)


def _is_plain(counting: Sequence[Component]) -> bool:
    metered = [c for c in counting if isinstance(c, METERED)]
    return (
        len(metered) == 1
        and metered[0].structure == "graduated"
        and not metered[0].one_line
        and all(c.part is None for c in counting if isinstance(c, (*METERED, Levy)))
    )


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    starts: tuple[int, ...]
    slopes: tuple[int, ...]
    costs: tuple[int, ...]
    exactly: tuple[int, ...]
    q: int
    jumps: bool
    falls: bool


def _whole(curves: Sequence[tuple[Curve, Fraction]], scale: int, index: int) -> _Line:
    """The pieces of the sum as integers over one denominator ``q``."""
    unit = Fraction(scale, RATE_DENOMINATOR)
    pieces = total_of(curves)
    slopes = [Fraction(piece.slope) * unit for piece, _ in pieces]
    rights = [Fraction(piece.right) * unit for piece, _ in pieces]
    exactly = [Fraction(at) * unit for _, at in pieces]
    starts = [p.start if isinstance(p.start, int) else _less(p.start) for p, _ in pieces]
    ends = [
        right + slope * (later - start)
        for right, slope, (start, later) in zip(rights, slopes, pairwise(starts), strict=False)
    ]
    jumps = rights[0] != 0 or any(a != b for a, b in zip(ends, rights[1:], strict=True))
    if min(slopes) < 0:
        raise TariffError("units of a block would cost less than nothing", index)
    if slopes[-1] == 0 and not jumps:
        raise TariffError("units of the last block are free: no tender would end them", index)
    q = lcm(*(n.denominator for n in (*slopes, *rights, *exactly)))
    return _Line(
        starts=tuple(starts),
        slopes=tuple(int(slope * q) for slope in slopes),
        costs=tuple(int(right * q) for right in rights),
        exactly=tuple(int(at * q) for at in exactly),
        q=q,
        jumps=jumps,
        falls=any(b < a for a, b in zip(ends, rights[1:], strict=True)),
    )


def _less(start: Fraction) -> int:
    return start.numerator if start.denominator == 1 else start  # type: ignore[return-value]
