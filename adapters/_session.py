"""What all sans-IO sessions say to whoever gives them a socket."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CloseLink:
    """The session is over: write what is outgoing, then close the transport.

    ``abort`` means that the peer no longer reads, so that nothing can be flushed. ``pause`` is the
    least time in seconds before a client connects again (a refused login must not be repeated at
    once: operators lock the account).
    """

    reason: str
    abort: bool = False
    pause: float = 0.0
