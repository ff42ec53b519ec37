"""The life of a key change on one screen, and who moves it. What is not written here cannot happen.

``needed``     wanted by a campaign, an operator or a tariff; the meter on file has its old key
``issued``     a set was printed in front of a credit; on file the meter has its new key
``presumed``   a later purchase came without complaint, or 60 days went by
``confirmed``  somebody knows: read-out, field check, the customer's answer
``failed``     the meter kept its old key: on file it has it again
"""

from enum import StrEnum
from typing import Final

#: A purchase this long after the set was printed is a later one: who buys twice within the hour
#: may not have been at his meter yet.
LATER_US: Final = 24 * 3_600_000_000
#: After so long a set is presumed to be in the meter: who has light has bought and keyed in.
LAPSE_US: Final = 60 * 24 * 3_600_000_000
#: The first sale prints the set, and the next two repeat it.
PRINTED: Final = 3


class KeyChangeState(StrEnum):
    """States; the last two are ends."""

    NEEDED = "needed"
    ISSUED = "issued"
    PRESUMED = "presumed"
    CONFIRMED = "confirmed"
    FAILED = "failed"


class Event(StrEnum):
    """What can happen to a key change, and who does it."""

    NEED = "need"  # a campaign, an operator or a tariff: the meter shall have another key
    PRINT = "print"  # a sale under the policy "do", or another one soon after it
    PURCHASE = "purchase"  # a later sale
    LAPSE = "lapse"  # the clock
    CONFIRM = "confirm"  # an operator, with what he knows it from
    FAIL = "fail"  # an operator: the meter has its old key, or the change is called off


S, E = KeyChangeState, Event
OPEN, NOT_ISSUED, OVER = "key-change-open", "key-change-not-issued", "key-change-over"

#: (state, event) -> the state after it, or the code of a refusal. NEED after an end begins a new
#: change; after ``presumed`` too, as a keypad meter never confirms by itself.
MOVES: Final[dict[tuple[KeyChangeState, Event], KeyChangeState | str]] = {
    (S.NEEDED, E.NEED): S.NEEDED,
    (S.NEEDED, E.PRINT): S.ISSUED,
    (S.NEEDED, E.PURCHASE): S.NEEDED,  # under the old key: policy "never" or "tell"
    (S.NEEDED, E.LAPSE): S.NEEDED,
    (S.NEEDED, E.CONFIRM): NOT_ISSUED,
    (S.NEEDED, E.FAIL): S.FAILED,
    (S.ISSUED, E.NEED): OPEN,
    (S.ISSUED, E.PRINT): S.ISSUED,
    (S.ISSUED, E.PURCHASE): S.PRESUMED,
    (S.ISSUED, E.LAPSE): S.PRESUMED,
    (S.ISSUED, E.CONFIRM): S.CONFIRMED,
    (S.ISSUED, E.FAIL): S.FAILED,
    (S.PRESUMED, E.NEED): S.NEEDED,
    (S.PRESUMED, E.PRINT): S.PRESUMED,
    (S.PRESUMED, E.PURCHASE): S.PRESUMED,
    (S.PRESUMED, E.LAPSE): S.PRESUMED,
    (S.PRESUMED, E.CONFIRM): S.CONFIRMED,
    (S.PRESUMED, E.FAIL): S.FAILED,
    (S.CONFIRMED, E.NEED): S.NEEDED,
    (S.CONFIRMED, E.PRINT): OVER,
    (S.CONFIRMED, E.PURCHASE): S.CONFIRMED,
    (S.CONFIRMED, E.LAPSE): S.CONFIRMED,
    (S.CONFIRMED, E.CONFIRM): S.CONFIRMED,
    (S.CONFIRMED, E.FAIL): OVER,
    (S.FAILED, E.NEED): S.NEEDED,
    (S.FAILED, E.PRINT): OVER,
    (S.FAILED, E.PURCHASE): S.FAILED,
    (S.FAILED, E.LAPSE): S.FAILED,
    (S.FAILED, E.CONFIRM): OVER,
    (S.FAILED, E.FAIL): S.FAILED,
}

#: The set may not be in the meter yet: copies of tokens under the new key show it too.
UNSURE: Final = frozenset({S.ISSUED, S.PRESUMED})
ENDS: Final = frozenset({S.CONFIRMED, S.FAILED})
