"""The life of money by wallet on one screen. What is not written here cannot happen.

A collection (we ask the payer):

``created``   the buyer's wish is on file and the channel has it; surely nothing left yet
``sent``      the provider has it, or may have it
``pending``   the provider says that he asks the payer
``unknown``   nobody knows: it is asked about until it is known
``failed``    surely no money
``paid``      a verified notice or our own status read says so, and the amount is what was asked
``disputed``  the money came, but not what was asked for: people decide, the money is held
``applied``   the money is booked: token, bill, float, credit, or held with a reason
``settled``   the provider has paid it out to our bank
``refunded``  it was given back to the payer

A pay-in begins at ``paid``. Only ``ReportCollection`` and ``ReceivePayIn`` with a proof make
``paid``; ``failed`` becomes ``paid`` when the money turns out to have moved all the same.
"""

from enum import StrEnum
from typing import Final


class WalletState(StrEnum):
    """States of a payment by wallet."""

    CREATED = "created"
    SENT = "sent"
    PENDING = "pending"
    UNKNOWN = "unknown"
    FAILED = "failed"
    PAID = "paid"
    DISPUTED = "disputed"
    APPLIED = "applied"
    SETTLED = "settled"
    REFUNDED = "refunded"


class WalletMove(StrEnum):
    """What can happen to one."""

    SENT = "sent"
    NOT_SENT = "not-sent"
    PENDING = "pending"
    SILENCE = "unknown"
    FAILED = "failed"
    PAID = "paid"
    DIFFERS = "differs"
    APPLY = "apply"
    SETTLE = "settle"
    REFUND = "refund"
    TAKEN_BACK = "reversed"  # by the provider: what was booked of it is owed


S, M = WalletState, WalletMove
#: Nobody has said for sure how it ends.
OPEN: Final = (S.CREATED, S.SENT, S.PENDING, S.UNKNOWN)

MOVES: Final = {
    (S.CREATED, M.SENT): S.SENT,
    (S.CREATED, M.PENDING): S.PENDING,
    (S.SENT, M.PENDING): S.PENDING,
    (S.CREATED, M.NOT_SENT): S.FAILED,
    **{(state, M.SILENCE): S.UNKNOWN for state in OPEN},
    **{(state, M.FAILED): S.FAILED for state in OPEN},
    **{(state, M.PAID): S.PAID for state in (*OPEN, S.FAILED)},
    **{(state, M.DIFFERS): S.DISPUTED for state in (*OPEN, S.FAILED)},
    (S.PAID, M.APPLY): S.APPLIED,
    (S.DISPUTED, M.APPLY): S.APPLIED,
    (S.APPLIED, M.SETTLE): S.SETTLED,
    **{(state, M.REFUND): S.REFUNDED for state in (S.DISPUTED, S.APPLIED, S.SETTLED)},
    **{(state, M.TAKEN_BACK): S.REFUNDED for state in (S.DISPUTED, S.APPLIED, S.SETTLED)},
}


def moved(state: str, move: str) -> WalletState | None:
    """The state after a move; None where the table has none: it comes too late, or twice."""
    return MOVES.get((WalletState(state), WalletMove(move)))
