"""Which amounts of units a token can carry.

IEC 62055-41, transfer amount of class 0: 16 bits are an exponent e (2 bits) and a mantissa m
(14 bits); the value in tenths of a unit is ``m * 10^e`` plus ``16384 * 10^n`` for every n < e.
So up to 1638.3 every tenth can be sold, then steps of 1, 10 and 100 units.
"""

from __future__ import annotations

_BANDS = ((0, 1), (16384, 10), (180224, 100), (1818624, 1000))  # (first value, step) in tenths
STS_LARGEST = 18201624  # tenths: e = 3, m = 16383
_MANTISSA = 16383


def sts_encodable(tenths: int) -> int:
    """The largest encodable value not above ``tenths``: 16391 → 16384, 180223 → 180214."""
    if tenths < 16384:
        return max(tenths, 0)
    for first, step in reversed(_BANDS):
        if tenths >= first:
            return first + step * min((tenths - first) // step, _MANTISSA)
    return 0


def tenths_encodable(tenths: int) -> int:
    """Every tenth can be said: meters whose credit is sent over the air, and currency meters."""
    return max(tenths, 0)


def coins_encodable(tenths: int) -> int:
    """Whole units only: smallest coins, of what is to go into tokens that carry money.

    A sale then charges what a token can carry of it (``core.sts.amounts.coins_floor``).
    """
    return max(tenths, 0) // 10 * 10
