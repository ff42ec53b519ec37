"""What a list of components must satisfy before it can be priced; TariffError leads to the one
at fault."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from core.tariffs.errors import TariffError
from core.tariffs.programs import MADE_OF_LINES
from core.tariffs.shapes import (
    E8,
    PERCENTAGES,
    UNITS,
    Block,
    Component,
    Credit,
    Demand,
    Energy,
    Fixed,
    Levy,
    Part,
    Percent,
    Posting,
    Premium,
    Schedule,
    Tariff,
    TariffVersion,
    TaxInTender,
    TaxOnLines,
)

METERED = (Energy, Premium)
#: What a token's price can be made of; the rest is settled by a bill.
SOLD = (Energy, Premium, Credit, Fixed, Levy, Percent, TaxOnLines, TaxInTender)


def check_version(version: TariffVersion) -> None:
    """What holds for every version, sold or billed."""
    codes: set[str] = set()
    for i, component in enumerate(version.components):
        if component.code in codes:
            raise TariffError(f"code {component.code!r} is used twice", i)
        codes.add(component.code)
        _check_when(version, component, i)
    for i, component in enumerate(version.components):
        if isinstance(component, METERED):
            _check_metered(component, i)
        elif isinstance(component, Demand):
            check_blocks(component.blocks, i)
    _check_bases(version.components)
    in_order(version.components)


def _check_when(version: TariffVersion, component: Component, index: int) -> None:
    when = component.when
    if when is None:
        return
    seasons = {season.name for season in version.seasons}
    categories = {name for _, name in version.category.bands} if version.category else set()
    for kind, asked, known in (
        ("season", when.seasons, seasons),
        ("category", when.categories, categories),
    ):
        strange = sorted(set(asked) - known)
        if strange:
            allowed = ", ".join(sorted(known)) or "none"
            raise TariffError(f"{kind} {', '.join(strange)} is not known; known: {allowed}", index)


def _check_metered(shape: Energy | Premium, index: int) -> None:
    for blocks, schedules in [
        (shape.blocks, shape.schedules),
        *((p.blocks, p.schedules) for p in shape.tou),
    ]:
        if shape.tou and blocks is shape.blocks:
            continue
        if shape.structure == "schedule_by_total":
            _check_schedules(schedules, index)
        else:
            check_blocks(blocks, index)
        if shape.structure == "package" and len(blocks) != 1:
            raise TariffError("packages have one rate", index)


def _check_schedules(schedules: Sequence[Schedule], index: int) -> None:
    _check_limits([s.total_up_to_milli for s in schedules], index, "schedule", "total_up_to")
    for schedule in schedules:
        check_blocks(schedule.blocks, index)


def check_blocks(blocks: Sequence[Block], index: int) -> None:
    """Limits rise, and only the last block has none."""
    _check_limits([block.up_to_milli for block in blocks], index, "block", "up_to")


def _check_limits(limits: Sequence[int | None], index: int, what: str, field: str) -> None:
    if not limits or limits[-1] is not None or None in limits[:-1]:
        raise TariffError(f"the last {what}, and only the last, has no {field}", index)
    closed = [0, *(limit for limit in limits if limit is not None)]
    if any(later <= earlier for earlier, later in pairwise(closed)):
        raise TariffError(f"each {what} must end above the one before it", index)


def _check_bases(components: Sequence[Component]) -> None:
    known = {c.code for c in components if not isinstance(c, TaxInTender)}
    for i, component in enumerate(components):
        if not isinstance(component, MADE_OF_LINES):
            continue
        of: tuple[str, ...] = component.of
        unknown = [code for code in of if code not in known]
        if unknown or not of or len(set(of)) != len(of):
            allowed = ", ".join(sorted(known - {component.code}))
            raise TariffError(f"of: {unknown or list(of)}; allowed: {allowed}", i)


def in_order(components: Sequence[Component]) -> tuple[Any, ...]:
    """Components made of lines, in an order in which each comes after those it is taken of."""
    waiting: list[Any] = [c for c in components if isinstance(c, MADE_OF_LINES)]
    done: list[Any] = []
    while waiting:
        late = {c.code for c in waiting}
        ready = next((c for c in waiting if not late.intersection(c.of)), None)
        if ready is None:
            names = ", ".join(c.code for c in waiting)
            raise TariffError(f"{names} are percentages of each other", None)
        waiting.remove(ready)
        done.append(ready)
    return tuple(done)


def check_money(version: TariffVersion, tariff: Tariff) -> None:
    """A tariff of money for meters that hold the prices themselves counts in its currency: so that
    a meter that counts units is never sold smallest coins as units."""
    for i, component in enumerate(version.components):
        if isinstance(component, Credit) and tariff.unit != tariff.currency:
            raise TariffError(
                f"{component.code!r} is money: the tariff's unit is then {tariff.currency!r}, not "
                f"{tariff.unit!r}",
                i,
            )


def check_billed(components: Sequence[Component]) -> None:
    """What holds beside if bills are made under the version."""
    for i, component in enumerate(components):
        if isinstance(component, TaxInTender | Credit):
            message = f"{component.code!r} lies inside a tender, and without catch_up there is none"
            raise TariffError(message, i)


def check_sold(components: Sequence[Component]) -> None:
    """What holds beside if tokens are sold under the version (in one season, to one category)."""
    for i, component in enumerate(components):
        if not isinstance(component, SOLD):
            raise TariffError(f"{component.code!r} cannot be part of a sale: only of a bill", i)
        if isinstance(component, METERED):
            _check_sold_metered(component, i)
        if isinstance(component, Fixed) and (component.per != "calendar_month" or component.bands):
            raise TariffError("a sale charges by calendar month, at one rate", i)
        if isinstance(component, (*METERED, Levy)) and component.quantity != UNITS:
            raise TariffError(f"a sale knows only the quantity {UNITS}", i)
    energies = [c for c in components if isinstance(c, Energy | Credit)]
    whole = [c for c in energies if isinstance(c, Credit) or c.part is None]
    if not energies or len(whole) > 1 or (whole and len(energies) > 1):
        raise TariffError(f"one energy component is needed, there are {len(energies)}")
    if not whole and not _is_complete([c.part for c in energies if isinstance(c, Energy)]):
        raise TariffError("the parts of the units must be all units, each once: shares of 100 %")
    taxes = [c for c in components if isinstance(c, TaxInTender)]
    if len(taxes) > 1:
        raise TariffError("only one tax can lie inside the tender", components.index(taxes[1]))
    _check_rebates(components)


def _is_complete(parts: Sequence[Part | None]) -> bool:
    """Shares of 100 %, or the first units and those beyond them."""
    shares = [part.share_e8 for part in parts if part and part.share_e8 is not None]
    if len(shares) == len(parts):
        return sum(shares) == E8
    first = [part.first_milli for part in parts if part and part.first_milli is not None]
    beyond = [part.beyond_milli for part in parts if part and part.beyond_milli is not None]
    return len(parts) == 2 and first == beyond and len(first) == 1


def _check_sold_metered(shape: Energy | Premium, index: int) -> None:
    if shape.tou or shape.period not in ("calendar_month", "calendar_year") or shape.precision:
        raise TariffError(
            "a sale prices units of the calendar month or year, without time of use", index
        )
    if shape.structure != "graduated" and shape.at_jump is None:
        raise TariffError(f"at_jump is missing: what a sale does at a jump ({shape.code})", index)


def _check_rebates(components: Sequence[Component]) -> None:
    rebated: set[str] = set()
    for i, component in enumerate(components):
        if isinstance(component, PERCENTAGES) and component.rate_e8 < 0:
            # Two rounded rebates of one base could make the total fall where the units rise.
            if rebated.intersection(component.of):
                raise TariffError("a code can have one rebate only: combine them", i)
            rebated.update(component.of)


def weights_of(
    components: Sequence[Component], percentages: Sequence[Percent | TaxOnLines]
) -> dict[str, Fraction]:
    """By how much the total grows when the line of a code grows by one."""
    lines: list[Posting] = [c for c in components if not isinstance(c, TaxInTender)]
    weights = {c.code: Fraction(1) for c in lines}
    for percentage in reversed(percentages):
        for code in percentage.of:
            if code in weights:
                weights[code] += Fraction(percentage.rate_e8, E8) * weights[percentage.code]
    for i, component in enumerate(components):
        if weights.get(component.code, 1) < 0:
            raise TariffError(f"rebates of {component.code!r} exceed it", i)
    return weights
