"""What the providers that sign have in common: our key and theirs, from the channel's secrets."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from adapters.mobilemoney import signing
from adapters.mobilemoney.reading import NoticeError, Said
from adapters.mobilemoney.sending import Came, Given, Result, UnfitError, secret


def own_key(given: Given) -> RSAPrivateKey:
    """The secret ``private_key``: PEM without a password. UnfitError."""
    try:
        return signing.private_key(secret(given, "private_key").encode())
    except ValueError as error:
        raise UnfitError("secret", f"private_key: {error}") from error


def their_keys(given: Given) -> Mapping[str, RSAPublicKey]:
    """The secret ``platform_keys``: public keys or certificates in PEM, one behind the other, by
    number. NoticeError: without them nobody can be believed."""
    try:
        return signing.public_keys(given.secrets.get("platform_keys", "").encode())
    except ValueError as error:
        raise NoticeError("platform_keys", str(error)) from error


def compact(reference: str) -> str:
    """Our reference as providers take it that want letters and digits only."""
    return reference.replace("-", "")


def fen(amount: Decimal) -> int:
    """Whole fen. UnfitError: a fraction of one, or nothing."""
    value = amount.scaleb(2)
    if value <= 0 or value != value.to_integral_value():
        raise UnfitError("amount", f"{amount} is no amount in whole fen")
    return int(value)


def refused(code: str, text: str, said: Said) -> Result:
    """A request that was not taken, or of which nobody knows."""
    return Result(came=Came.REFUSED if said is Said.FAILED else Came.LOST, code=code, text=text)


def form_of(told: Mapping[str, Any]) -> bytes:
    """A form to post."""
    return urlencode(told).encode()
