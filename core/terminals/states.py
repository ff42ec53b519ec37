"""The lives of a terminal and of a cashier on one screen. What is not written here cannot happen.

A terminal:

``active``   its agent's cashiers sign on; it sells and collects
``blocked``  nothing goes for now; nobody is signed on
``lost``     somebody else may have it: nothing goes, nobody is signed on, it is told nothing; where
             it says to be is kept. Found again, it is unblocked
``retired``  an end: its number is never another's

A cashier:

``active``   signs on with the PIN; wrong ones lock him for a time, which is no state
``blocked``  may not sign on; his shifts are ended
``removed``  an end: his code is never another's
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class TerminalState(StrEnum):
    """States of a terminal."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    LOST = "lost"
    RETIRED = "retired"


class TerminalMove(StrEnum):
    """What can happen to a terminal."""

    BLOCK = "block"
    UNBLOCK = "unblock"
    LOSE = "lose"
    RETIRE = "retire"


class CashierState(StrEnum):
    """States of a cashier."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    REMOVED = "removed"


class CashierMove(StrEnum):
    """What can happen to a cashier."""

    BLOCK = "block"
    UNLOCK = "unlock"
    REMOVE = "remove"


_S, _M = TerminalState, TerminalMove

TERMINAL_MOVES: Final[Mapping[tuple[TerminalState, TerminalMove], TerminalState]] = {
    (_S.ACTIVE, _M.BLOCK): _S.BLOCKED,
    (_S.ACTIVE, _M.LOSE): _S.LOST,
    (_S.ACTIVE, _M.RETIRE): _S.RETIRED,
    (_S.BLOCKED, _M.UNBLOCK): _S.ACTIVE,
    (_S.BLOCKED, _M.LOSE): _S.LOST,
    (_S.BLOCKED, _M.RETIRE): _S.RETIRED,
    (_S.LOST, _M.UNBLOCK): _S.ACTIVE,
    (_S.LOST, _M.RETIRE): _S.RETIRED,
}

_C, _D = CashierState, CashierMove

CASHIER_MOVES: Final[Mapping[tuple[CashierState, CashierMove], CashierState]] = {
    (_C.ACTIVE, _D.BLOCK): _C.BLOCKED,
    (_C.ACTIVE, _D.UNLOCK): _C.ACTIVE,  # locked by wrong PINs
    (_C.ACTIVE, _D.REMOVE): _C.REMOVED,
    (_C.BLOCKED, _D.UNLOCK): _C.ACTIVE,
    (_C.BLOCKED, _D.REMOVE): _C.REMOVED,
}
