"""Signatures of providers that sign: RSA with SHA-256 over a text of their own, and one sealed box.

Keys are PEM: a private key of ours, and of theirs either public keys or certificates. A signature
that does not fit makes a message a forgery (ForgedError): it is kept, and nobody is believed.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.mobilemoney.reading import NoticeError

#: A notice's own time may be so far from ours, in seconds (WeChat Pay's documents say 5 minutes):
#: what is older was kept by somebody and sent again.
FRESH_S: Final = 300
#: Less is not accepted from anybody: what signs money must not be broken with rented machines.
LEAST_BITS: Final = 2048
_BLOCK = re.compile(
    rb"-----BEGIN (?:PUBLIC KEY|CERTIFICATE)-----.*?-----END (?:PUBLIC KEY|CERTIFICATE)-----", re.S
)


class ForgedError(NoticeError):
    """It is not signed by whom it should be: evidence of an attack or of a wrong key of ours."""


@lru_cache(maxsize=16)
def private_key(pem: bytes) -> RSAPrivateKey:
    """Our key, kept: to read one takes longer than to sign. ValueError: no PEM, encrypted, no RSA
    key of 2048 bits."""
    try:
        found = serialization.load_pem_private_key(pem, None)
    except TypeError as error:
        raise ValueError(
            "the private key is encrypted: a file without password is wanted"
        ) from error
    if not isinstance(found, RSAPrivateKey) or found.key_size < LEAST_BITS:
        raise ValueError(f"no RSA private key of {LEAST_BITS} bits or more")
    return found


@lru_cache(maxsize=16)
def public_keys(pem: bytes) -> Mapping[str, RSAPublicKey]:
    """Their keys by the number under which they sign: a certificate's serial in upper hex digits;
    a bare public key has none (""). A file may hold several while they change theirs. ValueError:
    nothing of the kind, a key too short, two under one number."""
    found: dict[str, RSAPublicKey] = {}
    for block in _BLOCK.findall(pem):
        serial, key = _public(block)
        if not isinstance(key, RSAPublicKey) or key.key_size < LEAST_BITS:
            raise ValueError(f"no RSA public key of {LEAST_BITS} bits or more")
        if serial in found:
            raise ValueError(f"two keys under the number {serial!r}")
        found[serial] = key
    if not found:
        raise ValueError("neither a public key nor a certificate in PEM")
    return found


def _public(block: bytes) -> tuple[str, object]:
    if b"CERTIFICATE" in block:
        certificate = x509.load_pem_x509_certificate(block)
        return format(certificate.serial_number, "X"), certificate.public_key()
    return "", serialization.load_pem_public_key(block)


def sign(key: RSAPrivateKey, text: bytes) -> str:
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2), in base64."""
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def check(key: RSAPublicKey, text: bytes, signature: str, path: str) -> None:
    """ForgedError, naming the field ``path``, unless the key's owner signed exactly this text."""
    try:
        signed = base64.b64decode(signature, validate=True)
        key.verify(signed, text, padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature) as error:
        raise ForgedError(path, "the signature does not fit") from error


def check_fresh(stamp: str, now: int, path: str) -> None:
    """ForgedError unless ``stamp`` (seconds since 1970) is within five minutes of ``now``."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise ForgedError(path, "no time in seconds")
    if abs(int(stamp) - now) > FRESH_S:
        raise ForgedError(
            path, f"{int(stamp) - now:+d} s from our clock: sent again, or a wrong one"
        )


def joined(fields: Mapping[str, str], *without: str) -> str:
    """``name=value`` of all that have a value, sorted by name, with & between them."""
    left = sorted((name, value) for name, value in fields.items() if name not in without and value)
    return "&".join(f"{name}={value}" for name, value in left)


def hexed(text: str) -> bytes:
    """SHA-256 of a text in lower hex digits: what UnionPay signs in place of the text."""
    return hashlib.sha256(text.encode()).hexdigest().encode()


def unseal(key: bytes, nonce: str, ciphertext: str, associated: str) -> bytes:
    """AES-256-GCM with the tag at the end (RFC 5116 §5.2). ForgedError: another key, or changed."""
    try:
        sealed = base64.b64decode(ciphertext, validate=True)
        return AESGCM(key).decrypt(nonce.encode(), sealed, associated.encode())
    except (ValueError, InvalidTag) as error:
        raise ForgedError("resource", "cannot be opened with our key") from error


def seal(key: bytes, nonce: str, plain: bytes, associated: str) -> str:
    """The other way, for who plays the provider."""
    return base64.b64encode(
        AESGCM(key).encrypt(nonce.encode(), plain, associated.encode())
    ).decode()
