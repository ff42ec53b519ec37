"""Two readings of a register → what went through it."""

from __future__ import annotations

from fractions import Fraction

from core.tariffs.errors import BillError


def consumption(
    previous: Fraction, current: Fraction, digits: int, most: Fraction | None = None
) -> Fraction:
    """The register's advance, in its own units.

    A register that shows less than before has passed its end (``digits`` before the point) or was
    misread: it counts as passed only if the advance is then not above ``most``, the plausible one.
    BillError otherwise, and for an advance above ``most`` in any case.
    """
    end = Fraction(10**digits)
    if not (0 <= previous < end and 0 <= current < end):
        raise BillError(f"a register of {digits} digits does not show {previous} or {current}")
    advance = current - previous if current >= previous else current - previous + end
    if current < previous and most is None:
        raise BillError(
            f"the register went back from {previous} to {current}: state the most that is plausible"
        )
    if most is not None and advance > most:
        raise BillError(f"an advance of {advance} is more than the plausible {most}: read again")
    return advance
