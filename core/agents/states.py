"""The life of an agent on one screen. What is not written here cannot happen.

``active``   sells and collects; its float moves
``blocked``  sells and collects nothing; sales that wait for their token end as they must, money
             may be paid in or out
``closed``   an end: nothing is on the float, no security is held, nobody is below it
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from core.commodity import COMMODITIES


class AgentState(StrEnum):
    """States of an agent."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    CLOSED = "closed"


class AgentMove(StrEnum):
    """What can happen to an agent."""

    BLOCK = "block"
    UNBLOCK = "unblock"
    CLOSE = "close"


S, M = AgentState, AgentMove

MOVES: Final[Mapping[tuple[AgentState, AgentMove], AgentState]] = {
    (S.ACTIVE, M.BLOCK): S.BLOCKED,
    (S.BLOCKED, M.UNBLOCK): S.ACTIVE,
    (S.ACTIVE, M.CLOSE): S.CLOSED,
    (S.BLOCKED, M.CLOSE): S.CLOSED,
}

KINDS: Final = ("direct", "third-party")
#: ``prepaid``: what is paid in can be sold. ``post-settled``: a credit limit below nothing, too.
MODES: Final = ("prepaid", "post-settled")
#: What an agent may sell, as its scope names it: commodities by token, and payments of bills.
BILLS: Final = "bills"
SERVICES: Final = (
    *(name for name, each in COMMODITIES.items() if each.subclass is not None),
    BILLS,
)
#: Agents above one another: more is a pyramid.
MAX_DEPTH: Final = 5
