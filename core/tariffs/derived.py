"""Lines that are made of other lines: percentages, taxes, power factor, minimum, rebate.

Each function takes the frame and the sum of the rounded lines of its base (minor units; a
fraction where a base is shared out by days), and gives (amount, rate shown, milli-units shown).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor, isqrt

from core.tariffs.bills import Amount
from core.tariffs.charges import rate
from core.tariffs.frames import Frame
from core.tariffs.rounding import ROUNDERS
from core.tariffs.shapes import (
    E8,
    MILLI,
    FactorStep,
    Minimum,
    Percent,
    PowerFactor,
    Rebate,
    Rounding,
    TaxIncluded,
    TaxOnLines,
)

Answer = tuple[int, int, Amount]
Derived = Callable[[Frame, Amount], Answer]


def percent(shape: Percent | TaxOnLines) -> Derived:
    """A percentage of the base."""
    rate_e8, rounder = shape.rate_e8, ROUNDERS[shape.rounding]

    def derive(_: Frame, base: Amount) -> Answer:
        return rounder(base * rate_e8, E8), rate_e8, 0  # type: ignore[arg-type]

    return derive


def tax_included(shape: TaxIncluded) -> Derived:
    """The tax inside the base: base - round(base / (1 + rate))."""
    rate_e8, rounder = shape.rate_e8, ROUNDERS[shape.rounding]

    def derive(_: Frame, base: Amount) -> Answer:
        net = rounder(base * E8, E8 + rate_e8)  # type: ignore[arg-type]
        return int(base) - net, rate_e8, 0

    return derive


def power_factor(shape: PowerFactor) -> Derived:
    """A percentage of the base by the power factor; shown: the percentage and the factor."""
    rounder = ROUNDERS[shape.rounding]

    def derive(frame: Frame, base: Amount) -> Answer:
        hundredths = factor_of(shape, frame)
        rate_e8 = factor_percent(shape, hundredths)
        amount = rounder(base * rate_e8, E8)  # type: ignore[arg-type]
        return amount, rate_e8, hundredths * 10

    return derive


def factor_of(shape: PowerFactor, frame: Frame) -> int:
    """The power factor in hundredths: as given, or P ÷ √(P² + Q²), rounded as declared."""
    if shape.quantity:
        return ROUNDERS[shape.factor_rounding](frame.whole(shape.quantity), 10)  # type: ignore[arg-type]
    active, reactive = frame.whole(shape.active), frame.whole(shape.reactive)
    if not active and not reactive:
        return 100  # nothing was used: nothing to correct
    return hundredths_of(active, reactive, shape.factor_rounding)


def hundredths_of(active: Amount, reactive: Amount, rounding: Rounding) -> int:
    """100 P ÷ √(P² + Q²) as an integer, exactly: the root is never computed as a number."""
    square = active * active + reactive * reactive
    if rounding == "half_up":
        return (isqrt(int(40_000 * active * active // square)) + 1) // 2
    below = isqrt(int(10_000 * active * active // square))
    if rounding == "down" or below * below * square == 10_000 * active * active:
        return below
    return below + 1


def factor_percent(shape: PowerFactor, hundredths: int) -> int:
    """The percentage (10⁻⁸) for a power factor."""
    if shape.method == "table":
        fitting = [row for row in shape.table if row.from_e2 <= hundredths]
        return max(fitting, key=lambda row: row.from_e2).percent_e8 if fitting else 0
    if hundredths < shape.standard_e2:
        return _stepped(shape.below, shape.standard_e2, hundredths)
    return _stepped(shape.above, shape.standard_e2, hundredths)


def _stepped(steps: tuple[FactorStep, ...], standard: int, factor: int) -> int:
    """The sum of the percentages of each 0.01 between the standard and the factor."""
    total, at, sign = 0, standard, 1 if factor > standard else -1
    for step in steps:
        end = factor if step.to_e2 is None else step.to_e2
        end = min(end, factor) if sign > 0 else max(end, factor)
        total += step.percent_e8 * max(0, sign * (end - at))
        at = end
    return total


def minimum(shape: Minimum, scale: int) -> Derived:
    """What the base lacks to the least amount."""
    rounder, rate_of = ROUNDERS[shape.rounding], rate(shape.rate_e8, shape.bands)

    def derive(frame: Frame, base: Amount) -> Answer:
        rate_e8 = rate_of(frame)
        times = frame.whole(shape.quantity) * frame.periods_of(shape.per)
        lacks = Fraction(rate_e8 * times * scale, E8 * MILLI) - base
        if lacks <= 0:
            return 0, rate_e8, times
        return rounder(lacks.numerator, lacks.denominator), rate_e8, times

    return derive


def rebate(shape: Rebate, scale: int) -> Derived:
    """An amount off, never more than the base."""
    rounder = ROUNDERS[shape.rounding]

    def derive(frame: Frame, base: Amount) -> Answer:
        times = frame.whole(shape.quantity)
        if shape.per is not None:
            times *= frame.periods_of(shape.per)
        if shape.up_to_milli is not None:
            times = min(times, shape.up_to_milli)
        off = rounder(shape.rate_e8 * times * scale, E8 * MILLI)  # type: ignore[arg-type]
        return -max(0, min(off, floor(base))), shape.rate_e8, times

    return derive
