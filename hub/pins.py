"""The proof of a PIN, a cashier's or a phone's: a keyed hash, made where it is typed or arrives.

The PIN itself is in no message, journal or log. The key is the company's, in a file of its own.
"""

import hashlib
import hmac
from pathlib import Path

#: HMAC-SHA-256 gains nothing by a longer key; a shorter one can be guessed.
KEY_BYTES = 32


class PinKeyError(ValueError):
    """The file of the key is no such file; the sentence says why."""


def proof(key: bytes, company: str, agent: str, cashier: str, pin: str) -> str:
    """HMAC-SHA-256 in hex of whose PIN it is and the PIN: the same PIN of two cashiers differs."""
    said = "\0".join(("wattbus pin 1", company, agent, cashier, pin))
    return hmac.digest(key, said.encode("utf-8"), hashlib.sha256).hex()


def phone_proof(key: bytes, company: str, phone: str, pin: str) -> str:
    """The same of a customer's phone (E.164): never equal to a cashier's."""
    said = "\0".join(("wattbus phone pin 1", company, phone, pin))
    return hmac.digest(key, said.encode("utf-8"), hashlib.sha256).hex()


def read_key(path: Path) -> bytes:
    """The key of a file: 64 hex digits. PinKeyError, also when it cannot be read."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise PinKeyError(f"{path}: no file of hex digits ({type(error).__name__})") from error
    if len(key) != KEY_BYTES:
        raise PinKeyError(f"{path}: {KEY_BYTES * 2} hex digits are needed, not {len(key) * 2}")
    return key
