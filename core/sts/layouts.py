"""What is in the 44-bit body of each token class and subclass, as one table.

IEC 62055-41, clause 6.2; facts topics "class 0", "class 1", "class 2". A layout is a row of
(name, bits), most significant first. Sections 3 and 4 of a key change differ between EA07 and EA11.
"""

from collections.abc import Mapping
from enum import IntEnum

from core.sts.errors import FieldRangeError, TokenClassError, TokenSubclassError

BODY_BITS = 44

Layout = tuple[tuple[str, int], ...]


class TokenClass(IntEnum):
    """The 2-bit class; 3 is reserved."""

    CREDIT = 0
    METER_TEST = 1  # not encrypted: works on any meter
    MANAGEMENT = 2
    RESERVED = 3


# For what runs once a token: taking a member from an enum costs a call in Python 3.11.
CREDIT, METER_TEST, MANAGEMENT, RESERVED = TokenClass


class Management(IntEnum):
    """Subclasses of class 2."""

    POWER_LIMIT = 0
    CLEAR_CREDIT = 1
    TARIFF_RATE = 2
    KEY_CHANGE_1 = 3
    KEY_CHANGE_2 = 4
    CLEAR_TAMPER = 5
    UNBALANCE_LIMIT = 6
    WATER_FACTOR = 7
    KEY_CHANGE_3 = 8
    KEY_CHANGE_4 = 9
    EXTENDED_SET = 10


KEY_CHANGES = frozenset((3, 4, 8, 9))
FIRST_CURRENCY_SUBCLASS = 4  # class 0: 0..3 carry units, 4..7 currency
FLAG_INDEX = 63  # extended set: this index means "one flag"

_HEAD = (("rnd", 4), ("tid", 24))
_UNITS: Layout = (*_HEAD, ("amount", 16))
_CURRENCY: Layout = (("s_and_e", 4), ("tid", 24), ("amount", 16))
_TEST_SHORT: Layout = (("control", 36), ("mfr_code", 8))
_TEST_LONG: Layout = (("control", 28), ("mfr_code", 16))
_VALUE: Layout = (*_HEAD, ("value", 16))
_EXTENDED: Layout = (*_HEAD, ("index", 6), ("control", 10))
_KEY_CHANGE_1: Layout = (
    *(("ken_high", 4), ("krn", 4), ("ro", 1), ("three_kct", 1), ("kt", 2)),
    ("key_high", 32),
)
_KEY_CHANGE_2: Layout = (("ken_low", 4), ("ti", 8), ("key_low", 32))

_LAYOUTS: dict[tuple[int, int], Layout] = {
    **{(0, sub): _UNITS for sub in range(4)},
    **{(0, sub): _CURRENCY for sub in range(4, 8)},
    **{(1, sub): _TEST_SHORT for sub in (0, 2, *range(11, 16))},
    **{(1, sub): _TEST_LONG for sub in (1, *range(6, 11))},
    **{(2, sub): _VALUE for sub in (0, 1, 2, 5, 6, 7, *range(11, 16))},
    (2, 3): _KEY_CHANGE_1,
    (2, 4): _KEY_CHANGE_2,
    (2, 10): _EXTENDED,
}
# The further sections of a key change by encryption algorithm: the three-token form of EA07
# carries only the supply group, the four tokens of EA11 also the middle words of the longer key.
_BY_EA: dict[tuple[int, int, int], Layout] = {
    (2, 8, 7): (("sgc", 24), ("padding", 20)),
    (2, 8, 11): (("sgc_low", 12), ("key_mid2", 32)),
    (2, 9, 11): (("sgc_high", 12), ("key_mid1", 32)),
}

SERVICES = ("electricity", "water", "gas", "time")
_TITLES: dict[tuple[int, int], str] = {
    **{(0, sub): f"{SERVICES[sub]} credit" for sub in range(4)},
    **{(0, sub): f"{SERVICES[sub - 4]} credit in currency" for sub in range(4, 8)},
    (1, 0): "meter test or display",
    (1, 1): "meter test or display (four-digit manufacturer code)",
    (1, 2): "extended read",
    **{(1, sub): "proprietary test or display" for sub in range(6, 16)},
    (2, 0): "set maximum power limit",
    (2, 1): "clear credit",
    (2, 2): "set tariff rate",
    (2, 3): "key change, 1st section",
    (2, 4): "key change, 2nd section",
    (2, 5): "clear tamper condition",
    (2, 6): "set maximum phase power unbalance limit",
    (2, 7): "set water meter factor",
    (2, 8): "key change, 3rd section",
    (2, 9): "key change, 4th section",
    (2, 10): "extended set",
    **{(2, sub): "proprietary management" for sub in range(11, 16)},
}


def is_currency(token_class: int, subclass: int) -> bool:
    """Whether the token carries money: other amount coding, other check sum."""
    return token_class == CREDIT and 4 <= subclass <= 7


def title(token_class: int, subclass: int) -> str:
    """What the token does, in words; "reserved" for what the standard keeps free."""
    return _TITLES.get((token_class, subclass), "reserved")


def layout(token_class: int, subclass: int, ea: int = 0) -> Layout:
    """The fields of the body; `ea` matters only to sections 3 and 4 of a key change.

    Errors: TokenClassError (3), TokenSubclassError (reserved, or not of this algorithm).
    """
    if not 0 <= token_class < RESERVED:
        raise TokenClassError(
            f"Token class {token_class} is reserved.", where="class", evidence=str(token_class)
        )
    found = _LAYOUTS.get((token_class, subclass)) or _BY_EA.get((token_class, subclass, ea))
    if found is None:
        raise TokenSubclassError(
            f"Subclass {subclass} of class {token_class} is reserved"
            + (f" under EA{ea:02d}." if ea else "."),
            where="subclass",
            evidence=str(subclass),
        )
    return found


def pack(fields: Mapping[str, int], form: Layout) -> int:
    """The 44-bit body. Error: FieldRangeError when a field is missing, unknown or too big."""
    body = 0
    for name, bits in form:
        value = fields.get(name)
        if value is None or not 0 <= value < 1 << bits:
            raise FieldRangeError(
                f"{name} has {bits} bits: 0 to {(1 << bits) - 1}.", where=name, evidence=str(value)
            )
        body = body << bits | value
    if len(fields) != len(form):
        strange = sorted(set(fields) - {name for name, _ in form})
        raise FieldRangeError(f"This token has no field {strange[0]}.", where=strange[0])
    return body


def unpack(body: int, form: Layout) -> dict[str, int]:
    """The fields of a 44-bit body."""
    fields: dict[str, int] = {}
    shift = BODY_BITS
    for name, bits in form:
        shift -= bits
        fields[name] = body >> shift & (1 << bits) - 1
    return fields
