"""PINs at the edge: what is typed becomes its keyed proof before anything else sees it.

Behind this nobody has the PIN: not the menu machine, the session, the journal or the hub.
"""

from dataclasses import dataclass

from channels.ussd.values import WEAK
from hub.pinrules import LONGEST, SHORTEST, weakness
from hub.pins import phone_proof

#: In the place of what cannot be a PIN.
NONE = "none"


@dataclass(frozen=True, slots=True)
class Pins:
    """Proves the PINs of one company's phones. ``key`` None: the company has none."""

    key: bytes | None
    company: str

    def heard(self, msisdn: str, typed: str, *, new: bool) -> str:
        """The proof (64 hex digits); ``weak`` for a ``new`` one that is guessed first, ``none`` for
        what is no PIN."""
        pin = typed.strip()
        if self.key is None or not (pin.isascii() and pin.isdigit()):
            return NONE
        if not SHORTEST <= len(pin) <= LONGEST:
            return NONE
        if new and weakness(pin):
            return WEAK
        return phone_proof(self.key, self.company, msisdn, pin)
