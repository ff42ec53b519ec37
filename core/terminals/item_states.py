"""The life of an item of a terminal on one screen. What is not written here cannot happen.

An item is what a terminal calls by its number and our day: a sale or a payment that it asked for.

``barred``             a reversal came first: the original will be refused when it comes late
``waiting``            sold; a security module on the network makes its token
``reverse-when-known`` the same, and the terminal takes it back: known when the module answers
``booked``             sold or collected: the float has paid
``reversed``           came to nothing after all: the float has its money
``undone``             operators have cancelled or reversed it: the float has its money again, and
                       the terminal still counts it
``kept``               taken back by the terminal, but it cannot be: a token is out, or the money
                       is; a case is open
``refused``            nothing was booked: a business no
``failed``             the module made no token, for sure: nothing is booked
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ItemState(StrEnum):
    """States of an item."""

    BARRED = "barred"
    WAITING = "waiting"
    REVERSE_WHEN_KNOWN = "reverse-when-known"
    BOOKED = "booked"
    REVERSED = "reversed"
    UNDONE = "undone"
    KEPT = "kept"
    REFUSED = "refused"
    FAILED = "failed"


class ItemMove(StrEnum):
    """What can happen to an item."""

    REVERSE = "reverse"  # the terminal takes it back, and it can be
    UNDO = "undo"  # an operator was faster
    KEEP = "keep"  # the terminal takes it back, and it cannot be
    TOKEN = "token"  # noqa: S105 - the module made it
    NO_TOKEN = "no-token"  # noqa: S105 - the module made none, for sure


class BatchState(StrEnum):
    """States of a terminal's batch; ``uploading``: its totals differed, its items are awaited."""

    OPEN = "open"
    UPLOADING = "uploading"
    CLOSED = "closed"


S, M = ItemState, ItemMove

MOVES: Final[Mapping[tuple[ItemState, ItemMove], ItemState]] = {
    (S.WAITING, M.TOKEN): S.BOOKED,
    (S.WAITING, M.NO_TOKEN): S.FAILED,
    (S.WAITING, M.REVERSE): S.REVERSE_WHEN_KNOWN,
    (S.REVERSE_WHEN_KNOWN, M.TOKEN): S.KEPT,
    (S.REVERSE_WHEN_KNOWN, M.NO_TOKEN): S.REVERSED,
    (S.BOOKED, M.REVERSE): S.REVERSED,
    (S.BOOKED, M.KEEP): S.KEPT,
    (S.BOOKED, M.UNDO): S.UNDONE,
    (S.UNDONE, M.REVERSE): S.REVERSED,
    (S.UNDONE, M.KEEP): S.KEPT,
    # a reversal that comes again finds what the first one did
    (S.BARRED, M.REVERSE): S.BARRED,
    (S.REVERSE_WHEN_KNOWN, M.REVERSE): S.REVERSE_WHEN_KNOWN,
    (S.REVERSED, M.REVERSE): S.REVERSED,
    (S.KEPT, M.REVERSE): S.KEPT,
    (S.REFUSED, M.REVERSE): S.REFUSED,
    (S.FAILED, M.REVERSE): S.FAILED,
}

#: How an item begins.
BEGINNINGS: Final = frozenset({S.BARRED, S.WAITING, S.BOOKED, S.REFUSED})
#: Nobody knows yet what becomes of these: they are in no totals.
PENDING: Final = frozenset({S.WAITING, S.REVERSE_WHEN_KNOWN})
#: The agent owes for these, and a settlement has to say so.
STANDING: Final = frozenset({S.BOOKED, S.KEPT})
#: What a terminal is told of an item that it takes back.
TOLD: Final[Mapping[ItemState, str]] = {
    S.BARRED: "barred",
    S.REVERSE_WHEN_KNOWN: "waiting",
    S.REVERSED: "reversed",
    S.KEPT: "kept",
    S.REFUSED: "refused",
    S.FAILED: "refused",
}
#: In a batch's totals: (counts as sold or collected, counts as taken back).
COUNTS: Final[Mapping[ItemState, tuple[int, int]]] = {
    S.BOOKED: (1, 0),
    S.KEPT: (1, 0),
    S.UNDONE: (1, 0),
    S.REVERSED: (1, 1),
}


class ItemMoveError(Exception):
    """An item was asked for a move that its state does not have: our own mistake."""


def moved(state: str, move: ItemMove) -> ItemState:
    """The state after a move."""
    after = MOVES.get((ItemState(state), move))
    if after is None:
        raise ItemMoveError(f"an item that is {state} cannot {move}")
    return after
