"""Keys: components, check values, session keys under a master key, and DUKPT (ANSI X9.24-1).

Nothing here keeps a key: they come as arguments from where the installation seals them.
"""

import hmac
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from Crypto.Cipher import AES
from Crypto.Hash import CMAC

from adapters.iso8583.errors import KeyFault
from adapters.iso8583.mac import BLOCK, des, undes

_IPEK_MASK: Final = bytes.fromhex("C0C0C0C000000000" * 2)
_COUNTER_BITS: Final = 21
_COUNTER: Final = (1 << _COUNTER_BITS) - 1
#: X9.24-1: a counter with more than ten bits set is passed over, so that no key takes longer.
_MOST_BITS: Final = 10
KSN_OCTETS: Final = 10
VARIANTS: Final = {
    "pin": bytes.fromhex("00000000000000FF" * 2),
    "mac_request": bytes.fromhex("000000000000FF00" * 2),
    "mac_response": bytes.fromhex("00000000FF000000" * 2),
}


def combine(components: list[bytes]) -> bytes:
    """The key of its components, which two people or more bring: all of them folded together."""
    if len(components) < 2 or len({len(each) for each in components}) != 1:
        raise KeyFault("two components or more of one length are needed", "key")
    return reduce(_xor, components)


def check_value(key: bytes) -> bytes:
    """First three octets of zeros enciphered under a DES key."""
    return des(key, bytes(BLOCK))[:3]


def check_value_aes(key: bytes) -> bytes:
    """First three octets of the CMAC of a block of zeros under an AES key."""
    return CMAC.new(key, bytes(16), AES).digest()[:3]


def unwrap(master: bytes, wrapped: bytes, told: bytes) -> bytes:
    """A DES session key that came under a master key, with its check value (at least 3 octets).

    KeyFault: no whole key, or the check value is another: then the old key stays in use.
    """
    if len(wrapped) not in (8, 16, 24):
        raise KeyFault(f"a wrapped key has 8, 16 or 24 octets, not {len(wrapped)}", "key")
    key = undes(master, wrapped)
    full = des(key, bytes(BLOCK))
    if not 3 <= len(told) <= BLOCK or not hmac.compare_digest(told, full[: len(told)]):
        raise KeyFault("its check value is another", "key")
    return key


def wrap(master: bytes, key: bytes) -> tuple[bytes, bytes]:
    """A session key under a master key, and its check value, for a sign-on answer."""
    return des(master, key), check_value(key)


def wrap_aes(master: bytes, key: bytes) -> tuple[bytes, bytes]:
    """An AES session key of whole blocks under an AES master key, and its check value."""
    if len(key) not in (16, 32):
        raise KeyFault(f"an AES key to be wrapped has 16 or 32 octets, not {len(key)}", "key")
    return AES.new(master, AES.MODE_ECB).encrypt(key), check_value_aes(key)


def unwrap_aes(master: bytes, wrapped: bytes, told: bytes) -> bytes:
    """As :func:`unwrap`, of AES. KeyFault: no whole key, or the check value is another."""
    if len(wrapped) not in (16, 32):
        raise KeyFault(f"a wrapped AES key has 16 or 32 octets, not {len(wrapped)}", "key")
    key = AES.new(master, AES.MODE_ECB).decrypt(wrapped)
    if len(told) != 3 or not hmac.compare_digest(told, check_value_aes(key)):
        raise KeyFault("its check value is another", "key")
    return key


@dataclass(frozen=True, slots=True, repr=False)
class SessionKeys:
    """The key in use, and the one before it until the peer has used the new one."""

    current: bytes
    previous: bytes | None = None

    def renewed(self, key: bytes) -> "SessionKeys":
        """A new key was sent; what is under way still comes under the old one."""
        return SessionKeys(key, self.current)

    def used(self, key: bytes) -> "SessionKeys":
        """The peer has used ``key``: if it is the new one, the old one is no longer taken."""
        return replace(self, previous=None) if key == self.current else self

    def taken(self) -> tuple[bytes, ...]:
        """The keys that a message may come under, the newest first."""
        return (self.current,) if self.previous is None else (self.current, self.previous)


def initial_key(bdk: bytes, ksn: bytes) -> bytes:
    """The key that a device is loaded with (IPEK), of the base key and its serial number."""
    _whole(bdk, ksn)
    serial = int.from_bytes(ksn, "big") & ~_COUNTER
    block = serial.to_bytes(KSN_OCTETS, "big")[:BLOCK]
    return des(bdk, block) + des(_xor(bdk, _IPEK_MASK), block)


def transaction_key(ipek: bytes, ksn: bytes) -> bytes:
    """The key of one transaction, by the counter in the last 21 bits of ``ksn``.

    KeyFault: the counter is 0, or one that devices pass over.
    """
    _whole(ipek, ksn)
    number = int.from_bytes(ksn, "big")
    counter = number & _COUNTER
    if not counter or counter.bit_count() > _MOST_BITS:
        raise KeyFault(f"no device uses the counter {counter}", "ksn")
    key, register = ipek, number & ~_COUNTER
    for place in reversed(range(_COUNTER_BITS)):
        bit = 1 << place
        if counter & bit:
            register |= bit
            key = _next(key, (register & ((1 << 64) - 1)).to_bytes(BLOCK, "big"))
    return key


def variant(key: bytes, use: str) -> bytes:
    """The transaction key for one use: ``pin``, ``mac_request`` or ``mac_response``."""
    return _xor(key, VARIANTS[use])


def _next(key: bytes, register: bytes) -> bytes:
    """The non-reversible step of X9.24-1: both halves, each under a half and folded with it."""

    def half(of: bytes) -> bytes:
        return _xor(des(of[:8], _xor(register, of[8:])), of[8:])

    return half(_xor(key, _IPEK_MASK)) + half(key)


def _whole(key: bytes, ksn: bytes) -> None:
    if len(key) != 2 * BLOCK:
        raise KeyFault(f"DUKPT takes a key of 16 octets, not {len(key)}", "key")
    if len(ksn) != KSN_OCTETS:
        raise KeyFault(f"a key serial number has {KSN_OCTETS} octets, not {len(ksn)}", "ksn")


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
