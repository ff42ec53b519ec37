"""The life of an operator's act on one screen. What is not written here cannot happen.

``requested``  it waits for a second person, until it expires; nothing moved
``approved``   it may be carried out; in the same transaction it is done, issued or refused
``ordered``    a security module on the network was asked for its token; nothing moved yet
``issued``     a refund: the token is out, the meter's answer is waited for, no money moved yet
``done``       tokens and postings are written
``rejected``   the second person said no, or the first took it back
``expired``    nobody decided in time
``refused``    it was approved, but could not be carried out; nothing moved
``failed``     a refund: the meter did not take the token; no money moved
"""

from enum import StrEnum
from typing import Final


class ActState(StrEnum):
    """States; the last five are ends."""

    REQUESTED = "requested"
    APPROVED = "approved"
    ORDERED = "ordered"
    ISSUED = "issued"
    DONE = "done"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REFUSED = "refused"
    FAILED = "failed"


class ActMove(StrEnum):
    """What can happen to an act."""

    APPROVE = "approve"  # by a second person, or by the rule that one is enough
    REJECT = "reject"
    LAPSE = "lapse"
    ORDER = "order"
    CARRY_OUT = "carry-out"
    HAND_OUT = "hand-out"  # the token of an act that is not over with it
    CANNOT = "cannot"  # a business no
    CONFIRM = "confirm"  # it is shown that the meter took the token
    FAIL = "fail"  # it is shown that it did not


S, M = ActState, ActMove

MOVES: Final = {
    (S.REQUESTED, M.APPROVE): S.APPROVED,
    (S.REQUESTED, M.REJECT): S.REJECTED,
    (S.REQUESTED, M.LAPSE): S.EXPIRED,
    (S.APPROVED, M.CARRY_OUT): S.DONE,
    (S.APPROVED, M.HAND_OUT): S.ISSUED,
    (S.APPROVED, M.CANNOT): S.REFUSED,
    (S.APPROVED, M.ORDER): S.ORDERED,
    (S.ORDERED, M.CARRY_OUT): S.DONE,
    (S.ORDERED, M.HAND_OUT): S.ISSUED,
    (S.ORDERED, M.CANNOT): S.REFUSED,
    (S.ISSUED, M.CONFIRM): S.DONE,
    (S.ISSUED, M.FAIL): S.FAILED,
}

ENDS: Final = frozenset({S.DONE, S.REJECTED, S.EXPIRED, S.REFUSED, S.FAILED})


class ActMoveError(Exception):
    """An act was asked for a move that its state does not have: our own mistake."""


def moved(state: ActState, *moves: ActMove) -> ActState:
    """The state after these moves."""
    for move in moves:
        after = MOVES.get((state, move))
        if after is None:
            raise ActMoveError(f"an act that is {state} cannot {move}")
        state = after
    return state
