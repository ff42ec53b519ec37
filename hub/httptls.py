"""TLS of the HTTP server: certificate, key, and whose clients are let in at all.

The files are looked at again while the server runs: a renewed certificate is shown from the next
handshake on, and one that cannot be used leaves the old one where it is.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from hub.files import UnreadableError, private

log = structlog.get_logger("hub.http")

#: Seconds between two looks at the files: a renewed certificate has weeks, a revoked one has not.
LOOK_S: Final = 60.0


class TlsError(ValueError):
    """The certificate cannot be used; the sentence names the file and says why."""


@dataclass(slots=True)
class ServerTls:
    """``certificate``: a PEM chain, the server's own first. ``key``: its key, for our eyes only.
    ``client_ca``: authorities whose clients are served; None: whoever comes."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    context: ssl.SSLContext = field(init=False)
    _seen: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        """Raises TlsError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996: what is older is broken
        self._load(context)
        self._seen = self._stamps()
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            try:
                context.load_verify_locations(self.client_ca)
            except (OSError, ssl.SSLError) as error:
                raise TlsError(
                    f"{self.client_ca}: no certificates in PEM: {_why(error)}"
                ) from error
        self.context = context

    def renew(self) -> bool:
        """Show the files' certificate from now on, where they have changed. Never raises."""
        try:
            seen = self._stamps()
            if seen == self._seen:
                return False
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # half of a pair must not get in
            self._load(self.context)
        except (TlsError, OSError) as error:
            log.error("http.certificate", why=str(error), shown="the old one")
            return False
        self._seen = seen
        log.info("http.certificate", shown="the new one")
        return True

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            private(self.key)
            context.load_cert_chain(self.certificate, self.key)
        except UnreadableError as error:
            raise TlsError(str(error)) from error
        except (OSError, ssl.SSLError) as error:
            pair = f"{self.certificate} and {self.key}"
            raise TlsError(f"{pair}: no certificate with its key in PEM: {_why(error)}") from error

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        found = [path.stat() for path in (self.certificate, self.key)]
        return tuple((each.st_mtime_ns, each.st_size) for each in found)


def server_tls(base: Path, certificate: str, key: str, client_ca: str) -> ServerTls | None:
    """What ``[http]`` says of TLS; None: nothing. Raises TlsError."""
    if not certificate:
        if key or client_ca:
            raise TlsError("[http] tls_key and tls_client_ca need tls_cert")
        return None
    if not key:
        raise TlsError("[http] tls_cert needs tls_key")
    return ServerTls(base / certificate, base / key, base / client_ca if client_ca else None)


def _why(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
