"""Message authentication codes over the octets as they were received.

ISO 9797-1 algorithm 1 (X9.9) and 3 (X9.19, retail), AES-CMAC (RFC 4493), the ECB form of UnionPay's
terminals, and SHA-256 over key and message. Comparison takes the same time wherever it fails.
"""

import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from Crypto.Cipher import AES, DES
from Crypto.Hash import CMAC

from adapters.iso8583.errors import KeyFault, MacError

BLOCK: Final = 8


def padded(data: bytes, method: int) -> bytes:
    """Padding of ISO 9797-1: method 1 zeros (none if it fits), method 2 an octet 80 and zeros."""
    if method == 2:
        data += b"\x80"
    short = -len(data) % BLOCK
    return data + bytes(short if data else BLOCK)


def des(key: bytes, block: bytes) -> bytes:
    """One block or more of single DES or, by a longer key, triple DES, without chaining."""
    first, second, third = halves(key)
    if len(key) == BLOCK:
        return bytes(_single(first).encrypt(block))
    middle = _single(second).decrypt(_single(first).encrypt(block))
    return bytes(_single(third).encrypt(middle))


def undes(key: bytes, block: bytes) -> bytes:
    """The inverse of :func:`des`."""
    first, second, third = halves(key)
    if len(key) == BLOCK:
        return bytes(_single(first).decrypt(block))
    middle = _single(second).encrypt(_single(third).decrypt(block))
    return bytes(_single(first).decrypt(middle))


def halves(key: bytes) -> tuple[bytes, bytes, bytes]:
    """The three parts of a DES key of 8, 16 or 24 octets. KeyFault: another length."""
    if len(key) not in (8, 16, 24):
        raise KeyFault(f"a DES key has 8, 16 or 24 octets, not {len(key)}", "key")
    first = key[:8]
    return first, key[8:16] or first, key[16:24] or first


def alg1(key: bytes, data: bytes, padding: int = 1) -> bytes:
    """ISO 9797-1 algorithm 1, 8 octets; X9.9 uses the left 4."""
    if len(key) != BLOCK:
        raise KeyFault(f"X9.9 takes a key of 8 octets, not {len(key)}", "key")
    return _chained(key, padded(data, padding))


def alg3(key: bytes, data: bytes, padding: int = 1) -> bytes:
    """ISO 9797-1 algorithm 3, the retail MAC of X9.19, 8 octets."""
    if len(key) != 2 * BLOCK:
        raise KeyFault(f"X9.19 takes a key of 16 octets, not {len(key)}", "key")
    last = _chained(key[:8], padded(data, padding))
    return des(key[:8], undes(key[8:], last))


def cmac(key: bytes, data: bytes, padding: int = 1) -> bytes:  # noqa: ARG001 - one signature
    """AES-CMAC, 16 octets; it has a padding of its own."""
    if len(key) not in (16, 24, 32):
        raise KeyFault(f"an AES key has 16, 24 or 32 octets, not {len(key)}", "key")
    return CMAC.new(key, data, AES).digest()


def ecb(key: bytes, data: bytes, padding: int = 1) -> bytes:
    """UnionPay's terminals: blocks folded, as hex text, enciphered in halves; 8 characters."""
    block = bytes(BLOCK)
    data = padded(data, padding)
    for at in range(0, len(data), BLOCK):
        block = _xor(block, data[at : at + BLOCK])
    text = block.hex().upper().encode("ascii")
    return des(key, _xor(des(key, text[:8]), text[8:])).hex().upper().encode("ascii")[:8]


def sha(key: bytes, data: bytes, padding: int = 1) -> bytes:  # noqa: ARG001
    """SHA-256 over the key and then the message, 32 octets."""
    return sha256(key + data).digest()


def sha_last(key: bytes, data: bytes, padding: int = 1) -> bytes:  # noqa: ARG001
    """SHA-256 over the message and then the key, 32 octets."""
    return sha256(data + key).digest()


ALGORITHMS: Final[dict[str, Callable[[bytes, bytes, int], bytes]]] = {
    "iso9797-1-alg1": alg1,
    "iso9797-1-alg3": alg3,
    "aes-cmac": cmac,
    "ecb": ecb,
    "sha-256": sha,
    "sha-256-key-last": sha_last,
    "x9.9": alg1,
    "x9.19": alg3,
}


def compute(algorithm: str, key: bytes, data: bytes, padding: int = 1) -> bytes:
    """The whole code. KeyFault: no such algorithm, or a key that does not fit it."""
    if algorithm not in ALGORITHMS:
        raise KeyFault(f"{algorithm[:30]!r} is not known", "mac")
    return ALGORITHMS[algorithm](key, data, padding)


def check(given: bytes, wanted: bytes, path: str, offset: int) -> None:
    """Nothing, or MacError; ``given`` came over the wire, ``wanted`` is ours. Equal, not like."""
    if not wanted or not hmac.compare_digest(given, wanted):
        raise MacError("the message authentication code is wrong", path, offset)


def _single(key: bytes) -> Any:
    return DES.new(key, DES.MODE_ECB)  # noqa: S304 - terminals in the field have nothing else


def _chained(key: bytes, data: bytes) -> bytes:
    chain = DES.new(key, DES.MODE_CBC, iv=bytes(BLOCK))  # noqa: S304 - as above
    return chain.encrypt(data)[-BLOCK:]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
