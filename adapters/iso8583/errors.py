"""Who is to blame: the peer (:class:`DecodeError`), our own side (:class:`EncodeError`) or whoever
wrote the dialect (:class:`DialectError`).

The sentence of an error names a place and a reason, never a value: it goes to logs, and a field may
hold a card number. Evidence and the part decoded so far are kept beside it, for who may see them.
"""

from collections.abc import Mapping
from typing import Any, Final

#: Octets of evidence kept around the place: enough to see a length and what follows it.
EVIDENCE_OCTETS: Final = 32


class IsoError(Exception):
    """The root of everything that this adapter raises on purpose.

    ``path`` is the field and what is below it (``48.customer``, ``bitmap``, ``frame``), ``why`` one
    clause that says what is wrong there.
    """

    def __init__(self, why: str, path: str, where: str = "") -> None:
        super().__init__(f"{path}{where}: {why}")
        self.why = why
        self.path = path


class DecodeError(IsoError):
    """The peer sent octets that are not what they claim to be.

    ``offset`` counts octets from the start of the message, its header included. ``evidence`` are
    the octets from there on, cut short; ``partial`` the fields decoded before, by number. Both may
    hold card data, so that neither is part of the sentence.
    """

    def __init__(
        self,
        why: str,
        path: str,
        offset: int,
        evidence: bytes = b"",
        partial: Mapping[int, Any] | None = None,
    ) -> None:
        super().__init__(why, path, f" at octet {offset}")
        self.offset = offset
        self.evidence = evidence[:EVIDENCE_OCTETS]
        self.partial: Mapping[int, Any] = partial or {}


class PinBlockError(DecodeError):
    """The message carries a PIN block (DE52), which has no business in a utility's hub."""


class MacError(DecodeError):
    """The code over the octets as received is not the one that they carry: never processed."""


class LocalError(IsoError):
    """Our own side asked for something that must not go on the wire."""


class EncodeError(LocalError):
    """A message of ours does not fit its dialect; ``path`` names the culprit."""


class KeyFault(LocalError):  # noqa: N818 - a fault of a key, not of a message
    """A key has the wrong length, or its check value is not the one that came with it."""


class DialectError(LocalError):
    """A dialect cannot be compiled; ``path`` is the place in its document."""
