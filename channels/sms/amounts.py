"""Amounts as people type them: what a written number can mean, never a guess.

``20000``, ``20,000``, ``20 000``, ``20.000``, ``20'000``, ``15.50``, ``15,5``. A text that can be
read in two ways has two readings here; the caller asks.
"""

import re
from typing import Final

#: More digits than any purchase has; 11 and more are meter numbers.
MAX_WHOLE_DIGITS: Final = 10
_SEPARATORS: Final = " ,.'’"
_FORM: Final = re.compile(
    rf"(?P<whole>[0-9][0-9{_SEPARATORS}]*?)(?:(?P<mark>[.,])(?P<part>[0-9]+))?"
)


def readings(text: str, exponent: int, decimal_mark: str = ".") -> frozenset[int]:
    """The minor units that a written number can mean; empty: it is no amount.

    One separator before three digits is a thousands separator; but where the currency has
    decimals and the separator is its own decimal mark, ``1.500`` is also one and a half.
    """
    found: set[int] = set()
    whole = _whole(text)
    if whole is not None:
        found.add(whole * 10**exponent)
    matched = _FORM.fullmatch(text)
    if matched and matched["mark"]:
        left, part = _whole(matched["whole"]), matched["part"]
        mixed = matched["mark"] in matched["whole"]
        minor = _fraction(part, exponent)
        own, three = matched["mark"] == decimal_mark, len(part) == 3
        # No decimals: 20.00 is twenty, 20,00 may want a nought, 20.000 is thousands.
        # Decimals: 15,50 can only be a fraction.
        possible = (own and not three) if exponent == 0 else (own or not three)
        if left is not None and not mixed and minor is not None and possible:
            found.add(left * 10**exponent + minor)
    return frozenset(found)


def multiplied(text: str, factor: int, exponent: int) -> frozenset[int]:
    """The readings of ``20``, ``1.5`` before a multiplier such as K; three digits after the mark
    (``1.500 K``) could be either and are no amount."""
    matched = re.fullmatch(r"([0-9]{1,7})(?:[.,]([0-9]{1,2}))?", text)
    if not matched or (matched[1].startswith("0") and len(matched[1]) > 1):
        return frozenset()
    part = matched[2] or ""
    scaled = int(matched[1] + part) * factor * 10**exponent
    value, rest = divmod(scaled, 10 ** len(part))
    return frozenset() if rest else frozenset({value})


def _whole(text: str) -> int | None:
    """A whole number, plain or in groups of three by one kind of separator."""
    if text.isdecimal():
        plain = text
    else:
        marks = set(text) & set(_SEPARATORS)
        if len(marks) != 1:
            return None
        first, *groups = text.split(marks.pop())
        if not 1 <= len(first) <= 3 or any(len(group) != 3 for group in groups):
            return None
        plain = "".join((first, *groups))
    if len(plain) > MAX_WHOLE_DIGITS or (plain[0] == "0" and len(plain) > 1):
        return None
    return int(plain)


def _fraction(part: str, exponent: int) -> int | None:
    """Minor units of the digits after the mark; None when the currency has no such fraction."""
    kept, rest = part[:exponent], part[exponent:]
    if rest.strip("0") or len(part) > max(exponent, 3):
        return None
    return int(kept.ljust(exponent, "0") or "0")
