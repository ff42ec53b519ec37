"""The life of a sale on one screen. What is not written here cannot happen.

``quoted``    a purchase waits for its confirmation; nothing moved
``accepted``  the money is reserved, the pricing instant fixed
``issuing``   the security module has been asked (a remote one; the built-in one answers at once,
              and accepted, issuing and issued are one transaction)
``issued``    final for money: postings, block state, token and receipt in one transaction
``unknown``   the module's answer is not known: the reservation stays, it is followed up
"""

from enum import StrEnum
from typing import Final


class SaleState(StrEnum):
    """States; the last four are ends."""

    QUOTED = "quoted"
    ACCEPTED = "accepted"
    ISSUING = "issuing"
    UNKNOWN = "unknown"
    ISSUED = "issued"
    REFUSED = "refused"
    EXPIRED = "expired"
    FAILED = "failed"


class Move(StrEnum):
    """What can happen to a sale."""

    CONFIRM = "confirm"  # the buyer agreed, the money is there
    REFUSE = "refuse"  # a business no: nothing moved
    LAPSE = "lapse"  # the quote was not confirmed in time
    ASK_MODULE = "ask-module"
    TOKEN = "token"  # noqa: S105 - the module's answer
    MODULE_NO = "module-no"  # a sure no: the reservation is released, the customer told
    SILENCE = "silence"  # no answer within the time


S, M = SaleState, Move

MOVES: Final = {
    (S.QUOTED, M.CONFIRM): S.ACCEPTED,
    (S.QUOTED, M.REFUSE): S.REFUSED,
    (S.QUOTED, M.LAPSE): S.EXPIRED,
    (S.ACCEPTED, M.ASK_MODULE): S.ISSUING,
    (S.ISSUING, M.TOKEN): S.ISSUED,
    (S.ISSUING, M.MODULE_NO): S.FAILED,
    (S.ISSUING, M.SILENCE): S.UNKNOWN,
    (S.UNKNOWN, M.TOKEN): S.ISSUED,
    (S.UNKNOWN, M.MODULE_NO): S.FAILED,
}

ENDS: Final = frozenset({S.ISSUED, S.REFUSED, S.EXPIRED, S.FAILED})


class MoveError(Exception):
    """A sale was asked for a move that its state does not have: our own mistake."""


def moved(state: SaleState, *moves: Move) -> SaleState:
    """The state after these moves."""
    for move in moves:
        after = MOVES.get((state, move))
        if after is None:
            raise MoveError(f"a sale that is {state} cannot {move}")
        state = after
    return state
