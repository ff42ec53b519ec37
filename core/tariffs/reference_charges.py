"""The slow side of single charges: priced parts with Fractions, block by block, day by day.

Beneath ``reference_bill``. Quantities are whole units here, rates major units, and every function
says in the plainest way what docs/tariffs.md says in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import ceil, floor, inf
from typing import Any

from core.tariffs.bills import BillInput, Overdue, Share
from core.tariffs.shapes import E8, MILLI, Block, Demand, Height, LateFee, Metered, Part, Schedule

#: (block, period of the time of use), price, units
Parts = list[tuple[tuple[int, str], Fraction, Fraction]]
ZERO = Fraction(0)


@dataclass(frozen=True)
class Stretch:
    """Days of a bill in which a charge is the same. ``cuts``: all such stretches, if the
    quantities are to be divided among them."""

    given: BillInput
    shape: Any
    run: list[date]
    all_days: list[date]
    cuts: list[list[date]] | None = None

    def units(self, name: str) -> Fraction:
        """A quantity of the whole bill."""
        if name == "one":
            return Fraction(1)
        quantities = self.given.quantities
        if name in quantities:
            return Fraction(quantities[name]) / MILLI
        found = [Fraction(q) for n, q in quantities.items() if n.startswith(name + ".")]
        if not found:
            raise LookupError(name)
        return sum(found, ZERO) / MILLI

    def part(self, name: str) -> tuple[Fraction, Fraction]:
        """(units of earlier stretches of the same year, units of this one)."""
        total = self.units(name)
        if self.cuts is None:
            return ZERO, total
        pieces = self._pieces()
        rule = self.shape.proration
        shares = _divided(total, [len(piece) for piece in pieces], rule.resolution_milli)
        mine = pieces.index(self.run)
        earlier = ZERO
        for piece, share in zip(pieces[:mine], shares, strict=False):
            if piece in self.cuts and piece[0].year == self.run[0].year:
                earlier += share
        return earlier, shares[mine]

    def _pieces(self) -> list[list[date]]:
        """The stretches and the gaps between them, in order."""
        pieces: list[list[date]] = []
        for day in self.all_days:
            holder = next((cut for cut in self.cuts or () if day in cut), None)
            if holder is not None:
                if not pieces or pieces[-1] is not holder:
                    pieces.append(holder)
            elif pieces and pieces[-1] not in (self.cuts or ()):
                pieces[-1].append(day)
            else:
                pieces.append([day])
        return pieces

    def months(self) -> Fraction:
        """Calendar months in the stretch, as the charge counts days."""
        first, last = self.run[0], self.run[-1]
        if first.day == 1 and date.fromordinal(last.toordinal() + 1).day == 1:
            return Fraction(12 * (last.year - first.year) + last.month - first.month + 1)
        rule = self.shape.proration
        if rule is None:
            raise LookupError("proration")
        if rule.method == "whole":
            return Fraction(1)
        if rule.month_days:
            return Fraction(len(self.run), rule.month_days)
        return sum((Fraction(1, days_in_month(day)) for day in self.run), ZERO)

    def times(self, per: str) -> Fraction:
        """How many of a charge's time units lie in the stretch."""
        if per == "day":
            return Fraction(len(self.run))
        if per == "billing_period":
            return Fraction(len(self.run), len(self.all_days))
        if per == "year":
            return sum((Fraction(1, 366 if _leap(day.year) else 365) for day in self.run), ZERO)
        return self.months()

    def stretch_of_limits(self, period: str) -> Fraction:
        """By how much limits are multiplied."""
        if period == "calendar_year":
            return Fraction(1)
        return self.times("calendar_month" if period == "calendar_month" else period)


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(day: date) -> int:
    """28 to 31."""
    if day.month == 2:
        return 29 if _leap(day.year) else 28
    return 30 if day.month in (4, 6, 9, 11) else 31


def _divided(total: Fraction, days: list[int], resolution: int | None) -> list[Fraction]:
    if resolution is None:
        return [total * count / sum(days) for count in days]
    step = Fraction(resolution, MILLI)
    count = floor(total / step)
    wanted = [Fraction(count * each, sum(days)) for each in days]
    shares = [floor(each) for each in wanted]
    by_need = sorted(range(len(days)), key=lambda i: (shares[i] - wanted[i], i))
    for i in by_need[: count - sum(shares)]:
        shares[i] += 1
    divided = [step * share for share in shares]
    divided[-1] += total - step * count
    return divided


def rate_of(rate_e8: Fraction | int) -> Fraction:
    """Major units."""
    return Fraction(rate_e8) / E8


# Units.


def levy_parts(shape: Any, stretch: Stretch) -> Parts:
    """An amount per unit."""
    _, units = stretch.part(shape.quantity)
    if shape.part is not None:
        factor = Fraction(1) if shape.part.share_e8 else stretch.months()
        units = _of_part(shape.part, units, factor)
    return [((0, ""), rate_of(shape.rate_e8), units)]


def metered_parts(shape: Metered, stretch: Stretch) -> Parts:
    """Energy or a premium."""
    factor = stretch.stretch_of_limits(shape.period)
    if not shape.tou:
        earlier, units = stretch.part(shape.quantity)
        low = _before(shape, stretch, shape.quantity, earlier)
        high = low + _precise(shape.precision, units)
        if shape.part is not None:
            low, high = _of_part(shape.part, low, factor), _of_part(shape.part, high, factor)
        return _structured(shape, (shape.blocks, shape.schedules, ""), low, high, factor)
    parts: Parts = []
    used = {}
    for period in shape.tou:
        name = f"{shape.quantity}.{period.name}"
        if name in stretch.given.quantities:
            earlier, units = stretch.part(name)
            used[period.name] = earlier, _precise(shape.precision, units)
    total = sum((units for _, units in used.values()), ZERO)
    for period in shape.tou:
        if period.name not in used:
            continue
        prices = period.blocks, period.schedules, period.name
        earlier, units = used[period.name]
        if shape.scope == "per_period":
            low = _before(shape, stretch, f"{shape.quantity}.{period.name}", earlier)
            parts += _structured(shape, prices, low, low + units, factor)
        elif total:
            before = sum((earlier for earlier, _ in used.values()), ZERO)
            low = _before(shape, stretch, shape.quantity, before)
            whole = _structured(shape, prices, low, low + total, factor)
            parts += [(key, price, count * units / total) for key, price, count in whole]
    return parts


def _before(shape: Metered, stretch: Stretch, name: str, earlier: Fraction) -> Fraction:
    """Units of the period of the limits that came before this stretch."""
    given = Fraction(stretch.given.before.get(name, 0)) / MILLI
    if shape.period == "calendar_year":
        given = Fraction(stretch.given.before_year.get(name, given * MILLI)) / MILLI
        first_year = stretch.run[0].year == stretch.all_days[0].year
        return earlier + (given if first_year else 0)
    return given if shape.period == "calendar_month" else ZERO


def _precise(precision: Any, units: Fraction) -> Fraction:
    if precision is None:
        return units
    step = Fraction(precision.to_milli, MILLI)
    return rounded(precision.rounding, units / step) * step


def rounded(rounding: str, value: Fraction) -> Fraction:
    """Half up (away from zero), up or down."""
    if rounding == "up":
        return Fraction(ceil(value))
    if rounding == "down":
        return Fraction(floor(value))
    half = floor(abs(value) + Fraction(1, 2))
    return Fraction(half if value >= 0 else -half)


def _of_part(part: Part, units: Fraction, factor: Fraction) -> Fraction:
    if part.share_e8 is not None:
        return units * part.share_e8 / E8
    if part.first_milli is not None:
        return min(units, Fraction(part.first_milli, MILLI) * factor)
    return max(ZERO, units - Fraction(part.beyond_milli or 0, MILLI) * factor)


def _structured(
    shape: Metered, prices: Any, low: Fraction, high: Fraction, factor: Fraction
) -> Parts:
    blocks, schedules, tou = prices
    if high <= low:
        return []
    if shape.structure == "package":
        size = Fraction(shape.size_milli, MILLI) * factor
        begun = ceil(high / size) - ceil(low / size)
        return [((1, tou), rate_of(blocks[0].rate_e8), Fraction(begun))]
    if shape.structure == "graduated":
        found = graduated(blocks, low, high, factor)
        return [((n, tou), price, units) for n, price, units in found]
    now = _step(shape, blocks, schedules, high / factor)
    then = _step(shape, blocks, schedules, low / factor) if low else now
    if shape.structure == "volume":
        parts = [((now + 1, tou), rate_of(blocks[now].rate_e8), high - low)]
        more = rate_of(blocks[now].rate_e8 - blocks[then].rate_e8) * low
    else:
        chosen = graduated(schedules[now].blocks, low, high, factor)
        parts = [((n, tou), price, units) for n, price, units in chosen]
        more = _sum(schedules[now], low, factor) - _sum(schedules[then], low, factor)
    return [*parts, ((0, tou), more / low, low)] if more else parts


def _sum(schedule: Schedule, units: Fraction, factor: Fraction) -> Fraction:
    parts = graduated(schedule.blocks, ZERO, units, factor)
    return sum((price * count for _, price, count in parts), ZERO)


def _step(shape: Metered, blocks: Any, schedules: Any, total: Fraction) -> int:
    volume = shape.structure == "volume"
    limits = [b.up_to_milli for b in blocks] if volume else [s.total_up_to_milli for s in schedules]
    for i, limit in enumerate(limits):
        top = inf if limit is None else Fraction(limit, MILLI)
        if total < top or (total == top and shape.limits == "inclusive"):
            return i
    raise AssertionError("the last step has no limit")


def graduated(
    blocks: tuple[Block, ...], low: Fraction, high: Fraction, factor: Fraction
) -> list[tuple[int, Fraction, Fraction]]:
    """(block, price, units) of the units between two numbers."""
    found, begin = [], ZERO
    for number, block in enumerate(blocks, 1):
        end = high if block.up_to_milli is None else Fraction(block.up_to_milli, MILLI) * factor
        inside = min(end, high) - max(begin, low)
        if inside > 0:
            found.append((number, rate_of(block.rate_e8), inside))
        begin = end
    return found


# Power, area, delay, what is shared.


def demand_parts(shape: Demand, stretch: Stretch) -> Parts:
    """Power at its price."""
    power = [stretch.units(shape.quantity)]
    if shape.ratchet is not None:
        power.append(_ratchet(shape, stretch))
    power += [stretch.units(a.quantity) * a.percent_e8 / E8 for a in shape.at_least]
    billed = _precise(shape.precision, max(power))
    times = stretch.times(shape.per)
    top = billed
    if shape.excess is not None:
        top = min(billed, stretch.units(shape.excess.quantity) * shape.excess.percent_e8 / E8)
    found = graduated(shape.blocks, ZERO, top, Fraction(1))
    parts = [((n, ""), price, kw * times) for n, price, kw in found]
    if shape.excess is not None and billed > top:
        last = len(shape.blocks) + 1
        parts.append(((last, ""), rate_of(shape.excess.rate_e8), (billed - top) * times))
    return parts


def _ratchet(shape: Demand, stretch: Stretch) -> Fraction:
    ratchet = shape.ratchet
    assert ratchet is not None
    month, peaks = stretch.given.period, [ZERO]
    history = stretch.given.history.get(shape.quantity, {})
    if ratchet.current and (not ratchet.only or month % 100 in ratchet.only):
        peaks.append(stretch.units(shape.quantity))
    for _ in range(ratchet.months):
        month = month - 1 if month % 100 > 1 else month - 100 + 11
        if not ratchet.only or month % 100 in ratchet.only:
            peaks.append(Fraction(history.get(month, 0), MILLI))
    return max(peaks) * ratchet.percent_e8 / E8


def area_parts(shape: Any, stretch: Stretch) -> Parts:
    """A charge per square metre."""
    metres = stretch.units(shape.quantity) * stretch.times(shape.per)
    if shape.height is not None:
        metres *= _height(shape.height, stretch.units(shape.height.quantity))
    return [((0, ""), rate_of(shape.rate_e8), metres)]


def _height(rule: Height, height: Fraction) -> Fraction:
    standard = Fraction(rule.standard_milli, MILLI)
    if rule.method == "bands":
        for band in rule.bands:
            if band.up_to_milli is None or height <= Fraction(band.up_to_milli, MILLI):
                return Fraction(band.rate_e8, E8)
    if height <= standard:
        return Fraction(1)
    if rule.method == "ratio":
        return height / standard
    steps = (height - standard) / Fraction(rule.step_milli, MILLI)
    return 1 + Fraction((ceil(steps) if rule.started else floor(steps)) * rule.step_e8, E8)


def kva_parts(shape: Any, stretch: Stretch) -> Parts:
    """Apparent power above what the standard would need."""
    standard = Fraction(shape.standard_e8, E8)
    kva, kw = stretch.units(shape.kva), stretch.units(shape.kw)
    above = kva - kw / standard if shape.form == "of_kva" else kva * standard - kw
    return [((0, ""), rate_of(shape.rate_e8), max(ZERO, above) * stretch.times(shape.per))]


def fixed_parts(shape: Any, stretch: Stretch) -> Parts:
    """A charge per time."""
    rate = banded(shape, stretch)
    return [((0, ""), rate, stretch.units(shape.quantity) * stretch.times(shape.per))]


def banded(shape: Any, stretch: Stretch) -> Fraction:
    """The rate, chosen by a quantity where the charge has bands."""
    if shape.bands is None:
        return rate_of(shape.rate_e8)
    size = stretch.units(shape.bands.quantity)
    for step in shape.bands.steps:
        top = inf if step.up_to_milli is None else Fraction(step.up_to_milli, MILLI)
        if size < top or (size == top and shape.bands.limits == "inclusive"):
            return rate_of(step.rate_e8)
    raise AssertionError("the last band has no limit")


def share_of(share: Share, parts: int) -> int:
    """Largest remainder, ties to the first: this account's of ``parts``."""
    wanted = [Fraction(parts * weight, sum(share.weights)) for weight in share.weights]
    shares = [floor(each) for each in wanted]
    by_need = sorted(range(len(shares)), key=lambda i: (shares[i] - wanted[i], i))
    return shares[share.index] + (share.index in by_need[: parts - sum(shares)])


def allocated_parts(shape: Any, stretch: Stretch) -> Parts:
    """Units of a common meter."""
    share = stretch.given.shares[shape.share]
    units = share_of(share, share.total // shape.resolution_milli) * shape.resolution_milli
    return [((0, ""), rate_of(shape.rate_e8), Fraction(units, MILLI))]


def fee_of(shape: LateFee, overdue: Overdue, scale: int) -> Fraction:
    """Minor units of one overdue amount: each day of delay by itself."""
    days = ["now"] * overdue.days + ["later"] * overdue.days_later
    if not shape.grace_counts or len(days) <= shape.grace_days:
        days = days[shape.grace_days :]
    if not days or overdue.amount <= 0:
        return ZERO
    fee = ZERO
    for day in days:
        fee += rate_of(shape.daily_e8 if day == "now" else shape.later_e8) * overdue.amount
    fee = max(fee, rate_of(shape.least_e8) * scale)
    return fee if shape.cap_e8 is None else min(fee, rate_of(shape.cap_e8) * overdue.amount)


# Sales: costs as functions of the units of the month so far.


def metered_cost(shape: Metered, units: Fraction) -> Fraction:
    """Major units of the first ``units`` of a period."""
    inside = units if shape.part is None else _of_part(shape.part, units, Fraction(1))
    parts = _structured(shape, (shape.blocks, shape.schedules, ""), ZERO, inside, Fraction(1))
    return sum((price * count for _, price, count in parts), ZERO)


def metered_between(
    shape: Metered, low: Fraction, high: Fraction
) -> list[tuple[int, Fraction, Fraction]]:
    """(block, price, units) of what a sale takes from ``low`` to ``high`` units of a period."""
    if shape.part is not None:
        low, high = (_of_part(shape.part, units, Fraction(1)) for units in (low, high))
    parts = _structured(shape, (shape.blocks, shape.schedules, ""), low, high, Fraction(1))
    return [(block, price, count) for (block, _), price, count in parts]


def levied(shape: Any, units: Fraction) -> Fraction:
    """The units among the first ``units`` that bear a levy."""
    return units if shape.part is None else _of_part(shape.part, units, Fraction(1))


def breaks_of(shape: Any, before: Fraction, top: Fraction, rest: Fraction) -> list[Fraction]:
    """Units of the period at which the cost of a component may bend or jump: of packages those
    between ``before`` and ``top``, and beyond it those that ``rest`` pays for."""
    limits: list[Fraction] = []
    if hasattr(shape, "structure"):
        blocks = [*shape.blocks, *(b for s in shape.schedules for b in s.blocks)]
        found = [b.up_to_milli for b in blocks] + [s.total_up_to_milli for s in shape.schedules]
        limits = [Fraction(limit, MILLI) for limit in found if limit is not None]
    if getattr(shape, "structure", "") == "package":
        size, price = Fraction(shape.size_milli, MILLI), rate_of(shape.blocks[0].rate_e8)
        first, last = (floor(levied(shape, units) / size) for units in (before, top))
        count = last + (floor(rest / price) if price else 0) + 3
        limits = [size * n for n in range(first, count + 1)]
    part = shape.part
    if part is None:
        return limits
    if part.share_e8 is not None:
        return [limit * E8 / part.share_e8 for limit in limits]
    if part.first_milli is not None:
        return [*limits, Fraction(part.first_milli, MILLI)]
    beyond = Fraction(part.beyond_milli or 0, MILLI)
    return [beyond, *(limit + beyond for limit in limits)]
