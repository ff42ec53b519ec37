"""The life of an order at a security module on the network, as the business sees it.

``ordered``    the channel has it; surely not made yet
``delayed``    the same, but the module is away and whoever waits was told
``doubtful``   it may have been made; the channel asks the module about it
``wrong``      something else came back than was asked for: people look into it
``undecided``  the module does not know any more: people look into it
``given-up``   two people decided that nobody has its token
"""

from enum import StrEnum
from typing import Final


class OrderState(StrEnum):
    """States; made, refused and given-up are ends."""

    ORDERED = "ordered"
    DELAYED = "delayed"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"
    UNDECIDED = "undecided"
    MADE = "made"
    REFUSED = "refused"
    GIVEN_UP = "given-up"


class OrderMove(StrEnum):
    """What can happen to an order: what the channel reports, and what people decide."""

    MADE = "made"
    REFUSED = "refused"
    DELAYED = "delayed"
    DOUBTFUL = "doubtful"
    WRONG = "wrong"
    UNDECIDED = "undecided"
    GIVE_UP = "give-up"


S, M = OrderState, OrderMove
_OPEN: Final = (S.ORDERED, S.DELAYED, S.DOUBTFUL, S.WRONG, S.UNDECIDED)

MOVES: Final = {
    **{(state, M.MADE): S.MADE for state in _OPEN},
    **{(state, M.REFUSED): S.REFUSED for state in (S.ORDERED, S.DELAYED, S.DOUBTFUL)},
    (S.ORDERED, M.DELAYED): S.DELAYED,
    **{(state, M.DOUBTFUL): S.DOUBTFUL for state in (S.ORDERED, S.DELAYED, S.DOUBTFUL)},
    **{(state, M.WRONG): S.WRONG for state in _OPEN},
    **{(state, M.UNDECIDED): S.UNDECIDED for state in (S.DOUBTFUL, S.UNDECIDED)},
    **{(state, M.GIVE_UP): S.GIVEN_UP for state in (S.WRONG, S.UNDECIDED)},
}
ENDED: Final = frozenset({S.MADE, S.REFUSED, S.GIVEN_UP})
#: States that are for people.
FOR_PEOPLE: Final = frozenset({S.WRONG, S.UNDECIDED})


def moved(state: str, move: str) -> OrderState | None:
    """The state after a move; None where the table has none: it comes too late, or twice."""
    return MOVES.get((OrderState(state), OrderMove(move)))
