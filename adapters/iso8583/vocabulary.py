"""What the numbers say: message types, response codes, processing and network codes.

Switches differ: a dialect's ``responses`` go over the tables here. Names are ours, and one table
serves the three versions of the standard.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.iso8583.errors import EncodeError

VERSION_DIGIT: Final = {"0": 1987, "1": 1993, "2": 2003}
CLASSES: Final = {
    "1": "authorisation", "2": "financial", "3": "file action", "4": "reversal",
    "5": "reconciliation", "6": "administrative", "7": "fee collection", "8": "network management",
}  # fmt: skip
FUNCTIONS: Final = {
    "0": "request", "1": "response", "2": "advice", "3": "advice response", "4": "notification",
}  # fmt: skip
ORIGINS: Final = {
    "0": "acquirer", "1": "acquirer repeat", "2": "issuer", "3": "issuer repeat", "4": "other",
    "5": "other repeat",
}  # fmt: skip

#: name → (1987, 1993); empty: that version has none, the dialect must say.
#: The outcome that is not known is never a decline: it is `late` or `away`.
RESPONSES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "approved": ("00", "000"),
        "invalid_merchant": ("03", "109"),
        "declined": ("05", "100"),
        "error": ("06", "909"),
        "in_progress": ("09", "923"),
        "invalid_transaction": ("12", "902"),
        "invalid_amount": ("13", "110"),
        "invalid_account": ("14", "111"),
        "no_action": ("21", ""),
        "original_not_found": ("25", "914"),
        "format_error": ("30", "904"),
        "insufficient_float": ("51", "116"),
        "expired": ("54", "101"),
        "not_permitted_to_customer": ("57", "119"),
        "not_permitted_to_terminal": ("58", "120"),
        "over_limit": ("61", "121"),
        "too_often": ("65", "123"),
        "late": ("68", "911"),
        "out_of_balance": ("95", "915"),
        "away": ("91", "912"),
        "no_route": ("92", "908"),
        "duplicate": ("94", "913"),
        "malfunction": ("96", "909"),
        "wrong_mac": ("A0", "916"),
    }
)
NETWORK: Final = {
    "001": "sign_on", "002": "sign_off", "101": "key_change", "161": "key_exchange",
    "201": "cut_over", "301": "echo",
}  # fmt: skip
#: First two digits of DE3.
PROCESSING: Final = {
    "00": "purchase", "01": "withdrawal", "17": "payment", "18": "payment", "20": "refund",
    "30": "balance", "31": "balance", "38": "enquiry", "40": "transfer", "50": "payment",
}  # fmt: skip


def describe(mti: str) -> str:
    """A message type in words: ``1987 financial request, acquirer repeat``."""
    version, kind, function, origin = tuple(mti)
    year = VERSION_DIGIT.get(version, "private")
    words = (CLASSES.get(kind, "reserved"), FUNCTIONS.get(function, "reserved"))
    return f"{year} {' '.join(words)}, {ORIGINS.get(origin, 'reserved')}"


def is_repeat(mti: str) -> bool:
    """The sender says that he sends it again."""
    return mti[3] in "135"


def reply_mti(mti: str) -> str:
    """The type of the answer: 0200 and 0201 → 0210, 0421 → 0430. EncodeError: none is due."""
    if mti[2] not in "02":
        raise EncodeError(f"a {mti} has no answer", "mti")
    origin = str(int(mti[3]) - 1) if is_repeat(mti) else mti[3]
    return f"{mti[:2]}{int(mti[2]) + 1}{origin}"


def response(name: str, version: int, own: Mapping[str, str] | None = None) -> str:
    """The code of an outcome in a version; ``own``: what the dialect says. KeyError: no such."""
    if own and name in own:
        return own[name]
    code = RESPONSES[name][version > 1987]
    if not code:
        raise KeyError(name)
    return code.zfill(4) if version == 2003 else code
