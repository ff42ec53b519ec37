"""Where we listen, by Twisted's own words, and one more: whose clients a TLS listener lets in.

``ssl:6789:privateKey=key.pem:certKey=cert.pem:interface=…`` is Twisted's. It has no word for client
certificates; here ``clientCA=ca.pem`` names the authorities (PEM) whose clients alone are served.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from OpenSSL.crypto import Error as PemError
from OpenSSL.SSL import Error as TlsError
from twisted.internet import ssl
from twisted.internet.endpoints import SSL4ServerEndpoint, serverFromString

_ssl: Any = ssl  # it has no types
_MARK: Final = b"-----BEGIN CERTIFICATE-----"
_COLON: Final = re.compile(r"(?<!\\):")
_CLIENTS: Final = "clientCA"


def server_endpoint(reactor: Any, text: str) -> Any:
    """The endpoint of a listener. ValueError, OSError: it is none."""
    kind, *parts = (part.replace("\\:", ":") for part in _COLON.split(text))
    words = dict(part.partition("=")[::2] for part in parts)
    if kind != "ssl" or _CLIENTS not in words:
        return serverFromString(reactor, text)  # type: ignore[no-untyped-call]
    port = words.get("port") or next((part for part in parts if part.isdigit()), "")
    if not port:
        raise ValueError(f"{text!r}: no port")
    options = _options(words)
    interface = words.get("interface", "")
    return SSL4ServerEndpoint(reactor, int(port), options, interface=interface)  # type: ignore[no-untyped-call]


def words_of(text: str, name: str) -> str:
    """What an endpoint says behind ``name=``; empty: nothing."""
    found = (part.partition("=") for part in _COLON.split(text))
    return next((value.replace("\\:", ":") for key, _, value in found if key == name), "")


def _options(words: Mapping[str, str]) -> Any:
    """A certificate of ours that asks for one of theirs."""
    key = words.get("privateKey", "server.pem")
    chain = certificates(Path(words.get("certKey", key)).read_bytes())
    own = _ssl.PrivateCertificate.fromCertificateAndKeyPair(
        chain[0], _ssl.KeyPair.load(Path(key).read_bytes(), _ssl.SSL.FILETYPE_PEM)
    )
    return _ssl.CertificateOptions(
        privateKey=own.privateKey.original,
        certificate=own.original,
        extraCertChain=[each.original for each in chain[1:]],
        trustRoot=_ssl.trustRootFromCertificates(certificates(Path(words[_CLIENTS]).read_bytes())),
    )


def certificates(pem: bytes) -> list[Any]:
    """The certificates of a file. ValueError: there is none."""
    parts = [_MARK + part for part in pem.split(_MARK)[1:]]
    if not parts:
        raise ValueError("no certificate in PEM is in it")
    try:
        return [ssl.Certificate.loadPEM(part) for part in parts]
    except (TlsError, PemError) as error:
        raise ValueError(f"no certificate: {error}") from error
