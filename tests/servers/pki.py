"""Certificates for tests: an authority and what it signs, right, expired or misnamed."""

import datetime
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, in files."""

    certificate: Path
    key: Path

    @property
    def endpoint(self) -> str:
        """As Twisted's server endpoints name them."""
        return f"privateKey={self.key}:certKey={self.certificate}"


class Authority:
    """Signs. ``folder`` holds ``file``, its certificate, alone (Twisted's trustRoots)."""

    def __init__(self, folder: Path, name: str = "ours") -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(f"{name} CA", f"{name} CA", self._key, days=10).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = self.folder / "ca.pem"
        self.file.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))

    def pair(self, name: str = HOST, *, days: int = 5) -> Pair:
        """A certificate for a host's name or address; ``days`` negative: it has expired."""
        home = self.folder.parent / f"{self.name}-{name}-{days}"
        home.mkdir(exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(name, f"{self.name} CA", key, days).add_extension(
            x509.SubjectAlternativeName([_general(name)]), critical=False
        )
        made = Pair(home / "cert.pem", home / "private.key")
        made.certificate.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        made.key.touch(mode=0o600)
        made.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return made

    def _builder(
        self, subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, days: int
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 20 * _DAY)
            .not_valid_after(now + days * _DAY)
        )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
