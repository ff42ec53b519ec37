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


class TopUpState(StrEnum):
    """States of money that an agent says he has paid."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"


class TopUpMove(StrEnum):
    """What can happen to it."""

    COUNT = "count"  # the bank, or two people: the money is there
    DECLINE = "decline"
    LAPSE = "lapse"


T, U = TopUpState, TopUpMove

#: Money that comes late counts, whatever was said of it before.
TOPUP_MOVES: Final[Mapping[tuple[TopUpState, TopUpMove], TopUpState]] = {
    (T.REQUESTED, U.COUNT): T.APPROVED,
    (T.REQUESTED, U.DECLINE): T.DECLINED,
    (T.REQUESTED, U.LAPSE): T.EXPIRED,
    (T.DECLINED, U.COUNT): T.APPROVED,
    (T.EXPIRED, U.COUNT): T.APPROVED,
    (T.EXPIRED, U.DECLINE): T.DECLINED,  # somebody has looked
}

#: Transfers that an agent may make itself, as its contract says: to those below, or also above.
TRANSFERS: Final = ("none", "down", "both")
#: Whether the customer is told of each sale; empty: as the company does.
TELLS: Final = ("yes", "no")
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
