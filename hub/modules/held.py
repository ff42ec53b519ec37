"""Vending keys that live in a PKCS#11 token: put in once, then only asked for decoder keys.

DKGA04 alone: DKGA02 ends in an exclusive-or with the vending key itself (IEC 62055-41, clause
6.5.3), which no token does with a key that it must not show.
"""

import hmac
from functools import partial

import msgspec

from core.sts.errors import KeyFileError
from core.sts.keys import DecoderKeyOf, Mac, check_algorithms, derive_by
from core.sts.keystore import (
    MASTER_KEY_BYTES,
    KeyRecord,
    Master,
    check_record,
    check_value_by,
    key_check_value,
    key_id,
    unwrap_key,
)
from hub.modules.pkcs11 import KeyName, Pkcs11Token


def mac_of(token: Pkcs11Token, key: KeyName) -> Mac:
    """The HMAC-SHA-256 under a key of a token; the master key is asked for by this."""
    return partial(token.mac, key)


def master_of(token: Pkcs11Token, label: str) -> Mac:
    """A master key in a token. Errors: ModuleAwayError, KeyFileError when it can be taken out."""
    key = KeyName(label=label)
    _check_sealed(token, key, f"The master key {label!r}")
    return mac_of(token, key)


def decoder_keys(token: Pkcs11Token, record: KeyRecord) -> DecoderKeyOf:
    """The derivation inside the token for a record of the key file, after a look at the key.

    Errors: ModuleAwayError; KeyFileError when the key can be taken out, is not the one of its check
    value, or is of DKGA02.
    """
    _check_dkga(record)
    key = _name_of(record)
    mac = mac_of(token, key)
    if check_value_by(mac) != record.kcv:
        raise KeyFileError(
            f"The key of {record.name} in the token {token.name} is not the one of its check "
            f"value {record.kcv}.",
            where=record.name,
        )
    _check_sealed(token, key, f"The key of {record.name}")
    return partial(derive_by, mac)


def import_key(token: Pkcs11Token, vk: bytes, use: KeyRecord) -> KeyRecord:
    """Put a clear vending key into a token; the record for the key file shows its check value only.

    Errors: KeyFileError (also when it is there already), KeyLengthError, ModuleAwayError.
    """
    check_record(use)
    _check_dkga(use)
    check_algorithms(use.dkga, 11, len(vk))
    record = msgspec.structs.replace(use, kcv=key_check_value(use.dkga, vk), wrapped="")
    _put(token, _name_of(record), vk)
    return record


def installed(token: Pkcs11Token, vk: bytes, use: KeyRecord) -> KeyRecord:
    """`import_key`, or the very key that is there already: a step may have broken off behind it.

    Errors: those of `import_key` and `decoder_keys`.
    """
    record = msgspec.structs.replace(use, kcv=key_check_value(use.dkga, vk), wrapped="")
    check_record(record)
    _check_dkga(record)
    if not token.holds(_name_of(record)):
        return import_key(token, vk, use)
    decoder_keys(token, record)
    return record


def import_wrapped(token: Pkcs11Token, master: Master, record: KeyRecord) -> KeyRecord:
    """`import_key` for a key that is wrapped in the key file so far. Errors: the same."""
    return import_key(token, unwrap_key(master, record), record)


def import_master(token: Pkcs11Token, master: bytes, label: str) -> str:
    """Put a master key into a token: key files that it wraps open as before. Returns its check
    value. Errors: KeyFileError, ModuleAwayError."""
    if len(master) != MASTER_KEY_BYTES:
        raise KeyFileError(f"A master key has {MASTER_KEY_BYTES} bytes.", where="master_key")
    _put(token, KeyName(label), master)
    return check_value_by(lambda message: hmac.digest(master, message, "sha256"))


def _name_of(record: KeyRecord) -> KeyName:
    return KeyName(f"wattbus {record.name} {record.kcv}", key_id(record))


def _put(token: Pkcs11Token, key: KeyName, secret: bytes) -> None:
    if token.holds(key):
        raise KeyFileError(f"The token {token.name} has a key {key} already.", where=str(key))
    token.put(key, secret)


def _check_dkga(record: KeyRecord) -> None:
    if record.dkga != "04":
        raise KeyFileError(
            f"The key of {record.name} is of DKGA{record.dkga}: only DKGA04 can be derived inside "
            "a token.",
            where=record.name,
        )


def _check_sealed(token: Pkcs11Token, key: KeyName, what: str) -> None:
    if not token.is_sealed(key):
        raise KeyFileError(
            f"{what} in the token {token.name} is not sensitive, or can be taken out: put it in "
            "again by Wattbus.",
            where=str(key),
        )
