"""Amounts between the wire and minor units.

Many switches send two decimals whatever DE49 says: the dialect's exponent rules the wire, the
currency's rules the books. What would be rounded is refused, for it would be somebody's money.
"""

from adapters.iso8583.errors import DecodeError, EncodeError

#: A 64-bit integer of minor units, as the books keep it.
_MOST: int = 2**63 - 1


def from_wire(digits: str, wire: int | None, currency: int, path: str = "4") -> int:
    """Minor units of the currency. Exponents: numbers of decimals; ``wire`` None: as the currency.

    DecodeError: a part smaller than the currency has.
    """
    amount = int(digits)
    shift = currency - (currency if wire is None else wire)
    if shift >= 0:
        amount *= int(10**shift)
    else:
        amount, rest = divmod(amount, int(10**-shift))
        if rest:
            raise DecodeError("a part smaller than the currency has", path, 0)
    if amount > _MOST:
        raise DecodeError("more than the books can hold", path, 0)
    return amount


def to_wire(minor: int, wire: int | None, currency: int, size: int = 12, path: str = "4") -> str:
    """The digits of an amount. EncodeError: negative, too large, or it would be rounded."""
    shift = (currency if wire is None else wire) - currency
    amount, rest = (minor * int(10**shift), 0) if shift >= 0 else divmod(minor, int(10**-shift))
    if minor < 0 or rest or len(str(amount)) > size:
        raise EncodeError(f"it does not stand in {size} digits of {wire} decimals", path)
    return f"{amount:0{size}d}"
