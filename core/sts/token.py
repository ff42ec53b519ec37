"""A token: 66 bits, 20 digits. Clear block, encryption, class insertion, and the way back.

The clear 64-bit block is subclass (4) | body (44) | CRC (16). Classes 0 and 2 are encrypted under
the decoder key. Then bits 28 and 27 of the block give way to the class and go in front as bits 65
and 64. IEC 62055-41, clauses 6.4 and 7; facts topic "token".
"""

import re
from collections.abc import Mapping
from typing import Protocol

import msgspec

from core.sts.amounts import CurrencyField, encode_currency, encode_units
from core.sts.crc import token_crc
from core.sts.errors import (
    FieldRangeError,
    KeyNeededError,
    TablesMissingError,
    TokenCharacterError,
    TokenClassError,
    TokenCrcError,
    TokenGroupingError,
    TokenLengthError,
    TokenRangeError,
)
from core.sts.keys import Ea, check_ea
from core.sts.layouts import (
    BODY_BITS,
    CREDIT,
    FLAG_INDEX,
    MANAGEMENT,
    METER_TEST,
    RESERVED,
    Management,
    is_currency,
    layout,
    pack,
    unpack,
)
from core.sts.misty1 import Misty1
from core.sts.sta import Sta, Tables

_MISTY1 = Ea.MISTY1
DIGITS = 20
TYPED_MAX = 64  # 20 digits, separators, and a good deal of carelessness
_BODY_MASK = (1 << BODY_BITS) - 1
_CLASS_SHIFT = 27
_KEEP = ~(3 << _CLASS_SHIFT)


class BlockCipher(Protocol):
    """A decoder key ready for use: 64-bit integers in and out; `ea` is the algorithm's code."""

    ea: int

    def encrypt(self, block: int, /) -> int:
        """The ciphertext of a block."""

    def decrypt(self, block: int, /) -> int:
        """The block of a ciphertext."""


def cipher_for(ea: int, key: bytes, tables: Tables | None = None) -> BlockCipher:
    """The cipher of a decoder key.

    Errors: KeyLengthError, AlgorithmUnknownError, TablesMissingError (EA07 without `tables`).
    """
    if check_ea(ea) == _MISTY1:
        return Misty1(key)
    if tables is None:
        raise TablesMissingError("EA07 needs substitution tables, and none are loaded.")
    return Sta(key, tables)


class TokenData(msgspec.Struct, frozen=True, gc=False):
    """What a token says: its class, subclass, and the fields that `layouts` names."""

    token_class: int
    subclass: int
    fields: Mapping[str, int]

    @property
    def tid(self) -> int | None:
        """The token identifier; None for key changes and class 1."""
        return self.fields.get("tid")


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A token read: what it says, and its clear 64-bit block."""

    data: TokenData
    block: int


# --- what can be issued ---------------------------------------------------------------------


def credit(subclass: int, tid: int, rnd: int, tenths: int) -> TokenData:
    """Class 0, subclass 0..3 (electricity, water, gas, time); `tenths` rounded up to what a token
    carries. Errors: those of `encode_units`; FieldRangeError for a subclass of currency."""
    if not 0 <= subclass < 4:
        raise FieldRangeError("Units are subclass 0 to 3.", where="subclass")
    fields = {"rnd": rnd, "tid": tid, "amount": encode_units(tenths)}
    return TokenData(CREDIT, subclass, fields)


def currency_credit(subclass: int, tid: int, amount_1e5: int) -> TokenData:
    """Class 0, subclass 4..7; `amount_1e5` in 10^-5 of the base currency, may be negative."""
    if not is_currency(CREDIT, subclass):
        raise FieldRangeError("Currency is subclass 4 to 7.", where="subclass")
    coded: CurrencyField = encode_currency(amount_1e5)
    fields = {"s_and_e": coded.s_and_e, "tid": tid, "amount": coded.field}
    return TokenData(CREDIT, subclass, fields)


def meter_test(subclass: int, control: int, mfr_code: int = 0) -> TokenData:
    """Class 1: test or display; bit n-1 of `control` asks for test n, all ones for all."""
    return TokenData(METER_TEST, subclass, {"control": control, "mfr_code": mfr_code})


def management(subclass: int, tid: int, rnd: int, value: int) -> TokenData:
    """Class 2 with one 16-bit value: power limits (coded as `encode_units` of watts), clear credit
    (register, FFFF for all), tariff rate, clear tamper (0), water factor, proprietary."""
    return TokenData(MANAGEMENT, subclass, {"rnd": rnd, "tid": tid, "value": value})


def extended_set(tid: int, rnd: int, index: int, control: int) -> TokenData:
    """Class 2, subclass 10 (STS 202-5): `index` 0..63, `control` 10 bits."""
    fields = {"rnd": rnd, "tid": tid, "index": index, "control": control}
    return TokenData(MANAGEMENT, Management.EXTENDED_SET, fields)


def flag_set(tid: int, rnd: int, flag_index: int, flag_value: int) -> TokenData:
    """Extended set, index 63: one flag (0..511) on or off."""
    if flag_value not in (0, 1):
        raise FieldRangeError("A flag is 0 or 1.", where="flag_value", evidence=str(flag_value))
    return extended_set(tid, rnd, FLAG_INDEX, flag_index << 1 | flag_value)


# --- encode -----------------------------------------------------------------------------------


def block_of(token_class: int, subclass: int, body: int) -> int:
    """The clear 64-bit block: subclass, 44-bit body and the check sum over class and both."""
    value50 = (token_class << 4 | subclass) << BODY_BITS | body
    crc = token_crc(value50, currency=is_currency(token_class, subclass))
    return (subclass << BODY_BITS | body) << 16 | crc


def clear_block(data: TokenData, ea: int = 0) -> int:
    """The clear block of `data`. Errors: those of `layout` and `pack`."""
    form = layout(data.token_class, data.subclass, ea)
    return block_of(data.token_class, data.subclass, pack(data.fields, form))


def insert_class(block: int, token_class: int) -> int:
    """The 66-bit token of a 64-bit block."""
    moved = block >> _CLASS_SHIFT & 3
    return moved << 64 | block & _KEEP | token_class << _CLASS_SHIFT


def extract_class(number: int) -> tuple[int, int]:
    """Class and 64-bit block of a 66-bit token."""
    token_class = number >> _CLASS_SHIFT & 3
    block = number & (1 << 64) - 1 & _KEEP | number >> 64 << _CLASS_SHIFT
    return token_class, block


def seal(block: int, token_class: int, cipher: BlockCipher | None) -> int:
    """The 66-bit token of a clear block; class 1 stays clear. Error: KeyNeededError."""
    if token_class == METER_TEST:
        return insert_class(block, token_class)
    if cipher is None:
        raise KeyNeededError("Tokens of class 0 and 2 are made under a decoder key.")
    return insert_class(cipher.encrypt(block), token_class)


def digits_of(number: int) -> str:
    """The 20 digits of a 66-bit token."""
    return f"{number:020d}"


def encode(data: TokenData, cipher: BlockCipher | None) -> str:
    """The 20 digits of a token. Errors: those of `clear_block`, KeyNeededError."""
    block = clear_block(data, cipher.ea if cipher else 0)
    return digits_of(seal(block, data.token_class, cipher))


def grouped(digits: str) -> str:
    """As printed: five groups of four."""
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


# --- decode -----------------------------------------------------------------------------------

_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013", "-"))
_GROUPS = re.compile(r"\d+(?:(?: +| ?- ?)\d+)*", re.ASCII)


def parse(text: str) -> str:
    """The 20 digits of a token as people type it: without or with equal groups (of 2, 4, 5 or 10)
    that are separated by blanks or single hyphens.

    Errors: TokenLengthError, TokenCharacterError, TokenGroupingError, TokenRangeError.
    """
    if len(text) > TYPED_MAX:
        raise TokenLengthError(
            f"A token has {DIGITS} digits; this text has {len(text)} characters.", where="token"
        )
    plain = "".join(" " if char.isspace() else char for char in text.translate(_DASHES))
    for place, char in enumerate(plain):
        if not (char in " -" or (char.isascii() and char.isdigit())):
            raise TokenCharacterError(
                f"A token has digits only; there is {char!r} at place {place + 1}.",
                where=f"token[{place}]",
                evidence=char,
            )
    return _in_range(_ungrouped(plain))


def _ungrouped(plain: str) -> str:
    digits = plain.replace(" ", "").replace("-", "")
    if len(digits) != DIGITS:
        raise TokenLengthError(
            f"A token has {DIGITS} digits; this one has {len(digits)}.",
            where="token",
            evidence=str(len(digits)),
        )
    groups = re.findall(r"\d+", plain)
    if not _GROUPS.fullmatch(plain.strip()) or len({len(group) for group in groups}) != 1:
        raise TokenGroupingError(
            "Blanks and hyphens belong between equal groups of digits, as in "
            "1234 5678 1234 5678 1234: look whether a digit is missing or doubled.",
            where="token",
        )
    return digits


def _in_range(digits: str) -> str:
    if int(digits) >> 66:
        raise TokenRangeError(
            "No token has such a number (more than 66 bits): a digit near the beginning is wrong.",
            where="token",
        )
    return digits


def decode(digits: str, cipher: BlockCipher | None) -> Decoded:
    """Read a token; `digits` as `parse` takes them, `cipher` None will do for class 1.

    Errors: those of `parse`; TokenClassError (3), KeyNeededError, TokenCrcError,
    TokenSubclassError, in this order.
    """
    token_class, block = extract_class(int(parse(digits)))
    if token_class == RESERVED:
        raise TokenClassError("Token class 3 is reserved.", where="class", evidence="3")
    if token_class != METER_TEST:
        if cipher is None:
            raise KeyNeededError("Tokens of class 0 and 2 can be read under the meter's key only.")
        block = cipher.decrypt(block)
    return Decoded(read_block(token_class, block, cipher.ea if cipher else 0), block)


def read_block(token_class: int, block: int, ea: int) -> TokenData:
    """What a clear block says. Errors: TokenCrcError, TokenSubclassError."""
    subclass, body = block >> 60, block >> 16 & _BODY_MASK
    if block_of(token_class, subclass, body) != block:
        raise TokenCrcError(
            "The check sum does not fit: a digit is wrong, or the token is for another meter or "
            "another key.",
            where="crc",
        )
    form = layout(token_class, subclass, ea)
    return TokenData(token_class, subclass, unpack(body, form))
