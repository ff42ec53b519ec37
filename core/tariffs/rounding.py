"""The three roundings that a line can declare; each takes a numerator and a denominator > 0."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.money import half_up
from core.tariffs.shapes import Rounding

Rounder = Callable[[int, int], int]


def up(numerator: int, denominator: int) -> int:
    """Towards plus infinity."""
    return -(-numerator // denominator)


def down(numerator: int, denominator: int) -> int:
    """Towards minus infinity."""
    return numerator // denominator


ROUNDERS: Mapping[Rounding, Rounder] = {"half_up": half_up, "up": up, "down": down}
