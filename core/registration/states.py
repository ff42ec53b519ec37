"""The life of a phone's request to have a meter. What is not written here cannot happen.

``waiting``   a code is on its way to who must agree: the phone on file, or the phone itself
``operator``  there is no phone on file: an operator must agree
``done``      it was confirmed or approved: the meter is saved, the account may be spent
``refused``   an operator said no
``ended``     it was too late, a code was wrong three times, or another request took its place
"""

from enum import StrEnum
from typing import Final


class RequestState(StrEnum):
    """States of a request."""

    WAITING = "waiting"
    OPERATOR = "operator"
    DONE = "done"
    REFUSED = "refused"
    ENDED = "ended"


class RequestMove(StrEnum):
    """What can happen to one."""

    CONFIRM = "confirm"  # the right code
    APPROVE = "approve"  # by an operator
    REFUSE = "refuse"
    END = "end"


S, M = RequestState, RequestMove
#: Nobody has said yet how it ends.
OPEN: Final = (S.WAITING, S.OPERATOR)
MOVES: Final = {
    (S.WAITING, M.CONFIRM): S.DONE,
    **{(state, M.APPROVE): S.DONE for state in OPEN},
    **{(state, M.REFUSE): S.REFUSED for state in OPEN},
    **{(state, M.END): S.ENDED for state in OPEN},
}


def moved(state: str, move: RequestMove) -> RequestState | None:
    """The state after a move; None where the table has none: it is decided already."""
    return MOVES.get((RequestState(state), move))
