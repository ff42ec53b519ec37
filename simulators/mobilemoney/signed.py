"""What providers that sign have in common when they are played: keys, and notices made wrong.

``keys`` keeps the pairs of a folder, so that a merchant can be configured with the files:
``platform.key``, ``platform.pem`` (the provider's certificate), ``merchant.key`` and
``merchant.pem``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.x509.oid import NameOID

from adapters.mobilemoney.signing import private_key, public_keys
from simulators.mobilemoney.book import Movement
from simulators.mobilemoney.purse import Purse
from simulators.mobilemoney.wire import Call, Notice

BEIJING: Final = timezone(timedelta(hours=8))

#: A certificate of a simulator never ends before the simulator does.
_YEARS = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Keys:
    """The provider's pair with its certificate, and the merchant's public key. ``merchant_key``:
    the merchant's own, where this side made it for him."""

    platform: RSAPrivateKey = field(repr=False)
    certificate: str
    merchant: RSAPublicKey
    merchant_key: str = field(default="", repr=False)

    @property
    def serial(self) -> int:
        """Of the certificate."""
        return x509.load_pem_x509_certificate(self.certificate.encode()).serial_number


@cache
def made() -> Keys:
    """New pairs, one set a process: to make them takes longer than all that is done with them."""
    return _new()


@cache
def stranger() -> Keys:
    """Those of somebody who is not the provider."""
    return _new()


def _new() -> Keys:
    platform, merchant = (generate_private_key(65537, 2048) for _ in range(2))
    return Keys(platform, _certificate(platform), merchant.public_key(), _pem(merchant))


def keys(folder: Path) -> Keys:
    """The pairs in a folder; made there where they are missing. OSError, ValueError."""
    if not (folder / "platform.key").exists():
        folder.mkdir(parents=True, exist_ok=True)
        new = made()
        merchant = private_key(new.merchant_key.encode())
        for name, text in (
            ("platform.key", _pem(new.platform)),
            ("platform.pem", new.certificate),
            ("merchant.key", new.merchant_key),
            ("merchant.pem", _certificate(merchant)),
        ):
            file = folder / name
            file.touch(mode=0o600)
            file.write_text(text)
    platform = private_key((folder / "platform.key").read_bytes())
    (merchant_key,) = public_keys((folder / "merchant.pem").read_bytes()).values()
    return Keys(platform, (folder / "platform.pem").read_text(), merchant_key)


def _pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _certificate(key: RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated Pay")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _YEARS)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


class ByCode:
    """What is the same for all of them: payers only scan codes, and no call has a token."""

    currency = "CNY"
    hours = 8
    token_s = 0
    one_token = False
    echoes = False

    def paid_in(self, purse: Purse, movement: Movement, third: str) -> Notice | None:
        """Nobody pays by himself."""
        del purse, movement, third
        return None

    def question(self, purse: Purse, movement: Movement) -> Notice | None:
        """Nobody is asked."""
        del purse, movement
        return None

    def allows(self, reply: tuple[int, bytes] | None) -> tuple[bool, str]:
        """Everything."""
        del reply
        return True, ""


def here(call: Call, otherwise: str) -> str:
    """Where this provider's files are: below the address that was called, on this very machine."""
    host = call.headers.get("host", "")
    return "" if host.startswith(("127.", "localhost")) else otherwise


def moment(at: float, form: str) -> str:
    """A time of Beijing's."""
    return datetime.fromtimestamp(at, BEIJING).strftime(form)


def byte_changed(notice: Notice, by: Mapping[bytes, bytes]) -> Notice:
    """The notice with other octets under its old signature."""
    raw = notice.body()
    for old, new in by.items():
        raw = raw.replace(old, new, 1)
    return Notice(
        notice.url, notice.fields, notice.about, notice.kind, notice.method, notice.headers, raw
    )
