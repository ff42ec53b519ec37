"""Phone numbers in one form, made once at the edge: E.164 with its plus sign (ITU-T E.164)."""

import re
from typing import Final

#: Shorter numbers are short codes of a network; longer ones are no phones (E.164, clause 6).
_SHORTEST: Final = 8
_LONGEST: Final = 15
#: A national number without its trunk prefix has at most this many digits where a country code
#: still has to be put in front.
_NATIONAL: Final = 10
_TON_INTERNATIONAL: Final = 1
_TON_NATIONAL: Final = 2
_TON_NAME: Final = 5


def e164(written: str, country_code: str, ton: int = 0) -> str:
    """``+256772123456`` for a phone however a network writes it; empty: it is no phone.

    ``country_code`` is the company's (``256``); ``ton`` the type of number of SMPP or SS7, where
    known. Names and short codes are no phones: nobody answers them.
    """
    digits = re.sub(r"[\s().-]", "", written)
    plus = digits.startswith("+")
    digits = digits.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or ton == _TON_NAME:
        return ""
    code = country_code.lstrip("+")
    if not plus and digits.startswith("00"):
        digits = digits[2:]
    elif not plus and ton != _TON_INTERNATIONAL:
        digits = _national(digits, code, ton)
    return f"+{digits}" if _SHORTEST <= len(digits) <= _LONGEST and digits[0] != "0" else ""


def _national(digits: str, code: str, ton: int) -> str:
    """With its country code, which a network may leave out for its own subscribers."""
    if digits.startswith("0"):
        return code + digits.lstrip("0") if code else digits
    inside = _SHORTEST <= len(digits) <= _NATIONAL
    if code and inside and (ton == _TON_NATIONAL or not digits.startswith(code)):
        return code + digits
    return digits
