"""PINs: proofs compared, wrong ones counted, and the lock that they bring. Pure.

What comes is a keyed hash (``hub.pins``); the PIN itself is known to the edge for a moment only.
Cashiers (``core.terminals.pins``) and customers' phones (``core.registration.guard``) share this.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Final

#: HMAC-SHA256, hex.
_PROOF: Final = re.compile(r"[0-9a-f]{64}")
#: A slip of the finger, and another: who is wrong a third time guesses.
TRIES: Final = 3
#: As long as a guesser does not wait and an honest person can. Each lock is twice as long as the
#: one before, until a right PIN or an operator ends it: half of the 10,000 PINs of 4 digits take a
#: guesser years at a day each; at a quarter of an hour always, 17 days.
LOCK_US: Final = 15 * 60 * 1_000_000
LONGEST_US: Final = 24 * 3600 * 1_000_000
#: A count that goes on for ever would not: the lock is at its longest long before.
MAX_WRONG: Final = 3_000


@dataclass(frozen=True, slots=True)
class Tried:
    """A PIN was compared: was it right, how many wrong ones stand now, until when it locks (0: it
    does not), in microseconds."""

    right: bool
    wrong: int
    until: int

    @property
    def left(self) -> int:
        """How many more may be wrong before it locks."""
        return TRIES - self.wrong % TRIES


def is_proof(text: str) -> bool:
    """Whether this has the form of a PIN's proof."""
    return _PROOF.fullmatch(text) is not None


def lock_us(wrong: int) -> int:
    """How long so many wrong PINs in a row lock, in microseconds; 0: not yet, or not again."""
    locks, more = divmod(wrong, TRIES)
    if more or not locks:
        return 0
    return min(LOCK_US << min(locks - 1, 10), LONGEST_US)


def tried(known: str, given: str, wrong: int, now_us: int) -> Tried:
    """The proof ``given`` against the ``known`` one, after ``wrong`` wrong ones. Who is locked is
    not asked at all: the caller looks first."""
    if known and hmac.compare_digest(known.encode(), given.encode()):
        return Tried(True, 0, 0)
    wrong = min(wrong + 1, MAX_WRONG)
    lock = lock_us(wrong)
    return Tried(False, wrong, now_us + lock if lock else 0)
