"""The configuration of a link to a PrismToken: ``[links.<name>]`` with ``kind = "prismtoken"``."""

from typing import Annotated

import msgspec

from adapters.prismtoken.settings import Login, Settings

Seconds = Annotated[float, msgspec.Meta(gt=0, le=600)]


class PrismLinkConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the security module is, and as whom we sign in.

    endpoint
        Where to connect, as a Twisted endpoint: ``tls:prism.example.net:9443`` (with
        ``:trustRoots=DIR`` for your own authority), ``tcp:…`` only on a cable of your own.
    username, password_file, realm
        The login. The password is the first line of a file that only Wattbus can read; ``local``
        is the realm of the module's own users.
    connections
        Calls that may be out at once, one for each. A module makes tens of tokens a second; a
        second connection hides the way there and back, more gain nothing.
    call_timeout_s
        Seconds until a call without answer has an unknown outcome: longer than the module's
        longest queue.
    ping_s
        Seconds of silence after which we ask for life.
    reconnect_first_s, reconnect_longest_s
        Pauses between connections: they begin at the first and double up to the longest.
    """

    endpoint: str
    username: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    password_file: str = ""
    realm: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] = "local"
    connections: Annotated[int, msgspec.Meta(ge=1, le=16)] = 2
    call_timeout_s: Seconds = 10.0
    ping_s: Seconds = 30.0
    reconnect_first_s: Seconds = 1.0
    reconnect_longest_s: Seconds = 30.0

    def login(self, password: str) -> Login:
        """Who we are to the module."""
        return Login(self.username, password, self.realm)

    def settings(self) -> Settings:
        """The session's limits and timers."""
        return Settings(call_timeout=self.call_timeout_s, ping_interval=self.ping_s)
