"""The two amount codings of a token: 16 bits for units, 20 bits for currency.

Both cut the number line into ranges: with exponent e and mantissa m of 14 bits the value is
m * 10^e plus the start of range e, 16384 * (10^0 + … + 10^(e-1)). Units are tenths (0.1 kWh,
0.1 m3, 0.1 min; whole watts in power limits), currency is 10^-5 of the base currency.
IEC 62055-41, clause 6.3.6; facts topic "amounts".
"""

from typing import NamedTuple

from core.sts.errors import AmountNegativeError, AmountOverflowError, FieldRangeError

_MANTISSAS = 1 << 14
_UNIT_EXPONENTS = 4
_CURRENCY_EXPONENTS = 32
_POWERS: tuple[int, ...] = tuple(10**n for n in range(_CURRENCY_EXPONENTS))


def _starts(count: int) -> tuple[int, ...]:
    starts = [0]
    for exponent in range(count - 1):
        starts.append(starts[-1] + _MANTISSAS * _POWERS[exponent])
    return tuple(starts)


_STARTS = _starts(_CURRENCY_EXPONENTS)

UNITS_MAX = _STARTS[3] + (_MANTISSAS - 1) * 1000  # 18,201,624 tenths
CURRENCY_MAX = _STARTS[31] + (_MANTISSAS - 1) * _POWERS[31]


class CurrencyField(NamedTuple):
    """`s_and_e`: sign and the top 3 bits of the exponent (4 bits, in the place of the RND nibble);
    `field`: the low 2 bits of the exponent and the mantissa (16 bits)."""

    s_and_e: int
    field: int


def _ceil(value: int, exponents: int) -> tuple[int, int] | None:
    """Exponent and mantissa of the smallest encodable value not below `value`."""
    for exponent in range(exponents):
        mantissa = -((_STARTS[exponent] - value) // _POWERS[exponent])
        if mantissa < _MANTISSAS:
            return exponent, max(mantissa, 0)
    return None


def _floor(value: int, exponents: int) -> tuple[int, int]:
    """Exponent and mantissa of the largest encodable value not above `value` (>= 0)."""
    exponent = exponents - 1
    while _STARTS[exponent] > value:
        exponent -= 1
    mantissa = (value - _STARTS[exponent]) // _POWERS[exponent]
    return exponent, min(mantissa, _MANTISSAS - 1)


def _check_units(tenths: int) -> None:
    if tenths < 0:
        raise AmountNegativeError(
            "A unit token cannot carry less than nothing.", where="units", evidence=str(tenths)
        )
    if tenths > UNITS_MAX:
        raise AmountOverflowError(
            f"One token carries at most {UNITS_MAX:,} tenths.", where="units", evidence=str(tenths)
        )


def encode_units(tenths: int) -> int:
    """The 16-bit field for an amount from outside, rounded up as the standard demands.

    Errors: AmountNegativeError, AmountOverflowError (above 18,201,624).
    """
    _check_units(tenths)
    coded = _ceil(tenths, _UNIT_EXPONENTS)
    assert coded is not None
    return coded[0] << 14 | coded[1]


def decode_units(field: int) -> int:
    """Tenths carried by a 16-bit field. Error: FieldRangeError."""
    if not 0 <= field <= 0xFFFF:
        raise FieldRangeError("An amount field has 16 bits.", where="amount", evidence=str(field))
    exponent, mantissa = field >> 14, field & 0x3FFF
    return _STARTS[exponent] + mantissa * _POWERS[exponent]


def encodable_floor(tenths: int) -> int:
    """The largest amount not above `tenths` that a token can carry exactly (what a sale sells).

    Above 18,201,624 that is 18,201,624. Error: AmountNegativeError.
    """
    _check_units(min(tenths, UNITS_MAX))
    exponent, mantissa = _floor(tenths, _UNIT_EXPONENTS)
    return _STARTS[exponent] + mantissa * _POWERS[exponent]


def encodable_ceil(tenths: int) -> int:
    """The smallest amount not below `tenths` that a token can carry. Errors as `encode_units`."""
    return decode_units(encode_units(tenths))


def encode_currency(amount_1e5: int) -> CurrencyField:
    """The two fields of a currency amount (10^-5 of the base currency), rounded toward plus
    infinity: positive amounts up, negative ones toward zero, always in the customer's favour.

    Error: AmountOverflowError.
    """
    coded = (
        _ceil(amount_1e5, _CURRENCY_EXPONENTS)
        if amount_1e5 >= 0
        else _floor(-amount_1e5, _CURRENCY_EXPONENTS)
    )
    if coded is None or -amount_1e5 > CURRENCY_MAX:
        raise AmountOverflowError(
            "The amount is beyond what a currency token can carry.",
            where="amount_1e5",
            evidence=str(amount_1e5),
        )
    exponent, mantissa = coded
    negative = amount_1e5 < 0 and (exponent, mantissa) != (0, 0)
    return CurrencyField(negative << 3 | exponent >> 2, (exponent & 3) << 14 | mantissa)


def coin_1e5(exponent: int) -> int:
    """A smallest coin in 10^-5 of its currency, which has 0 to 5 decimals (``exponent``)."""
    return int(10 ** (5 - exponent))


def currency_floor(amount_1e5: int) -> int:
    """The largest amount not above this one (10^-5 of the currency) that a token carries exactly.

    Error: AmountNegativeError.
    """
    if amount_1e5 < 0:
        raise AmountNegativeError(
            "A sale puts no debt on a token.", where="amount_1e5", evidence=str(amount_1e5)
        )
    exponent, mantissa = _floor(amount_1e5, _CURRENCY_EXPONENTS)
    return _STARTS[exponent] + mantissa * _POWERS[exponent]


def coins_floor(tenths: int, exponent: int) -> int:
    """The largest whole number of smallest coins, not above ``tenths``, that a sale may charge for
    a token: what the token carries (``currency_floor``) is never above it, and less than a coin
    below it. In tenths of a coin, as a sale counts units."""
    coin = coin_1e5(exponent)
    carried = currency_floor(max(tenths, 0) // 10 * coin)
    return -(-carried // coin) * 10


def decode_currency(s_and_e: int, field: int) -> int:
    """The amount in 10^-5 of the base currency. Error: FieldRangeError."""
    if not (0 <= s_and_e <= 0xF and 0 <= field <= 0xFFFF):
        raise FieldRangeError(
            "A currency amount has 4 and 16 bits.", where="amount", evidence=f"{s_and_e} {field}"
        )
    exponent = (s_and_e & 7) << 2 | field >> 14
    value = _STARTS[exponent] + (field & 0x3FFF) * _POWERS[exponent]
    return -value if s_and_e & 8 else value
