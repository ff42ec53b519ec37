"""Keys and signatures by the openssl command: another road than our own code's."""

import subprocess
from base64 import b64decode, b64encode
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple


class Pair(NamedTuple):
    """A key in PEM: private, public, in a certificate, and that one's serial in hex digits."""

    private: str
    public: str
    certificate: str
    serial: str


def _run(*command: str) -> bytes:
    return subprocess.run(("openssl", *command), capture_output=True, check=True).stdout


@cache
def pair(name: str, bits: int = 2048) -> Pair:
    """The key pair of ``name``, made once a run."""
    folder = Path(mkdtemp(prefix=f"wattbus-{name}-"))
    key, crt = str(folder / "key.pem"), str(folder / "crt.pem")
    _run("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}", "-out", key)
    _run("req", "-new", "-x509", "-key", key, "-subj", f"/CN={name}", "-days", "9", "-out", crt)
    serial = _run("x509", "-in", crt, "-noout", "-serial").decode().strip().partition("=")[2]
    public = _run("pkey", "-in", key, "-pubout").decode()
    return Pair(Path(key).read_text(), public, Path(crt).read_text(), serial.lstrip("0"))


def sign(of: Pair, text: bytes) -> str:
    """RSA with SHA-256, in base64."""
    folder = Path(mkdtemp(prefix="wattbus-sign-"))
    (folder / "key").write_text(of.private)
    (folder / "text").write_bytes(text)
    signed = _run("dgst", "-sha256", "-sign", str(folder / "key"), str(folder / "text"))
    return b64encode(signed).decode()


def verifies(of: Pair, text: bytes, signature: str) -> bool:
    """Whether openssl finds it signed by this key."""
    folder = Path(mkdtemp(prefix="wattbus-verify-"))
    (folder / "key").write_text(of.public)
    (folder / "text").write_bytes(text)
    (folder / "signature").write_bytes(b64decode(signature))
    command = ("openssl", "dgst", "-sha256", "-verify", str(folder / "key"),
               "-signature", str(folder / "signature"), str(folder / "text"))  # fmt: skip
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
