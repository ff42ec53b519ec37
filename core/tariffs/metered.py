"""Charges on measured units: from a frame of the bill to priced parts."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from core.tariffs.bills import Amount
from core.tariffs.errors import BillError
from core.tariffs.frames import Frame
from core.tariffs.rounding import ROUNDERS
from core.tariffs.shapes import E8, Energy, Levy, Metered, Part, Precision, Premium
from core.tariffs.structures import Price, price_of

#: (rate, milli-units, block, period of the time of use)
Priced = tuple[Amount, Amount, int, str]
Charge = Callable[[Frame], list[Priced]]


def metered(shape: Energy | Premium) -> Charge:
    """The parts of energy or of a premium upon it."""
    if shape.tou:
        charge = _by_period(shape) if shape.scope == "per_period" else _pro_rata(shape)
    else:
        charge = _plain(shape)
    return _without_free(charge) if isinstance(shape, Premium) else charge


def levy(shape: Levy) -> Charge:
    """An amount per unit."""
    rate, name, part = shape.rate_e8, shape.quantity, part_of(shape.part)
    shared = shape.part is not None and shape.part.share_e8 is not None

    def charge(frame: Frame) -> list[Priced]:
        _, now = frame.quantity(name)
        if part is not None:
            now = part(now, 1 if shared else frame.need_months())
        return [(rate, now, 0, "")] if now else []

    return charge


def _plain(shape: Metered) -> Charge:
    price = price_of(shape, shape.blocks, shape.schedules)
    name, part, precise = shape.quantity, part_of(shape.part), precision_of(shape.precision)
    stretch, goes_on = STRETCH[shape.period], shape.period in ("calendar_month", "calendar_year")
    yearly = shape.period == "calendar_year"

    def charge(frame: Frame) -> list[Priced]:
        earlier, now = frame.quantity(name)
        low = _begin(frame, name, earlier, yearly) if goes_on else 0
        if precise is not None:
            now = precise(now)
        high = low + now
        factor = stretch(frame)
        if part is not None:
            low, high = part(low, factor), part(high, factor)
        return [(rate, units, block, "") for rate, units, block in price(low, high, factor)]

    return charge


def _begin(frame: Frame, name: str, earlier: Amount, yearly: bool) -> Amount:
    """Where this run's units begin within the period of the limits.

    Limits of a month are cut to the run together with the units, so each run begins at 0; those
    of a year go on from run to run.
    """
    given = frame.given
    before = 0 if frame.fresh else given.before.get(name, 0)
    if yearly:
        if not frame.fresh:
            before = given.before_year.get(name, before)
        return before + earlier
    if before and frame.cut is not None:
        raise BillError(f"{name}: units before this bill do not go with a price change within it")
    return before


def _prices(shape: Metered) -> list[tuple[str, str, Price]]:
    """(name, quantity, price function) of each period of the time of use."""
    return [
        (p.name, f"{shape.quantity}.{p.name}", price_of(shape, p.blocks, p.schedules))
        for p in shape.tou
    ]


def _by_period(shape: Metered) -> Charge:
    periods, stretch = _prices(shape), STRETCH[shape.period]
    precise = precision_of(shape.precision)
    goes_on = shape.period in ("calendar_month", "calendar_year")
    yearly = shape.period == "calendar_year"

    def charge(frame: Frame) -> list[Priced]:
        factor = stretch(frame)
        parts: list[Priced] = []
        for tou, name, price in periods:
            if name not in frame.given.quantities:
                continue
            earlier, now = frame.quantity(name)
            low = _begin(frame, name, earlier, yearly) if goes_on else 0
            high = low + (now if precise is None else precise(now))
            parts += [(r, units, block, tou) for r, units, block in price(low, high, factor)]
        return parts

    return checked(shape, charge)


def _pro_rata(shape: Metered) -> Charge:
    """Every block of the total is shared out to the periods by their part of the total."""
    periods, stretch = _prices(shape), STRETCH[shape.period]
    precise = precision_of(shape.precision)
    goes_on = shape.period in ("calendar_month", "calendar_year")
    yearly, whole = shape.period == "calendar_year", shape.quantity

    def charge(frame: Frame) -> list[Priced]:
        factor = stretch(frame)
        used = []
        for tou, name, price in periods:
            if name in frame.given.quantities:
                earlier, now = frame.quantity(name)
                used.append((tou, price, earlier, now if precise is None else precise(now)))
        total = sum(now for _, _, _, now in used)
        if not total:
            return []
        low = _begin(frame, whole, sum(e for _, _, e, _ in used), yearly) if goes_on else 0
        parts: list[Priced] = []
        for tou, price, _, now in used:
            share = Fraction(now) / total
            if share:
                priced = price(low, low + total, factor)
                parts += [(rate, units * share, block, tou) for rate, units, block in priced]
        return parts

    return checked(shape, charge)


def checked(shape: Metered, charge: Charge) -> Charge:
    """Units of a time of use that the tariff does not price are an error, never free."""
    known = {f"{shape.quantity}.{p.name}" for p in shape.tou}
    prefix = shape.quantity + "."

    def check(frame: Frame) -> list[Priced]:
        quantities = frame.given.quantities
        given = {name for name in quantities if name.startswith(prefix)}
        if not given or given - known:
            names = ", ".join(sorted(known))
            raise BillError(f"{shape.code} is priced by {names}; given: {sorted(quantities)}")
        return charge(frame)

    return check


def _without_free(charge: Charge) -> Charge:
    return lambda frame: [part for part in charge(frame) if part[0]]


STRETCH: dict[str, Callable[[Frame], Amount]] = {
    "calendar_month": Frame.need_months,
    "billing_period": lambda frame: frame.share,
    "calendar_year": lambda _: 1,
    "day": lambda frame: frame.days,
}


def part_of(part: Part | None) -> Callable[[Amount, Amount], Amount] | None:
    """From units so far (and how many months limits are for) to those of them that are priced."""
    if part is None:
        return None
    if part.share_e8 is not None:
        share = Fraction(part.share_e8, E8)
        return lambda units, _: units * share
    if part.first_milli is not None:
        first = part.first_milli
        return lambda units, factor: min(units, first * factor)
    beyond = part.beyond_milli or 0
    return lambda units, factor: max(0, units - beyond * factor)


def precision_of(precision: Precision | None) -> Callable[[Amount], Amount] | None:
    """The rounding of a measured quantity, as declared."""
    if precision is None:
        return None
    to, rounder = precision.to_milli, ROUNDERS[precision.rounding]
    return lambda units: rounder(units, to) * to  # type: ignore[arg-type]
