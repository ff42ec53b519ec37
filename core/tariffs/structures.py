"""How units become prices: the four structures, as functions from units to priced parts.

A price function takes (from, to, factor): the units of the period so far, without and with those
to be priced, in milli-units, and by how much the limits are stretched (months or days that the
limits are for). It returns parts (rate, milli-units, block); the blocks count from 1, and block 0
is what earlier units cost more (or less) now that the total is another one. Everything stays
exact: integers, or fractions where a limit or a quantity is one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction

from core.tariffs.bills import Amount
from core.tariffs.shapes import MILLI, Block, Limits, Metered, Schedule

Priced = tuple[Amount, Amount, int]
Price = Callable[[Amount, Amount, Amount], list[Priced]]


def price_of(shape: Metered, blocks: Sequence[Block], schedules: Sequence[Schedule]) -> Price:
    """The price function of a structure with the blocks (or schedules) of one period."""
    if shape.structure == "graduated":
        return graduated(blocks)
    if shape.structure == "volume":
        return volume(blocks, shape.limits)
    if shape.structure == "schedule_by_total":
        return by_total(schedules, shape.limits)
    return package(blocks[0].rate_e8, shape.size_milli)


def graduated(blocks: Sequence[Block]) -> Price:
    """Each block's units at that block's rate. Where a limit belongs makes no difference."""
    limits = [b.up_to_milli for b in blocks if b.up_to_milli is not None]
    rates = [b.rate_e8 for b in blocks]
    single = rates[0] if len(rates) == 1 else None

    def price(low: Amount, high: Amount, factor: Amount) -> list[Priced]:
        if high <= low:
            return []
        if single is not None:
            return [(single, high - low, 1)]
        parts: list[Priced] = []
        for number, limit in enumerate(limits):
            end: Amount = limit if factor == 1 else limit * factor
            if end <= low:
                continue
            if end >= high:
                parts.append((rates[number], high - low, number + 1))
                return parts
            parts.append((rates[number], end - low, number + 1))
            low = end
        parts.append((rates[-1], high - low, len(rates)))
        return parts

    return price


def which(total: Amount, limits: Sequence[int], belongs: Limits, factor: Amount) -> int:
    """The index of the step that a total falls into."""
    if factor != 1:
        total = Fraction(total) / factor
    return bisect_left(limits, total) if belongs == "inclusive" else bisect_right(limits, total)


def volume(blocks: Sequence[Block], belongs: Limits) -> Price:
    """All units at the rate of the block of the total."""
    limits = [b.up_to_milli for b in blocks if b.up_to_milli is not None]
    rates = [b.rate_e8 for b in blocks]

    def price(low: Amount, high: Amount, factor: Amount) -> list[Priced]:
        if high <= low:
            return []
        now = which(high, limits, belongs, factor)
        parts: list[Priced] = [(rates[now], high - low, now + 1)]
        before = which(low, limits, belongs, factor) if low else now
        if rates[before] != rates[now]:
            parts.append((rates[now] - rates[before], low, 0))
        return parts

    return price


def by_total(schedules: Sequence[Schedule], belongs: Limits) -> Price:
    """The total chooses the graduated blocks for all units of the period."""
    limits = [s.total_up_to_milli for s in schedules if s.total_up_to_milli is not None]
    prices = [graduated(s.blocks) for s in schedules]

    def price(low: Amount, high: Amount, factor: Amount) -> list[Priced]:
        if high <= low:
            return []
        now = which(high, limits, belongs, factor)
        parts = prices[now](low, high, factor)
        before = which(low, limits, belongs, factor) if low else now
        if before != now:
            more = sum(r * q for r, q, _ in prices[now](0, low, factor))
            more -= sum(r * q for r, q, _ in prices[before](0, low, factor))
            if more:
                parts.append((Fraction(more) / low, low, 0))
        return parts

    return price


def package(rate_e8: int, size_milli: int) -> Price:
    """Every begun package costs the rate; the parts count packages."""

    def price(low: Amount, high: Amount, factor: Amount) -> list[Priced]:
        size = size_milli if factor == 1 else size_milli * factor
        begun = -(-high // size) + (-low // size)
        return [(rate_e8, int(begun) * MILLI, 1)] if begun > 0 else []

    return price
