"""Limits and timers of a connection, and the login."""

from dataclasses import dataclass, field

from adapters.prismtoken.tables import Limits


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to the module. ``realm`` is ``local`` for users of the module itself."""

    username: str
    password: str = field(repr=False)
    realm: str = "local"
    culture: str = "en"
    #: leads the message ids of sign-ins in the module's log; the calls bring their own ids
    name: str = "wattbus"


@dataclass(frozen=True, slots=True)
class Settings:
    """One connection's limits and timers, in seconds, with the reason of each default."""

    sign_in_timeout: float = 10.0
    # A hundred tokens in front of ours take 2.5 s at 40 a second: what is later is lost.
    call_timeout: float = 10.0
    # Silence after which we ask for life, so that no order is spent on a dead connection.
    ping_interval: float = 30.0
    ping_timeout: float = 5.0
    frame_timeout: float = 10.0  # a frame that has begun must end: no slow peer holds a link
    refused_pause: float = 60.0  # before the next sign-in after a refused one: accounts get locked
    limits: Limits = field(default_factory=Limits)
