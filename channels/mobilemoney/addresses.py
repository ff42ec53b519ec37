"""Addresses of callbacks that nobody can guess: each has a tag of its own, made from one secret.

``<path>/<kind>/<tag>`` for what is registered once, ``<path>/<kind>/<reference>/<tag>`` for the end
of one request. Who has seen one address can make no other.
"""

import hmac
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from adapters.mobilemoney.sending import Kind

#: 128 bits. Hexadecimal digits make none of the words that providers refuse in an address.
_TAG: Final = 32
_KINDS: Final = frozenset(kind.value for kind in Kind)
_REFERENCE: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Addresses:
    """``public`` is what stands before ``path`` in the provider's eyes."""

    public: str
    path: str
    secret: str = field(repr=False)

    def of(self, kind: Kind, reference: str = "") -> str:
        """The whole address that a provider is given."""
        return f"{self.public}{self.path}/{self._tail(kind, reference)}"

    def _tail(self, kind: Kind, reference: str) -> str:
        parts = [kind.value, *([reference] if reference else []), self._tag(kind, reference)]
        return "/".join(parts)

    def _tag(self, kind: Kind, reference: str) -> str:
        text = f"{kind.value}/{reference}".encode()
        return hmac.new(self.secret.encode(), text, sha256).hexdigest()[:_TAG]

    def read(self, path: str) -> tuple[Kind, str] | None:
        """Kind and reference of an address that was made here; None for any other."""
        if not path.startswith(f"{self.path}/"):
            return None
        parts = path.removeprefix(f"{self.path}/").rstrip("/").split("/")
        if len(parts) not in (2, 3) or parts[0] not in _KINDS:
            return None
        kind, reference = Kind(parts[0]), parts[1] if len(parts) == 3 else ""
        if reference and not _REFERENCE.fullmatch(reference):
            return None
        told, made = parts[-1].encode("utf-8", "replace"), self._tag(kind, reference).encode()
        return (kind, reference) if hmac.compare_digest(told, made) else None
