"""AMQP over TLS on a real broker: our authority's certificate, and nobody else's."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.bus.access import Access
from hub.bus.checking import look
from hub.bus.publisher import Publisher
from simulators.bench.servers import Rabbit, free_port
from tests.hub.bus.test_rabbit import loop, until  # noqa: F401 - fixtures
from tests.hub.links.test_tls import certificate
from tests.servers.rabbit import ctl

pytestmark = pytest.mark.slow
#: Another process may take a port between its choice and the listener: then another is chosen.
TRIES = 5


def client_of(authority: Path, folder: Path) -> Path:
    """A folder with a client's key and certificate, signed by an authority."""
    folder.mkdir()
    signer = serialization.load_pem_private_key((authority / "private.key").read_bytes(), None)
    issuer = x509.load_pem_x509_certificate((authority / "cert.pem").read_bytes())
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .sign(signer, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(encoding))
    (folder / "private.key").write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    )
    return folder


@pytest.fixture
def served(rabbit: Rabbit, tmp_path: Path) -> Callable[..., str]:
    """A listener of the broker that shows a certificate and asks for one of ``clients``."""

    def serve(shown: Path, clients: Path | None = None) -> str:
        files = rabbit.folder / f"{tmp_path.name}-{shown.name}"
        shutil.copytree(shown, files)
        for path in (files, *files.iterdir()):
            path.chmod(0o755)
        options = f'{{certfile,"{files}/cert.pem"}},{{keyfile,"{files}/private.key"}}'
        if clients is not None:
            shutil.copy(clients / "cert.pem", files / "clients.pem")
            (files / "clients.pem").chmod(0o644)
            options += f',{{cacertfile,"{files}/clients.pem"}}'
            options += ",{verify,verify_peer},{fail_if_no_peer_cert,true}"
        for _ in range(TRIES):
            port = free_port()
            said = ctl(
                rabbit,
                "eval",
                f'catch rabbit_networking:start_ssl_listener({{"127.0.0.1",{port}}},'
                f"[{options}],2).",
            )
            if said.strip() == "ok":
                return f"amqps://guest:guest@127.0.0.1:{port}/%2F"
        raise AssertionError(said)

    return serve


def test_a_broker_is_reached_over_tls(
    served: Callable[..., str],
    tmp_path: Path,
    loop: asyncio.AbstractEventLoop,  # noqa: F811
) -> None:
    ours, clients = certificate(tmp_path / "ours"), certificate(tmp_path / "clients")
    mine = client_of(clients, tmp_path / "mine")
    url = served(ours, clients=clients)
    ca = str(ours / "cert.pem")
    access = Access(url, "", ca, str(mine / "cert.pem"), str(mine / "private.key"))
    publisher = Publisher(access, f"tls{tmp_path.name[-8:]}", loop, "test-tls")
    publisher.start()
    until(publisher.ready)
    assert publisher.publish(1, b"", "b1").result(timeout=30)
    publisher.stop()
    without = look(Access(url, "", ca), "tls")
    assert without.away or without.problems, "it asks for our certificate"


def test_another_s_certificate_is_no_broker(served: Callable[..., str], tmp_path: Path) -> None:
    ours, other = certificate(tmp_path / "ours"), certificate(tmp_path / "other")
    found = look(Access(served(other), "", str(ours / "cert.pem")), "tls")
    (sentence,) = found.problems
    assert "shows a certificate that [bus] ca does not vouch for" in sentence
    assert "guest:guest" not in sentence


def test_an_expired_certificate_is_no_broker(served: Callable[..., str], tmp_path: Path) -> None:
    expired = certificate(tmp_path / "expired", days=-1)
    found = look(Access(served(expired), "", str(expired / "cert.pem")), "tls")
    assert "expired" in found.problems[0]


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    found = look(Access("amqps://guest@127.0.0.1/%2F", "", str(tmp_path / "none.pem")), "tls")
    assert "certificates" in found.problems[0]
    assert "none.pem" in found.problems[0]
