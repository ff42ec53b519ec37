"""Decoder key generation: from a vending key and what is known of the meter to the meter's key.

DKGA02 (64-bit DES vending key) and DKGA04 (160-bit vending key, HMAC-SHA-256); DKGA01 and 03 are
refused with the reason. IEC 62055-41, clause 6.5.3; facts topic "decoder key generation".
"""

import hmac
from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache

import msgspec
from Crypto.Cipher import DES

from core.sts.errors import (
    AlgorithmPairError,
    AlgorithmUnknownError,
    AlgorithmWithdrawnError,
    FieldRangeError,
    KeyLengthError,
    KeyTypeUnsupportedError,
)
from core.sts.meter_id import parse_pan
from core.sts.tid import BaseDate


class Ea(IntEnum):
    """Encryption algorithm code."""

    STA = 7
    MISTY1 = 11


class KeyType(IntEnum):
    """Key type: who may know the key, and what the meter does under it."""

    DITK = 0  # initialisation, set by the manufacturer
    DDTK = 1  # default, before a meter is sold to a utility: no credit
    DUTK = 2  # unique to the meter
    DCTK = 3  # common to a supply group (magnetic cards)


# For what runs once a key: taking a member from an enum costs a call in Python 3.11.
_DITK, _DCTK = KeyType.DITK, KeyType.DCTK
_BY_CODE: dict[int, Ea] = {ea.value: ea for ea in Ea}
# What does not depend on the meter is checked and written once: some supply groups, each with a few
# key revisions and tariff indices.
_REMEMBERED = 1_000

DECODER_KEY_BYTES: dict[int, int] = {Ea.STA: 8, Ea.MISTY1: 16}
VENDING_KEY_BYTES = {"02": 8, "04": 20}
#: HMAC-SHA-256 of a message under a key that stays with its holder.
Mac = Callable[[bytes], bytes]
#: The decoder key of an identity for an encryption algorithm, by whoever holds the vending key.
DecoderKeyOf = Callable[["KeyIdentity", int], bytes]
_PAIRS = {("02", Ea.STA), ("04", Ea.STA), ("04", Ea.MISTY1)}

_WITHDRAWN = {
    "01": "DKGA01 is a legacy of a few closed ranges of meter numbers, and no public vector proves "
    "it: change those meters to DKGA02 or DKGA04.",
    "03": "DKGA03 (double-length DES) was withdrawn from the standard: change those meters to "
    "DKGA04.",
}


class KeyIdentity(msgspec.Struct, frozen=True, gc=False):
    """What a decoder key is made for: `pan` 18 digits, `sgc` 6 digits, `ti` 2 digits, `krn` 1..9.

    `base` is part of a DKGA04 key; DKGA02 does not look at it.
    """

    pan: str
    kt: int
    sgc: str
    ti: str
    krn: int
    base: BaseDate | None = None

    def check(self) -> None:
        """Errors: those of `parse_pan`, FieldRangeError."""
        parse_pan(self.pan)
        _check_group(self.sgc, self.ti, self.krn, self.kt)


@lru_cache(_REMEMBERED)
def _check_group(sgc: str, ti: str, krn: int, kt: int) -> None:
    _check_digits("sgc", sgc, 6)
    _check_digits("ti", ti, 2)
    _check_range("krn", krn, 1, 9)
    _check_range("kt", kt, 0, 3)


def _check_digits(name: str, text: str, count: int) -> None:
    if len(text) != count or not (text.isascii() and text.isdigit()):
        raise FieldRangeError(f"{name.upper()} has {count} digits.", where=name, evidence=text)


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise FieldRangeError(
            f"{name.upper()} is {low} to {high}.", where=name, evidence=str(value)
        )


@lru_cache(_REMEMBERED)
def check_algorithms(dkga: str, ea: int, vk_length: int | None = None) -> None:
    """Whether a key generation algorithm, an encryption algorithm and a vending key fit.

    Errors: AlgorithmWithdrawnError, AlgorithmUnknownError, AlgorithmPairError, KeyLengthError.
    """
    if dkga in _WITHDRAWN:
        raise AlgorithmWithdrawnError(_WITHDRAWN[dkga], where="dkga", evidence=dkga)
    if dkga not in VENDING_KEY_BYTES:
        raise AlgorithmUnknownError(f"There is no DKGA{dkga}.", where="dkga", evidence=dkga)
    check_ea(ea)
    if (dkga, ea) not in _PAIRS:
        raise AlgorithmPairError(
            f"EA{ea:02d} needs DKGA04, not DKGA{dkga}.", where="dkga", evidence=dkga
        )
    wanted = VENDING_KEY_BYTES[dkga]
    if vk_length is not None and vk_length != wanted:
        raise KeyLengthError(
            f"A vending key of DKGA{dkga} has {wanted} bytes; this one has {vk_length}.", where="vk"
        )


def check_ea(ea: int) -> Ea:
    """The encryption algorithm with this code. Errors: AlgorithmWithdrawnError (EA09),
    AlgorithmUnknownError."""
    if ea == 9:
        raise AlgorithmWithdrawnError(
            "EA09 (DEA) was withdrawn from the standard.", where="ea", evidence="9"
        )
    found = _BY_CODE.get(ea)
    if found is None:
        raise AlgorithmUnknownError(f"There is no EA{ea:02d}.", where="ea", evidence=str(ea))
    return found


def pan_block(pan: str, kt: int) -> bytes:
    """PANBlock: the right-most 16 of the 17 PAN digits in front of the last check digit, packed.

    For a common key (KT 3) the digits of the DRN are zero, as the key is the same in the group.
    """
    digits = pan[1:17]
    if kt == _DCTK:
        drn_length = len(parse_pan(pan).drn)
        digits = digits[:-drn_length] + "0" * drn_length
    return bytes.fromhex(digits)


def control_block(identity: KeyIdentity) -> bytes:
    """CONTROLBlock: KT, SGC, TI, KRN, and six nibbles F."""
    return bytes.fromhex(f"{identity.kt}{identity.sgc}{identity.ti}{identity.krn}FFFFFF")


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def _dkga02(vk: bytes, identity: KeyIdentity) -> bytes:
    mixed = _xor(pan_block(identity.pan, identity.kt), control_block(identity))
    cipher = DES.new(vk, DES.MODE_ECB)  # noqa: S304 - DKGA02 is single DES by its definition
    # The parity bits of the vending key do nothing in DES, but they count in this last XOR.
    return _xor(_xor(cipher.encrypt(mixed), mixed), vk)


def kdf_message(identity: KeyIdentity, ea: int) -> bytes:
    """The 49 bytes that DKGA04 authenticates: four labels, separator, four contexts, key length."""
    if identity.base is None:
        raise FieldRangeError("DKGA04 needs the base date of the vending key.", where="base_date")
    head = _kdf_head(identity.base, ea, identity.ti, identity.sgc, (identity.kt, identity.krn))
    pan = identity.pan.encode("ascii")
    return head + len(pan).to_bytes() + pan + (DECODER_KEY_BYTES[ea] * 8).to_bytes(4, "big")


@lru_cache(_REMEMBERED)
def _kdf_head(base: BaseDate, ea: int, ti: str, sgc: str, kind: tuple[int, int]) -> bytes:
    """All in front of the meter's PAN; `kind` is KT and KRN."""
    labels = ("04", base.code, f"{ea:02d}", ti)
    context = (sgc, *map(str, kind))
    return b"\x04" + _fields(labels) + b"\x00" + b"\x04" + _fields(context)


def _fields(texts: tuple[str, ...]) -> bytes:
    return b"".join(bytes((len(text),)) + text.encode("ascii") for text in texts)


def _dkga04(mac: Mac, identity: KeyIdentity, ea: int) -> bytes:
    return mac(kdf_message(identity, ea))[: DECODER_KEY_BYTES[ea]]


def derive(dkga: str, vk: bytes, identity: KeyIdentity, ea: int) -> bytes:
    """The decoder key (8 bytes for EA07, 16 for EA11).

    Errors: those of `check_algorithms` and `KeyIdentity.check`; KeyTypeUnsupportedError for KT 0
    (the manufacturer's own) and for KT 3 under DKGA04.
    """
    check_algorithms(dkga, ea, len(vk))
    _check_identity(dkga, identity)
    if dkga == "02":
        return _dkga02(vk, identity)
    return _dkga04(lambda message: hmac.digest(vk, message, "sha256"), identity, ea)


def derive_by(mac: Mac, identity: KeyIdentity, ea: int) -> bytes:
    """`derive` with DKGA04 and a vending key that only its holder can use. Errors: the same, and
    the holder's own."""
    check_algorithms("04", ea)
    _check_identity("04", identity)
    return _dkga04(mac, identity, ea)


def _check_identity(dkga: str, identity: KeyIdentity) -> None:
    identity.check()
    if identity.kt == _DITK:
        raise KeyTypeUnsupportedError(
            "An initialisation key (KT 0) is set by the manufacturer; no vending key makes it.",
            where="kt",
        )
    if dkga != "02" and identity.kt == _DCTK:
        # Whether the PAN in the message is blanked for a common key is not settled by any vector;
        # a wrong guess would sell tokens that no meter takes.
        raise KeyTypeUnsupportedError(
            "Common keys (KT 3) are not offered with DKGA04: no sample proves their derivation.",
            where="kt",
        )
