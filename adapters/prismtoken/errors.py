"""Who is to blame: the module's side (:class:`DecodeError`) or our own (:class:`LocalError`)."""


class PrismTokenError(Exception):
    """The root of everything that this adapter raises on purpose."""


class DecodeError(PrismTokenError):
    """The peer sent octets that are not the message they claim to be.

    ``offset`` is the place in the frame behind its length; ``path`` names the field that failed,
    from the outermost in (``success[0].tokenDec``).
    """

    def __init__(self, why: str, offset: int) -> None:
        super().__init__(why, offset)
        self.why = why
        self.offset = offset
        self.path = ""

    def inside(self, name: str) -> None:
        """Puts the name of an enclosing field in front of the path, while the error rises."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        self.path = f"{name}{dot}{self.path}"

    def __str__(self) -> str:
        return f"{self.path or 'message'} at octet {self.offset}: {self.why}"


class LocalError(PrismTokenError):
    """Our own side asked for something that must not go on the wire."""


class EncodeError(LocalError):
    """A value of ours does not fit its field table; ``field`` names the culprit."""

    def __init__(self, why: str, field: str) -> None:
        super().__init__(f"{field}: {why}")
        self.why = why
        self.field = field


class NotAllowedError(LocalError):
    """The state of the session does not allow this call; nothing was sent."""


class OrderError(LocalError):
    """An order that no call can carry as it stands; nothing was sent."""
