"""Money: integer minor units, exact rounding, fair division, amounts as people write them.

An amount is an ``int`` of minor units (cents; for UGX the shilling itself). Nothing here is a
float: a rate that must be rounded is given as a numerator and a denominator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType


class MoneyError(ValueError):
    """An amount, a currency or a division that cannot be what was meant."""


@dataclass(frozen=True, slots=True)
class Currency:
    """``code`` is the ISO 4217 code, ``exponent`` the decimals of the minor unit: 0, 2 or 3."""

    code: str
    exponent: int

    @property
    def scale(self) -> int:
        """Minor units in one major unit: 1, 100 or 1000."""
        return int(10**self.exponent)


# ISO 4217 exponents. Only currencies that a tariff or a channel of ours has met: a code that is
# not here is refused, because a wrong exponent is a factor of a hundred.
_BY_EXPONENT = {
    0: "BIF GNF JPY KMF RWF UGX XAF XOF",
    2: "AED AUD BDT BRL BWP CDF CNY EGP ETB EUR GBP GHS GMD IDR INR KES LKR LRD LSL MAD MGA MUR"
    " MWK MYR MZN NAD NGN NPR PHP PKR SLE SZL THB TZS USD ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
}
CURRENCIES: Mapping[str, Currency] = MappingProxyType(
    {code: Currency(code, exp) for exp, codes in _BY_EXPONENT.items() for code in codes.split()}
)


def currency(code: str) -> Currency:
    """The currency of an ISO 4217 code; MoneyError names the code if it is not registered."""
    try:
        return CURRENCIES[code]
    except KeyError:
        known = ", ".join(sorted(CURRENCIES))
        raise MoneyError(f"currency {code!r} is not known; known are {known}") from None


@dataclass(frozen=True, slots=True, order=False)
class Amount:
    """Minor units with their currency code; sums of two currencies are refused."""

    minor: int
    currency: str

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Amount:
        return Amount(-self.minor, self.currency)

    def _same(self, other: Amount) -> int:
        if other.currency != self.currency:
            raise MoneyError(f"{self.currency} and {other.currency} do not add up")
        return other.minor


def half_up(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` to the nearest integer, halves away from zero; exact.

    Away from zero, so that a credit note is the mirror of its receipt: -0.5 gives -1 as 0.5
    gives 1. Python's ``round`` rounds halves to even and would give 0 for both.
    """
    if denominator <= 0:
        raise MoneyError(f"a denominator must be positive, not {denominator}")
    if numerator < 0:
        return -((denominator - 2 * numerator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


def half_down(numerator: int, denominator: int) -> int:
    """As half_up, but a half goes towards minus infinity: what remains when half_up was taken."""
    if denominator <= 0:
        raise MoneyError(f"a denominator must be positive, not {denominator}")
    return -((denominator - 2 * numerator) // (2 * denominator))


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Divide ``total`` minor units by weights so that the shares sum to it (largest remainder).

    Ties go to the lower index, so give the weights in the order of the shares' ids. A negative
    total is divided as its mirror. MoneyError if there is no weight, a negative or only zeros.
    """
    weight_sum = sum(weights)
    if weight_sum <= 0 or min(weights) < 0:
        raise MoneyError("shares need weights that are not negative and not all zero")
    if total < 0:
        return [-share for share in allocate(-total, weights)]
    shares = [total * weight // weight_sum for weight in weights]
    remainders = [total * weight % weight_sum for weight in weights]
    first = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for i in first[: total - sum(shares)]:
        shares[i] += 1
    return shares


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a language writes numbers: data of a mapping, not code.

    ``group`` separates groups of ``group_size`` digits (``""``: no groups), ``also_group`` lists
    other separators that people type; ``multipliers`` are suffixes such as ``k``.
    """

    decimal: str = "."
    group: str = ","
    group_size: int = 3
    also_group: str = " \u00a0\u202f'"
    multipliers: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType({"k": 1000, "K": 1000})
    )


ENGLISH = NumberFormat()
FRENCH = NumberFormat(decimal=",", group="\u202f")
_LONGEST_AMOUNT = 40  # characters; the longest sum of money that people write has far fewer


def format_amount(minor: int, code: str, fmt: NumberFormat = ENGLISH) -> str:
    """``2000000`` KES → ``20,000.00``; ``20000`` UGX → ``20,000``. The currency is not written."""
    exponent = currency(code).exponent
    digits = str(abs(minor)).rjust(exponent + 1, "0")
    whole, fraction = (digits[:-exponent], digits[-exponent:]) if exponent else (digits, "")
    if fmt.group:
        head = len(whole) % fmt.group_size
        groups = [whole[:head]] if head else []
        groups += [whole[i : i + fmt.group_size] for i in range(head, len(whole), fmt.group_size)]
        whole = fmt.group.join(groups)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole}{fmt.decimal}{fraction}" if fraction else sign + whole


def parse_amount(text: str, code: str, fmt: NumberFormat = ENGLISH) -> int:
    """Minor units of an amount as a person types it: ``20,000``, ``UGX 20000``, ``20k``.

    What could mean two things is refused with an example (MoneyError): ``20.000`` shillings,
    groups of the wrong length, more decimals than the currency has. No sign: nobody pays less
    than nothing.
    """
    money = currency(code)
    example = f"write it like {format_amount(20000 * money.scale, code, fmt)}"
    body = _without_code(text.strip(), code)
    if not body or len(body) > _LONGEST_AMOUNT:
        raise MoneyError(f"{text[:_LONGEST_AMOUNT]!r} is not an amount; {example}")
    multiplier = fmt.multipliers.get(body[-1], 1)
    number = body[:-1].rstrip() if body[-1] in fmt.multipliers else body
    whole, separator, fraction = number.partition(fmt.decimal)
    digits = _ungrouped(whole, fmt)
    if digits is None or (separator and not _ascii_digits(fraction)):
        raise MoneyError(f"{text!r} is not an amount; {example}")
    if len(fraction) > money.exponent and not (fraction and multiplier > 1):
        raise MoneyError(f"{text!r} has more decimals than {code}, or means two things; {example}")
    parts = int("1" + "0" * len(fraction))
    minor, rest = divmod(int(digits + fraction) * multiplier * money.scale, parts)
    if rest:
        raise MoneyError(f"{text!r} is not a whole number of the smallest coin; {example}")
    return minor


def _without_code(text: str, code: str) -> str:
    if text[: len(code)].upper() == code:
        return text[len(code) :].strip()
    if text[-len(code) :].upper() == code:
        return text[: -len(code)].strip()
    return text


def _ascii_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _ungrouped(whole: str, fmt: NumberFormat) -> str | None:
    """The digits of a whole part whose groups, if any, are all of the right length; else None."""
    if _ascii_digits(whole):
        return whole
    used = {c for c in whole if c in fmt.group + fmt.also_group}
    if len(used) != 1:
        return None
    first, *groups = whole.split(used.pop())
    well_formed = 1 <= len(first) <= fmt.group_size and all(
        len(group) == fmt.group_size for group in groups
    )
    digits = first + "".join(groups)
    return digits if well_formed and _ascii_digits(digits) else None
