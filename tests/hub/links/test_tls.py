"""An SMPP link over TLS by its endpoint string: our authority's certificate, and nobody else's."""

import datetime
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from hub import observe
from hub.links.smpp import make_link
from hub.reactor import install
from simulators.smsc.smsc import SMSC

ROOT = Path(__file__).parent.parent.parent.parent
pytestmark = pytest.mark.slow
HOST = "127.0.0.1"


def certificate(folder: Path, *, days: int = 1) -> Path:
    """A folder with a key and a self-signed certificate for loopback."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    address = x509.IPAddress(ip_address(HOST))
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=10))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(encoding))
    (folder / "private.key").write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


def linked(served: Path, trusted: Path, wait_s: float) -> str:
    """``up`` or ``down``: whether a link that trusts ``trusted`` binds to an SMSC that shows
    ``served``. In a process of its own: names are resolved by a reactor that really runs."""
    words = [sys.executable, "-m", __name__, str(served), str(trusted), str(wait_s)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    return done.stdout.strip()


def main(served: str, trusted: str, wait_s: str) -> None:
    """The process: an SMSC, a link, and what became of them."""
    observe.configure()
    reactor = install()

    async def scenario() -> None:
        smsc = SMSC(reactor)
        port = await smsc.start(
            endpoint=f"ssl:0:interface={HOST}:privateKey={served}/private.key"
            f":certKey={served}/cert.pem"
        )
        endpoint = f"tls:{HOST}:{port}:trustRoots={trusted}"
        section = {"endpoint": endpoint, "system_id": "hub", "reconnect_first_s": 0.05}
        link = make_link("mno", section, reactor, Path())
        link.start()
        give_up = reactor.seconds() + float(wait_s)
        while not link.up and reactor.seconds() < give_up:
            await deferLater(reactor, 0.01)
        print("up" if link.up else "down")
        await link.stop()
        await smsc.stop()

    def begin() -> None:
        Deferred.fromCoroutine(scenario()).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()


def test_a_link_binds_over_tls(tmp_path: Path) -> None:
    ours = certificate(tmp_path / "ours")
    assert linked(ours, ours, wait_s=20) == "up"


def test_another_s_certificate_is_no_link(tmp_path: Path) -> None:
    ours, other = certificate(tmp_path / "ours"), certificate(tmp_path / "other")
    assert linked(other, ours, wait_s=2) == "down"


def test_an_expired_certificate_is_no_link(tmp_path: Path) -> None:
    expired = certificate(tmp_path / "expired", days=-1)
    assert linked(expired, expired, wait_s=2) == "down"


if __name__ == "__main__":
    main(*sys.argv[1:])
