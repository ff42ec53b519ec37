"""What an installation shows to others: secrets in readable files, and words sent in the clear.

For ``wattbus check``. A file of a secret that others can read is a problem where a company is live.
What leaves this machine without TLS is a warning: a tunnel may carry it that we do not see.
"""

import datetime
import os
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from cryptography import x509

from hub.config import Config
from hub.files import UnreadableError, private
from hub.httptls import TlsError, server_tls
from hub.listeners import words_of

#: A renewal that failed is seen while there is still time for it.
EXPIRES: Final = datetime.timedelta(days=21)
#: Options of a channel or link that name a file of a secret.
_SECRETS: Final = ("password_file", "master_key_file", "path_secret")
_ENVIRONMENT: Final = "env:"


def is_local(host: str) -> bool:
    """Whether an address is this very machine's. A name is not, but ``localhost``."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def readable_secrets(settings: Config) -> list[str]:
    """Files of secrets that others than the hub's user can read, with where they are named."""
    found = []
    for where, name in secret_files(settings):
        path = settings.path(name)
        try:
            if path.exists():  # what is missing is said by who needs it
                private(path)
        except (UnreadableError, OSError) as error:
            found.append(f"{where}: {error}")
    return found


def secret_files(settings: Config) -> Iterator[tuple[str, str]]:
    """``[section] key`` and the file's name, of every secret that the configuration names."""
    for code, company in settings.companies.items():
        keys = {"master_key_file": company.master_key_file, "pin_key_file": company.pin_key_file}
        if company.master_key is not None:
            keys["master_key"] = company.master_key.file
        yield from _named(f"companies.{code}", keys)
    for name, module in settings.modules.items():
        yield from _named(f"modules.{name}", {"pin_file": module.pin_file})
    for name, operator in settings.operators.items():
        yield from _named(f"operators.{name}", {"secret_file": operator.secret_file})
    for name, options in _options(settings):
        yield from _named(name, {key: options.get(key, "") for key in _SECRETS})
        secrets = options.get("secrets", {})
        if isinstance(secrets, Mapping):
            yield from _named(f"{name}.secrets", secrets)
        yield from _named(name, {"endpoint": words_of(_text(options, "endpoint"), "privateKey")})
    yield from _named("http", {"tls_key": settings.http.tls_key})
    bus = settings.bus
    yield from _named("bus", {"password_file": bus.password_file, "key": bus.key})


def _named(section: str, files: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, name in files.items():
        if isinstance(name, str) and name and not name.startswith(_ENVIRONMENT):
            yield f"[{section}] {key}", name


def _options(settings: Config) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, channel in settings.channels.items():
        yield f"channels.{name}", channel.options
    for name, link in settings.links.items():
        yield f"links.{name}", link.options


def _text(options: Mapping[str, Any], key: str) -> str:
    return str(options.get(key, ""))


def in_the_clear(settings: Config) -> list[str]:
    """Listeners and links that leave this machine without TLS, or trust whoever answers."""
    return [
        *_http(settings),
        *_listeners(settings),
        *_links(settings),
        *_database(settings),
        *_broker(settings),
    ]


def _http(settings: Config) -> Iterator[str]:
    http = settings.http
    if http.port and not http.tls_cert and not is_local(http.host):
        yield (
            f"[http] host = {http.host!r} listens beyond this machine without TLS: give tls_cert "
            "and tls_key, or listen on 127.0.0.1 behind a proxy"
        )


def _listeners(settings: Config) -> Iterator[str]:
    for name, section in settings.channels.items():
        endpoint = _text(section.options, "endpoint")
        if endpoint.startswith("tcp:") and not is_local(words_of(endpoint, "interface")):
            yield (
                f"[channels.{name}] endpoint = {endpoint!r} listens beyond this machine without "
                "TLS: write ssl:…, or :interface=127.0.0.1"
            )


def _links(settings: Config) -> Iterator[str]:
    for name, section in settings.links.items():
        kind, *parts = _text(section.options, "endpoint").split(":")
        host = words_of(":".join((kind, *parts)), "host") or (parts[0] if parts else "")
        if kind == "tcp" and not is_local(host):
            yield (
                f"[links.{name}] endpoint: to {host} without TLS, its password too: write tls:…, "
                "or lead it through a tunnel"
            )


def _database(settings: Config) -> Iterator[str]:
    url = settings.database.url
    if url.startswith("sqlite:"):
        return
    found = urlsplit(url)
    words = {name: values[-1] for name, values in parse_qs(found.query).items()}
    password, _, places = found.netloc.rpartition("@")
    hosts = [_bare(each) for each in (words.get("host") or places).split(",") if each]
    remote = [host for host in hosts if not host.startswith("/") and not is_local(host)]
    mode = words.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"
    if remote and mode != "verify-full":
        yield (
            f"[database] url: {remote[0]} with sslmode={mode} is whoever answers: write "
            "?sslmode=verify-full&sslrootcert=FILE"
        )
    if ":" in password or "password" in words:
        yield "[database] url has a password: it belongs into PGPASSFILE (docs/hardening.md)"


def _bare(place: str) -> str:
    """A host without its port."""
    if place.startswith("["):
        return place[1:].partition("]")[0]
    return place.partition(":")[0]


#: Without TLS, and what the same is called with it.
_PLAIN: Final = {"amqp": "amqps://", "redis": "rediss://"}


def _broker(settings: Config) -> Iterator[str]:
    if not settings.bus.url:
        return
    found = urlsplit(settings.bus.url)
    if found.scheme in _PLAIN and not is_local(found.hostname or "localhost"):
        yield f"[bus] url: to {found.hostname} without TLS: write {_PLAIN[found.scheme]}"
    if found.password:
        yield "[bus] url has a password: it belongs into password_file (docs/brokers.md)"


def certificate(settings: Config, now: datetime.datetime) -> tuple[list[str], list[str]]:
    """What is wrong with the HTTP server's certificate, and what soon will be."""
    http = settings.http
    try:
        tls = server_tls(settings.base, http.tls_cert, http.tls_key, http.tls_client_ca)
    except TlsError as error:
        return [f"[http] {error}"], []
    if tls is None:
        return [], []
    ends = x509.load_pem_x509_certificate(tls.certificate.read_bytes()).not_valid_after_utc
    said = f"[http] tls_cert {http.tls_cert} ends on {ends:%Y-%m-%d %H:%M} UTC"
    if ends <= now:
        return [said], []
    return [], [said] if ends - now < EXPIRES else []
