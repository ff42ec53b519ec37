"""Charges that do not count units: time, power, area, shares of something common, delay."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from core.calendars import add_months
from core.money import allocate
from core.tariffs.bills import Amount, Overdue
from core.tariffs.errors import MissingQuantityError
from core.tariffs.frames import Frame
from core.tariffs.metered import Charge, Priced, precision_of
from core.tariffs.rounding import ROUNDERS
from core.tariffs.shapes import (
    E8,
    Allocation,
    Area,
    Bands,
    Demand,
    Fixed,
    Height,
    KvaDifference,
    LateFee,
    Ratchet,
)
from core.tariffs.structures import graduated, which


def fixed(shape: Fixed) -> Charge:
    """A rate per time, times a quantity."""
    name, per, rate_of = shape.quantity, shape.per, rate(shape.rate_e8, shape.bands)

    def charge(frame: Frame) -> list[Priced]:
        units = frame.whole(name) * frame.periods_of(per)
        return [(rate_of(frame), units, 0, "")]

    return charge


def rate(rate_e8: int, bands: Bands | None) -> Callable[[Frame], int]:
    """The rate of a charge, chosen by the size of a quantity of the whole bill if so declared."""
    if bands is None:
        return lambda _: rate_e8
    limits = [step.up_to_milli for step in bands.steps if step.up_to_milli is not None]
    rates = [step.rate_e8 for step in bands.steps]
    name, belongs = bands.quantity, bands.limits
    return lambda frame: rates[which(frame.whole(name), limits, belongs, 1)]


def demand(shape: Demand) -> Charge:
    """Power at its price: see ``billed_power`` for what is billed."""
    power, price, per = billed_power(shape), graduated(shape.blocks), shape.per
    excess = shape.excess

    def charge(frame: Frame) -> list[Priced]:
        billed, times = power(frame), frame.periods_of(per)
        bound = billed
        if excess is not None:
            bound = min(billed, frame.whole(excess.quantity) * Fraction(excess.percent_e8, E8))
        parts = [(r, kw * times, block, "") for r, kw, block in price(0, bound, 1)]
        if excess is not None and billed > bound:
            parts.append((excess.rate_e8, (billed - bound) * times, len(shape.blocks) + 1, ""))
        return parts

    return charge


def billed_power(shape: Demand) -> Callable[[Frame], Amount]:
    """Milli-units of power to bill: the measured demand, the ratchet's share of earlier demands,
    the least that is agreed; the highest of them, then rounded as declared."""
    precise = precision_of(shape.precision)

    def power(frame: Frame) -> Amount:
        billed = frame.whole(shape.quantity)
        if shape.ratchet is not None:
            billed = max(billed, _ratchet(shape.ratchet, shape.quantity, frame))
        for least in shape.at_least:
            billed = max(billed, frame.whole(least.quantity) * Fraction(least.percent_e8, E8))
        return billed if precise is None else precise(billed)

    return power


def _ratchet(ratchet: Ratchet, name: str, frame: Frame) -> Fraction:
    now = frame.given.period
    first = add_months(now, -ratchet.months)
    history = frame.given.history.get(name, {})
    counts = [
        kw
        for period, kw in history.items()
        if first <= period < now and (not ratchet.only or period % 100 in ratchet.only)
    ]
    if ratchet.current and (not ratchet.only or now % 100 in ratchet.only):
        counts.append(frame.whole(name))  # type: ignore[arg-type]
    return max(counts, default=0) * Fraction(ratchet.percent_e8, E8)


def area(shape: Area) -> Charge:
    """A rate per square metre, rooms above the standard height counting more."""
    name, per, rate_e8, height = shape.quantity, shape.per, shape.rate_e8, shape.height

    def charge(frame: Frame) -> list[Priced]:
        metres = frame.whole(name) * frame.periods_of(per)
        if height is not None:
            metres *= height_factor(height, frame.whole(height.quantity))
        return [(rate_e8, metres, 0, "")]

    return charge


def height_factor(rule: Height, height: Amount) -> Fraction:
    """By how much a room of this height (milli-metres for metres) counts; 1 up to the standard."""
    above = height - rule.standard_milli
    if rule.method == "bands":
        limits = [band.up_to_milli for band in rule.bands if band.up_to_milli is not None]
        return Fraction(rule.bands[which(height, limits, "inclusive", 1)].rate_e8, E8)
    if above <= 0:
        return Fraction(1)
    if rule.method == "ratio":
        return Fraction(height) / rule.standard_milli
    steps = -(-above // rule.step_milli) if rule.started else above // rule.step_milli
    return 1 + Fraction(steps * rule.step_e8, E8)


def kva_difference(shape: KvaDifference) -> Charge:
    """A rate on the apparent power that a better power factor would save."""
    standard = Fraction(shape.standard_e8, E8)

    def charge(frame: Frame) -> list[Priced]:
        kva, kw = frame.whole(shape.kva), frame.whole(shape.kw)
        above = kva - kw / standard if shape.form == "of_kva" else kva * standard - kw
        if above <= 0:
            return []
        return [(shape.rate_e8, above * frame.periods_of(shape.per), 0, "")]

    return charge


def allocated_units(shape: Allocation) -> Charge:
    """This account's part of a common meter's units, at a rate."""

    def charge(frame: Frame) -> list[Priced]:
        units = allocated(shape, frame) * shape.resolution_milli
        return [(shape.rate_e8, units, 0, "")] if units else []

    return charge


def allocated(shape: Allocation, frame: Frame) -> int:
    """The share by largest remainder, so that all shares add up: minor units of money, or
    multiples of the resolution (what the common meter has beyond one is nobody's)."""
    share = frame.given.shares.get(shape.share)
    if share is None:
        raise MissingQuantityError(f"{shape.code}: the share {shape.share} is not given")
    parts = share.total if shape.what == "amount" else share.total // shape.resolution_milli
    return _allocated(parts, share.weights)[share.index]


@lru_cache(100)  # common meters of the buildings that a run is at
def _allocated(total: int, weights: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(allocate(total, weights))


def late_fee(shape: LateFee, overdue: tuple[Overdue, ...], scale: int) -> int:
    """Minor units: the fees of all overdue amounts, each rounded by itself."""
    return sum(_late_fee(shape, each, scale) for each in overdue)


def _late_fee(shape: LateFee, overdue: Overdue, scale: int) -> int:
    days, later = overdue.days, overdue.days_later
    free = shape.grace_days
    if free and (not shape.grace_counts or days + later <= free):
        days, later = max(0, days - free), later - max(0, min(later, free - days))
    if overdue.amount <= 0 or days + later <= 0:
        return 0
    exact = Fraction(overdue.amount * (days * shape.daily_e8 + later * shape.later_e8), E8)
    exact = max(exact, Fraction(shape.least_e8 * scale, E8))
    if shape.cap_e8 is not None:
        exact = min(exact, Fraction(overdue.amount * shape.cap_e8, E8))
    return ROUNDERS[shape.rounding](exact.numerator, exact.denominator)
