"""Meter identification: DRN (the number on the meter), IIN and meter PAN, with their Luhn digits.

IEC 62055-41, clause 6.1; facts topic "identification of a meter".
"""

from functools import lru_cache
from typing import NoReturn

import msgspec

from core.sts.errors import (
    DrnCharacterError,
    DrnCheckDigitError,
    DrnLengthError,
    PanCheckDigitError,
    PanFormError,
    StsError,
)

IIN_SHORT = "600727"  # 11-digit DRN: two-digit manufacturer code
IIN_LONG = "0000"  # 13-digit DRN: four-digit manufacturer code
PAN_LENGTH = 18
DRN_LENGTHS = (11, 13)

# One sale asks three times about one number: for its check digit, its PAN, its decoder key. Some
# 400 bytes a meter: 4 MB at most.
_REMEMBERED = 10_000

# What two digits, packed into a byte, add to the Luhn sum: the digit sum of the double of the first
# one, and the second. A decoder key is never made without checking the PAN, so it must cost little.
_LUHN = bytes(2 * (pair >> 4) - 9 * (pair >> 4 > 4) + (pair & 15) for pair in range(256))


class MeterId(msgspec.Struct, frozen=True, gc=False):
    """A meter whose check digits were proved: `drn` of 11 or 13 digits, `pan` of 18."""

    drn: str
    pan: str

    @property
    def iin(self) -> str:
        """`600727` in front of an 11-digit DRN, `0000` in front of a 13-digit one."""
        return self.pan[: PAN_LENGTH - 1 - len(self.drn)]

    @property
    def mfr_code(self) -> int:
        """The manufacturer's code: the first 2 digits of a short DRN, 4 of a long one."""
        return int(self.drn[: len(self.drn) - 9])


def _all_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def luhn_digit(digits: str) -> int:
    """The check digit that brings the Luhn sum of `digits` + itself to a multiple of 10."""
    return -_luhn_sum(digits + "0") % 10


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is the Luhn digit of those in front of it; False for other text."""
    return len(digits) >= 2 and _all_digits(digits) and _luhn_sum(digits) % 10 == 0


def _luhn_sum(digits: str) -> int:
    packed = bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)
    return sum(packed.translate(_LUHN))


@lru_cache(_REMEMBERED)
def parse_drn(drn: str) -> MeterId:
    """The meter with this number; `drn` without blanks.

    Errors: DrnCharacterError, DrnLengthError, DrnCheckDigitError.
    """
    _check_drn(drn)
    return MeterId(drn, _pan_of(drn))


def _check_drn(drn: str) -> None:
    if not _all_digits(drn):
        raise DrnCharacterError("A meter number has digits only.", where="drn", evidence=drn)
    if len(drn) not in DRN_LENGTHS:
        raise DrnLengthError(
            f"A meter number has 11 or 13 digits; this one has {len(drn)}.",
            where="drn",
            evidence=drn,
        )
    if not luhn_valid(drn):
        raise DrnCheckDigitError(
            "The last digit of the meter number does not fit the others: compare it with the "
            "number on the meter.",
            where="drn",
            evidence=drn,
        )


def _pan_of(drn: str) -> str:
    head = (IIN_SHORT if len(drn) == 11 else IIN_LONG) + drn
    return head + str(luhn_digit(head))


def meter_pan(drn: str) -> str:
    """The 18-digit meter PAN: IIN, DRN and one more Luhn digit. Errors as `parse_drn`."""
    return parse_drn(drn).pan


def parse_pan(pan: str) -> MeterId:
    """The meter with this 18-digit PAN.

    Errors: PanFormError (length, digits, IIN), PanCheckDigitError, and those of `parse_drn` for the
    number inside.
    """
    meter = _inside(pan)
    if meter is None or meter.pan != pan:
        _refuse_pan(pan)
    return meter


def _inside(pan: str) -> MeterId | None:
    """The meter whose number stands where a PAN has it, if there is one."""
    try:
        return parse_drn(pan[_iin_length(pan) : -1])
    except StsError:
        return None


def _iin_length(pan: str) -> int:
    return len(IIN_SHORT if pan.startswith(IIN_SHORT) else IIN_LONG)


def _refuse_pan(pan: str) -> NoReturn:
    """Why a text is not the PAN of the number inside it."""
    if len(pan) != PAN_LENGTH or not _all_digits(pan):
        raise PanFormError("A meter PAN has 18 digits.", where="pan", evidence=pan)
    if not luhn_valid(pan):
        raise PanCheckDigitError(
            "The last digit of the meter PAN does not fit the others.", where="pan", evidence=pan
        )
    if pan.startswith((IIN_SHORT, IIN_LONG)):
        _check_drn(pan[_iin_length(pan) : -1])
    raise PanFormError(
        f"A meter PAN begins with {IIN_SHORT} or {IIN_LONG}.", where="pan", evidence=pan
    )
