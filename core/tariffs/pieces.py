"""What the units of a period cost, as a function of their number: straight pieces.

A piece holds from its start (not included) to the next start (included): ``right`` is the cost
just after the start, ``slope`` the cost of one more milli-unit. Where a piece does not begin where
the one before it ends, the cost jumps: there another block's price holds for all units, or a
package begins. Everything is in 10⁻⁸ major units per 1000 milli-units, exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction

import msgspec

from core.tariffs.bills import Amount
from core.tariffs.metered import part_of
from core.tariffs.shapes import E8, Block, Levy, Metered, Part
from core.tariffs.structures import Price, price_of

#: Of one month: nobody buys more, and what lies beyond is an overflow.
MOST_PACKAGES = 2_000


class Piece(msgspec.Struct, frozen=True, gc=False):
    """See the module."""

    start: Amount
    right: Amount
    slope: Amount


class Curve(msgspec.Struct, frozen=True):
    """The cost of a component: its pieces, and the cost at exactly a number of units."""

    pieces: tuple[Piece, ...]
    shape: Metered | Levy
    price: Price | None = None

    def right_of(self, units: Amount) -> Amount:
        """The cost just above a number of units."""
        piece = self.piece(units)
        return piece.right + piece.slope * (units - piece.start)

    def piece(self, units: Amount) -> Piece:
        """The piece just above a number of units."""
        return self.pieces[bisect_right(self.pieces, units, key=lambda p: p.start) - 1]

    def at(self, units: Amount) -> Amount:
        """The cost of exactly so many units."""
        part = part_of(self.shape.part)
        inside = units if part is None else part(units, 1)
        if isinstance(self.shape, Levy):
            return self.shape.rate_e8 * inside
        assert self.price is not None
        return sum((rate * count for rate, count, _ in self.price(0, inside, 1)), 0)


def curve_of(shape: Metered | Levy) -> Curve:
    """The curve of a component that is sold by token."""
    if isinstance(shape, Levy):
        pieces: Iterable[Piece] = [Piece(0, 0, shape.rate_e8)]
    elif shape.structure == "graduated":
        pieces = _graduated(shape.blocks)
    elif shape.structure == "volume":
        pieces = _volume(shape.blocks)
    elif shape.structure == "schedule_by_total":
        pieces = _by_total(shape)
    else:
        pieces = _packages(shape.blocks[0].rate_e8, shape.size_milli)
    price = None
    if isinstance(shape, Metered):
        price = price_of(shape, shape.blocks, shape.schedules)
    return Curve(tuple(_of_part(list(pieces), shape.part)), shape, price)


def _graduated(blocks: Sequence[Block]) -> list[Piece]:
    pieces, start, cost = [], 0, 0
    for block in blocks:
        pieces.append(Piece(start, cost, block.rate_e8))
        if block.up_to_milli is not None:
            cost += block.rate_e8 * (block.up_to_milli - start)
            start = block.up_to_milli
    return pieces


def _volume(blocks: Sequence[Block]) -> list[Piece]:
    starts = [0, *(b.up_to_milli for b in blocks if b.up_to_milli is not None)]
    pairs = zip(starts, blocks, strict=True)
    return [Piece(start, block.rate_e8 * start, block.rate_e8) for start, block in pairs]


def _by_total(shape: Metered) -> list[Piece]:
    pieces: list[Piece] = []
    low = 0
    for schedule in shape.schedules:
        own = _graduated(schedule.blocks)
        high = schedule.total_up_to_milli
        first = max((p for p in own if p.start <= low), key=lambda p: p.start)
        pieces.append(Piece(low, first.right + first.slope * (low - first.start), first.slope))
        pieces += [p for p in own if p.start > low and (high is None or p.start < high)]
        low = high or low
    return pieces


def _packages(rate_e8: int, size: int) -> list[Piece]:
    return [Piece(n * size, (n + 1) * rate_e8 * 1000, 0) for n in range(MOST_PACKAGES)]


def _of_part(pieces: list[Piece], part: Part | None) -> list[Piece]:
    """The pieces over all units, where only a part of them is priced."""
    if part is None:
        return pieces
    if part.share_e8 is not None:
        share = Fraction(part.share_e8, E8)
        return [Piece(p.start / share, p.right, p.slope * share) for p in pieces]
    if part.first_milli is not None:
        end = part.first_milli
        kept = [p for p in pieces if p.start < end]
        return [*kept, Piece(end, kept[-1].right + kept[-1].slope * (end - kept[-1].start), 0)]
    shift = part.beyond_milli or 0
    free = [Piece(0, 0, 0)] if shift else []
    return free + [Piece(p.start + shift, p.right, p.slope) for p in pieces]


def total_of(curves: Sequence[tuple[Curve, Fraction]]) -> list[tuple[Piece, Amount]]:
    """The weighted sum of curves: its pieces, each with the cost at exactly its start."""
    starts = sorted({piece.start for curve, _ in curves for piece in curve.pieces})
    found: list[tuple[Piece, Amount]] = []
    for start in starts:
        right = sum((curve.right_of(start) * weight for curve, weight in curves), Fraction(0))
        slope = sum((curve.piece(start).slope * weight for curve, weight in curves), Fraction(0))
        at = sum((curve.at(start) * weight for curve, weight in curves), Fraction(0))
        found.append((Piece(start, right, slope), at))
    return found
