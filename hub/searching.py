"""What an operator typed into ``find``: a phone, a meter, a receipt, a token, an account, an id.

What can be several things is taken for all of them: each look-up is one step in an index, and the
one that finds nothing costs nothing.
"""

import re
from dataclasses import dataclass
from typing import Final

from core.sts.errors import StsError
from core.sts.meter_id import parse_drn
from hub.msisdn import e164

TOKEN, METER, PHONE, RECEIPT, ACCOUNT, MESSAGE = (
    "token", "meter", "phone", "receipt", "account", "message",
)  # fmt: skip

_SEPARATORS: Final = re.compile(r"[\s().\u2010-\u2015-]+")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOKEN_DIGITS: Final = 20
_DRN_DIGITS: Final = (11, 13)
#: Fewer digits than this are no phone but an account, a receipt or a short code.
_PHONE_DIGITS: Final = 9
#: Longer input is not something that anybody reads off a slip.
MAX_TYPED: Final = 64


@dataclass(frozen=True, slots=True)
class Guess:
    """One thing that the typed text may be; ``doubt`` says what speaks against it."""

    kind: str
    value: str
    doubt: str = ""


def recognise(typed: str, country_code: str) -> tuple[Guess, ...]:
    """Everything that the text may be, the likeliest first; empty: it can be nothing of ours."""
    text = typed.strip()
    if not text or len(text) > MAX_TYPED:
        return ()
    if _UUID.fullmatch(text.lower()):
        return (Guess(MESSAGE, text.lower()),)
    compact = _SEPARATORS.sub("", text)
    if not compact.removeprefix("+").isascii() or not compact.removeprefix("+").isdigit():
        return (Guess(RECEIPT, text), Guess(ACCOUNT, text))
    if len(compact) == _TOKEN_DIGITS:
        return (Guess(TOKEN, compact),)
    return (*_meter(compact), *_phone(compact, country_code), *_number(compact, text))


def _meter(compact: str) -> tuple[Guess, ...]:
    if len(compact) not in _DRN_DIGITS or compact.startswith("+"):
        return ()
    try:
        parse_drn(compact)
    except StsError:
        return (Guess(METER, compact, "its check digit does not fit"),)
    return (Guess(METER, compact),)


def _phone(compact: str, country_code: str) -> tuple[Guess, ...]:
    if len(compact.removeprefix("+")) < _PHONE_DIGITS:
        return ()
    number = e164(compact, country_code)
    return (Guess(PHONE, number),) if number else ()


def _number(compact: str, text: str) -> tuple[Guess, ...]:
    """An account or a receipt of digits; written with its separators, or without."""
    if compact.startswith("+"):
        return ()
    spellings = dict.fromkeys((compact, text))
    return tuple(Guess(kind, each) for kind in (ACCOUNT, RECEIPT) for each in spellings)
