"""The life of money that goes back to its payer, on one screen.

``asked``     the provider shall give it back; nobody may have it in between
``unknown``   nobody knows: it is asked about, never asked for again
``reversed``  it went back, by our wish or by the provider's own doing; it is out of the books
``failed``    it surely did not: the money is held again, and may be asked for once more
"""

from enum import StrEnum
from typing import Final


class RefundState(StrEnum):
    """States of a refund."""

    ASKED = "asked"
    UNKNOWN = "unknown"
    REVERSED = "reversed"
    FAILED = "failed"


S = RefundState
#: (state, what is reported) → state. What is not here comes too late, or twice.
MOVES: Final = {
    (S.ASKED, "unknown"): S.UNKNOWN,
    **{(state, "reversed"): S.REVERSED for state in (S.ASKED, S.UNKNOWN, S.FAILED)},
    **{(state, "failed"): S.FAILED for state in (S.ASKED, S.UNKNOWN)},
}
#: Somebody is asked, or it is done: no second one of the same payment.
STANDS: Final = (S.ASKED, S.UNKNOWN, S.REVERSED)


def moved(state: str, report: str) -> RefundState | None:
    """The state after a report; None where the table has none."""
    return MOVES.get((RefundState(state), report))
