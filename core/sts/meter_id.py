"""Meter identification: DRN (the number on the meter), IIN and meter PAN, with their Luhn digits.

IEC 62055-41, clause 6.1; facts topic "identification of a meter".
"""

from dataclasses import dataclass

from core.sts.errors import (
    DrnCharacterError,
    DrnCheckDigitError,
    DrnLengthError,
    PanCheckDigitError,
    PanFormError,
)

IIN_SHORT = "600727"  # 11-digit DRN: two-digit manufacturer code
IIN_LONG = "0000"  # 13-digit DRN: four-digit manufacturer code
PAN_LENGTH = 18
DRN_LENGTHS = (11, 13)

# What a digit adds to the Luhn sum: itself, or the digit sum of its double. As translations of
# ASCII, since a decoder key is never made without checking the PAN, and that should cost nothing.
_DIGITS = b"0123456789"
_SINGLE = bytes.maketrans(_DIGITS, bytes(range(10)))
_DOUBLED = bytes.maketrans(_DIGITS, bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))


@dataclass(frozen=True, slots=True)
class MeterId:
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
    text = digits.encode("ascii")
    return -(sum(text[-1::-2].translate(_DOUBLED)) + sum(text[-2::-2].translate(_SINGLE))) % 10


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is the Luhn digit of those in front of it; False for other text."""
    if len(digits) < 2 or not _all_digits(digits):
        return False
    return luhn_digit(digits[:-1]) == int(digits[-1])


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
    if len(pan) != PAN_LENGTH or not _all_digits(pan):
        raise PanFormError("A meter PAN has 18 digits.", where="pan", evidence=pan)
    if not luhn_valid(pan):
        raise PanCheckDigitError(
            "The last digit of the meter PAN does not fit the others.", where="pan", evidence=pan
        )
    for iin in (IIN_SHORT, IIN_LONG):
        if pan.startswith(iin):
            drn = pan[len(iin) : -1]
            _check_drn(drn)
            return MeterId(drn, pan)
    raise PanFormError(
        f"A meter PAN begins with {IIN_SHORT} or {IIN_LONG}.", where="pan", evidence=pan
    )
