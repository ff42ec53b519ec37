"""The slow side of lines that are made of other lines. Beneath ``reference_bill``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import floor
from typing import Any

from core.tariffs.reference_charges import ZERO, Stretch, banded, rate_of, rounded
from core.tariffs.shapes import (
    E8,
    MILLI,
    FactorStep,
    Minimum,
    Percent,
    PowerFactor,
    Rebate,
    TaxIncluded,
    TaxOnLines,
)

MADE_OF_LINES = (Percent, TaxOnLines, TaxIncluded, PowerFactor, Minimum, Rebate)


def _percent(shape: Any, _: Stretch, base: Fraction, __: int) -> Fraction:
    percent: Fraction = base * shape.rate_e8 / E8
    return percent


def _power_factor(shape: PowerFactor, stretch: Stretch, base: Fraction, _: int) -> Fraction:
    hundredths = _hundredths(shape, stretch)
    if shape.method == "table":
        percent = 0
        for row in sorted(shape.table, key=lambda row: row.from_e2):
            percent = row.percent_e8 if row.from_e2 <= hundredths else percent
        return base * percent / E8
    total, factor = 0, shape.standard_e2
    while factor != hundredths:  # one hundredth after the other
        factor += 1 if hundredths > factor else -1
        total += _of_hundredth(shape, factor)
    return base * total / E8


def _of_hundredth(shape: PowerFactor, factor: int) -> int:
    """The percentage of the step that leads to this factor."""
    above = factor > shape.standard_e2
    steps: tuple[FactorStep, ...] = shape.above if above else shape.below
    for step in steps:
        if step.to_e2 is None or (factor <= step.to_e2 if above else factor >= step.to_e2):
            return step.percent_e8
    return 0


def _hundredths(shape: PowerFactor, stretch: Stretch) -> int:
    if shape.quantity:
        return int(rounded(shape.factor_rounding, stretch.units(shape.quantity) * 100))
    active, reactive = stretch.units(shape.active), stretch.units(shape.reactive)
    square = active**2 + reactive**2
    if not square:
        return 100
    share = active**2 / square  # the square of the power factor
    for n in range(100, -1, -1):
        at = Fraction(2 * n - 1, 200) if shape.factor_rounding == "half_up" else Fraction(n, 100)
        if at <= 0 or share >= at**2:
            exact = shape.factor_rounding != "up" or share == at**2
            return n if exact else n + 1
    raise AssertionError("a power factor is not negative")


def _minimum(shape: Minimum, stretch: Stretch, base: Fraction, scale: int) -> Fraction:
    times = stretch.units(shape.quantity) * stretch.times(shape.per)
    return max(ZERO, banded(shape, stretch) * times * scale - base)


def _rebate(shape: Rebate, stretch: Stretch, base: Fraction, scale: int) -> Fraction:
    times = stretch.units(shape.quantity)
    if shape.per is not None:
        times *= stretch.times(shape.per)
    if shape.up_to_milli is not None:
        times = min(times, Fraction(shape.up_to_milli, MILLI))
    return -max(ZERO, min(rate_of(shape.rate_e8) * times * scale, base))


MADE_OF_LINES_PRICE: Mapping[type, Callable[[Any, Stretch, Fraction, int], Fraction]] = {
    Percent: _percent,
    TaxOnLines: _percent,
    PowerFactor: _power_factor,
    Minimum: _minimum,
    Rebate: _rebate,
}


def made_of_lines(
    shape: Any, stretch: Stretch, base: Fraction, scale: int, rounded_lines: bool
) -> Fraction:
    """Minor units. A rebate is rounded before it is turned round."""
    exact = MADE_OF_LINES_PRICE[type(shape)](shape, stretch, base, scale)
    if isinstance(shape, Rebate) and rounded_lines:
        whole = _rebate(shape, stretch, Fraction(10**30), scale)
        return -max(ZERO, min(rounded(shape.rounding, -whole), Fraction(floor(base))))
    return exact
