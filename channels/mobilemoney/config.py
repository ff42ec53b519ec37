"""The configuration of such a channel: ``[channels.<name>]`` with ``kind = "mobilemoney"``."""

import os
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec

from hub.files import UnreadableError, read_text

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
#: A secret is a password or a key in PEM, never more.
MAX_SECRET: Final = 16_384
#: Less than this can be guessed.
MIN_PATH_SECRET: Final = 32
ENVIRONMENT: Final = "env:"
_LOCAL: Final = ("localhost",)


class MobileMoneyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One wallet: an account of ours with a provider. One channel is one app of the provider's: two
    with the same credentials would kill each other's access tokens.

    wallet
        Its name in the company's wallets (``mappings/wallets``), which says the provider.
    base
        The provider's address, such as ``https://api.safaricom.co.ke``.
    public
        Our own as the provider reaches it, in front of this hub's HTTP server.
    path
        Below ``public`` and on this hub's server: where callbacks come to.
    path_secret
        A file, or ``env:NAME``, with at least 32 characters that nobody can guess: callbacks have
        addresses that are made from it.
    callers
        Networks that may send callbacks: the provider's, or the proxy's that lets only him through.
    settings, secrets
        What the provider's data asks for; a secret is a file's name or ``env:NAME``.
    ca_file
        Certificates (PEM) that are trusted in place of the system's.
    waiting
        Payers and refunds that this channel follows at once. What is beyond waits in the database.
    connections
        Requests at once.
    failures, pause_s
        After so many calls in a row that failed the provider is left alone for a while.
    again_s
        Before a call that was put off comes again.
    answer_within_s
        A question whether a payment may be made is answered within this time, or not at all: then
        what was registered with the provider decides.
    pull_every_s
        How often the list of payments is fetched, where the provider has one.
    register
        Tell the provider our addresses at each start. Production takes them once only.
    """

    wallet: Annotated[str, msgspec.Meta(min_length=1)]
    base: str
    public: str
    path_secret: Annotated[str, msgspec.Meta(min_length=1)]
    path: Annotated[str, msgspec.Meta(pattern=r"^(/[A-Za-z0-9_-]+)+$")] = "/wallets/in"
    callers: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    settings: Mapping[str, str] = {}
    secrets: Mapping[str, str] = {}
    ca_file: str = ""
    waiting: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 2_000
    connections: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20
    failures: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    pause_s: Seconds = 15.0
    again_s: Seconds = 5.0
    answer_within_s: Annotated[float, msgspec.Meta(gt=0, le=5)] = 5.0
    pull_every_s: Annotated[float, msgspec.Meta(ge=60, le=86_400)] = 3_600.0
    register: bool = False

    def __post_init__(self) -> None:
        for name, address in (("base", self.base), ("public", self.public)):
            _check_address(name, address)
        for caller in self.callers:
            ip_network(caller)  # its ValueError names the wrong one


def _check_address(name: str, address: str) -> None:
    found = urlsplit(address)
    if found.scheme not in ("https", "http") or not found.hostname or address.endswith("/"):
        raise ValueError(f"{name} {address!r} must be https://host without a slash at its end")
    if found.query or found.fragment or found.username:
        raise ValueError(f"{name} {address!r} must have neither a user, a query nor a fragment")
    if found.scheme == "http" and not is_local(found.hostname):
        raise ValueError(f"{name} {address!r} must be https: only this very machine may go without")


def is_local(host: str) -> bool:
    """Whether a name or address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in _LOCAL


def read_secret(where: str, file: Callable[[str], Path]) -> str:
    """A secret from the environment or a file, blanks around it removed. ValueError: there is none,
    said without it."""
    if where.startswith(ENVIRONMENT):
        name = where.removeprefix(ENVIRONMENT)
        found = os.environ.get(name, "").strip()
        if not found:
            raise ValueError(f"the environment has no {name}")
        return found
    try:
        found = read_text(file(where), MAX_SECRET).strip()
    except UnreadableError as error:
        raise ValueError(str(error)) from error
    if not found:
        raise ValueError(f"{where}: the file is empty")
    return found


def check_public(address: str, words: tuple[str, ...]) -> None:
    """That a provider takes our address. ValueError names the word that he does not like."""
    for word in words:
        if re.search(re.escape(word), address, re.IGNORECASE):
            raise ValueError(f"the provider refuses {word!r} in an address of ours: {address}")
