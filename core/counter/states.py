"""The life of a cashier's shift on one screen. What is not written here cannot happen.

``open``         it takes and gives money
``counted``      the cash was counted, blind; nothing moves any more, the count waits for the close
``handing``      counted too, and waits for the next cashier to count the same
``closed``       an end: the difference is posted, the cash lies in the safe, the Z report is made
``handed-over``  an end: the same, but the cash stays in the till for the next cashier's shift

No end leads anywhere: what comes late belongs to the next shift.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ShiftState(StrEnum):
    """States of a shift."""

    OPEN = "open"
    COUNTED = "counted"
    HANDING = "handing"
    CLOSED = "closed"
    HANDED_OVER = "handed-over"


class ShiftMove(StrEnum):
    """What can happen to a shift."""

    COUNT = "count"
    RECOUNT = "recount"  # by a supervisor: an error in counting, or a cashier who has gone
    OFFER = "offer"  # counted, for the next cashier
    WITHDRAW = "withdraw"  # the next one does not come
    CLOSE = "close"
    TAKE_OVER = "take-over"


S, M = ShiftState, ShiftMove

MOVES: Final[Mapping[tuple[ShiftState, ShiftMove], ShiftState]] = {
    (S.OPEN, M.COUNT): S.COUNTED,
    (S.OPEN, M.RECOUNT): S.COUNTED,
    (S.OPEN, M.OFFER): S.HANDING,
    (S.COUNTED, M.RECOUNT): S.COUNTED,
    (S.COUNTED, M.CLOSE): S.CLOSED,
    (S.HANDING, M.RECOUNT): S.HANDING,
    (S.HANDING, M.WITHDRAW): S.COUNTED,
    (S.HANDING, M.TAKE_OVER): S.HANDED_OVER,
}

#: Of a desk and of a cashier at most one is in one of these.
LIVE: Final = (S.OPEN, S.COUNTED, S.HANDING)
#: The same in SQL.
LIVE_SQL: Final = "state IN ('open', 'counted', 'handing')"
