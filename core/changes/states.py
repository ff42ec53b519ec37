"""The life of a change on one screen. What is not written here cannot happen.

``requested``  it is on file; no other change of the same place may begin
``read``       the meter was read; what is left in it and what was used are on file
``settled``    the money has moved, by two people; nothing is sold at the place until it goes on
``switched``   agreement, meter or holder are others now; there is no way back
``confirmed``  somebody has seen that it is so
``undone``     it was given up; whatever money it had moved is back

A change that needs no reading is read as it is requested. A reading may be taken again while
nothing was settled by it: a sale in between makes it worth nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ChangeState(StrEnum):
    """States; the last two are ends."""

    REQUESTED = "requested"
    READ = "read"
    SETTLED = "settled"
    SWITCHED = "switched"
    CONFIRMED = "confirmed"
    UNDONE = "undone"


class ChangeMove(StrEnum):
    """What can happen to a change."""

    READ = "read"
    SETTLE = "settle"
    SWITCH = "switch"
    CONFIRM = "confirm"
    UNDO = "undo"


S, M = ChangeState, ChangeMove

MOVES: Final[Mapping[tuple[ChangeState, ChangeMove], ChangeState]] = {
    (S.REQUESTED, M.READ): S.READ,
    (S.READ, M.READ): S.READ,
    (S.READ, M.SETTLE): S.SETTLED,
    (S.SETTLED, M.SWITCH): S.SWITCHED,
    (S.SWITCHED, M.CONFIRM): S.CONFIRMED,
    (S.REQUESTED, M.UNDO): S.UNDONE,
    (S.READ, M.UNDO): S.UNDONE,
    (S.SETTLED, M.UNDO): S.UNDONE,
}

ENDS: Final = frozenset({S.CONFIRMED, S.UNDONE})
#: Nothing is sold at the place while its change is in one of these.
CLOSED_FOR_SALES: Final = frozenset({S.SETTLED})


def after(state: str, move: ChangeMove) -> ChangeState | None:
    """The state after a move; None where it is not possible."""
    return MOVES.get((ChangeState(state), move))


def next_moves(state: str) -> tuple[ChangeMove, ...]:
    """What is possible now, in the order in which it is done."""
    return tuple(move for move in ChangeMove if after(state, move) is not None)
