"""What a customer types into a prompt: the closed list of kinds, each a plain function.

A value is canonical text (a meter number without blanks, an amount in minor units); a
:class:`Wrong` names the text that says what was expected.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

#: 10^12 minor units is beyond every limit of a sale; longer input is a meter number or a token.
MAX_AMOUNT_DIGITS: Final = 12
#: A hundred thousand units: more than a household uses in years.
MAX_TENTHS: Final = 1_000_000
_GROUPED: Final = re.compile(r"[0-9]+|[0-9]{1,3}([, ][0-9]{3})+")
#: In the place of a PIN that would be guessed first.
WEAK: Final = "weak"
_PROOF: Final = re.compile(r"[0-9a-f]{64}")
_ASCII_DIGITS: Final = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Wrong:
    """The input is not what was asked for; ``text`` is the key of the sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class Form:
    """What a prompt accepts: the length of digits, the exponent of the currency."""

    shortest: int
    longest: int
    exponent: int


def _digits(text: str, form: Form) -> str | Wrong:
    fits = form.shortest <= len(text) <= form.longest and _ASCII_DIGITS.fullmatch(text)
    return text if fits else Wrong("wrong.digits")


def _meter(text: str, form: Form) -> str | Wrong:  # noqa: ARG001 - one signature
    """A DRN of IEC 62055-31: 11 or 13 digits, the last one Luhn's over the others."""
    digits = text.replace(" ", "").replace("-", "")
    if not _ASCII_DIGITS.fullmatch(digits) or len(digits) not in (11, 13):
        return Wrong("wrong.meter")
    return digits if _luhn_sum(digits) % 10 == 0 else Wrong("wrong.check-digit")


def _luhn_sum(digits: str) -> int:
    doubled = (2 * int(digit) for digit in digits[-2::-2])
    return sum(map(int, digits[-1::-2])) + sum(value - 9 * (value > 9) for value in doubled)


def _amount(text: str, form: Form) -> str | Wrong:
    """Minor units. A phone's keypad has no comma: groups are taken where they are groups only.

    What can be read in two ways (``20.000`` of a currency without decimals) is asked again.
    """
    whole, point, part = text.partition(".")
    if not _GROUPED.fullmatch(whole) or len(part) > form.exponent:
        return Wrong("wrong.amount")
    if point and not _ASCII_DIGITS.fullmatch(part):
        return Wrong("wrong.amount")
    minor = re.sub(r"[, ]", "", whole) + part.ljust(form.exponent, "0")
    if len(minor) > MAX_AMOUNT_DIGITS or not int(minor):
        return Wrong("wrong.amount")
    return str(int(minor))


def _units(text: str, form: Form) -> str | Wrong:
    """Tenths of the meter's unit: whole units, or with one decimal."""
    whole = _amount(text.replace(",", "."), replace(form, exponent=1))
    if isinstance(whole, Wrong) or int(whole) > MAX_TENTHS:
        return Wrong("wrong.units")
    return whole


def _name(text: str, form: Form) -> str | Wrong:
    """What somebody calls his meter: some letters on one line."""
    name = " ".join(text.split())
    fits = 1 <= len(name) <= form.longest and name.isprintable()
    return name if fits else Wrong("wrong.name")


def _receipt(text: str, form: Form) -> str | Wrong:
    """A provider's number of a payment: letters and digits, in capitals as they print them."""
    code = text.replace(" ", "").upper()
    fits = form.shortest <= len(code) <= form.longest and code.isascii() and code.isalnum()
    return code if fits else Wrong("wrong.receipt")


def _pin(text: str, form: Form) -> str | Wrong:  # noqa: ARG001 - one signature
    """A PIN as ``pins.Pins`` hands it on: its proof, or that it cannot be one."""
    if text == WEAK:
        return Wrong("wrong.weak-pin")
    return text if _PROOF.fullmatch(text) else Wrong("wrong.pin")


KINDS: Final[Mapping[str, Callable[[str, Form], str | Wrong]]] = {
    "digits": _digits,
    "meter": _meter,
    "amount": _amount,
    "units": _units,
    "name": _name,
    "receipt": _receipt,
    "pin": _pin,
}
