"""Integers as the decimals that people write: for cases, JSON and comparison."""

from decimal import Decimal
from fractions import Fraction

from core.calendars import first_day
from core.money import half_up


def decimal_text(value: int | Fraction, places: int) -> str:
    """``(1250, 2)`` → ``12.50``; what is finer is rounded, halves away from zero."""
    if not isinstance(value, int):
        value = half_up(value.numerator, value.denominator)
    return f"{Decimal(value).scaleb(-places):f}"


def month_text(period: int | None) -> str:
    """``202602`` → ``2026-02``; empty for none."""
    return "" if period is None else str(first_day(period))[:7]


def rounded_text(exact: Fraction, like: str) -> str:
    """An exact number to as many decimals as ``like`` has, halves away from zero."""
    places = len(like.partition(".")[2])
    scaled = abs(exact) * 10**places
    nearest = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return decimal_text(nearest if exact >= 0 else -nearest, places)


def milli(value: Decimal) -> int | Fraction:
    """Milli-units; a fraction of one where more decimals are written than a register has."""
    exact = Fraction(value) * 1000
    return exact.numerator if exact.denominator == 1 else exact
