"""Who is to blame: the peer (:class:`DecodeError`) or our own side (:class:`LocalError`)."""

from adapters.smpp.status import Status


class SmppError(Exception):
    """The root of everything that this adapter raises on purpose."""


class DecodeError(SmppError):
    """The peer sent bytes that are not the PDU they claim to be.

    ``status`` is the command_status that tells the peer so (SMPP 3.4, 5.1.3), ``field`` the field
    that failed and ``offset`` its place in the PDU, header included.
    """

    def __init__(self, why: str, field: str, offset: int, status: Status) -> None:
        super().__init__(f"{field} at octet {offset}: {why}")
        self.why = why
        self.field = field
        self.offset = offset
        self.status = status


class LocalError(SmppError):
    """Our own side asked for something that must not go on the wire."""


class EncodeError(LocalError):
    """A PDU of ours does not fit its field table; ``field`` names the culprit."""

    def __init__(self, why: str, field: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field


class NotAllowedError(LocalError):
    """The state of the session does not allow this request; nothing was sent."""


class WindowFullError(LocalError):
    """As many requests as the window allows are waiting for their response; nothing was sent."""


class QueueFullError(LocalError):
    """The link's own queue is full: push back on whoever produces; nothing was queued."""
