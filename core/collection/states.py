"""The lives of a payment, a plan and a receipt before payment. What is not here cannot happen.

A payment is ``received`` when it is money at once, else ``uncleared``: it has paid open items, but
what is over waits in the ledger ``uncleared`` and is not credit. ``cleared``: the bank took it.
``dishonoured`` and ``reversed`` are mirrored by postings; both are ends. A cleared cheque may still
come back.

A plan is ``active`` until it is ``kept`` (all paid), ``broken`` (what is left is due at once) or
``cancelled`` (the same, by agreement). A kept plan whose payment comes back is active again.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class PaymentState(StrEnum):
    """States of a payment."""

    RECEIVED = "received"
    UNCLEARED = "uncleared"
    CLEARED = "cleared"
    DISHONOURED = "dishonoured"
    REVERSED = "reversed"


class PaymentMove(StrEnum):
    """What can happen to a payment."""

    CLEAR = "clear"
    DISHONOUR = "dishonour"
    REVERSE = "reverse"


class PlanState(StrEnum):
    """States of an instalment plan."""

    ACTIVE = "active"
    KEPT = "kept"
    BROKEN = "broken"
    CANCELLED = "cancelled"


class PlanMove(StrEnum):
    """What can happen to a plan."""

    KEEP = "keep"
    REOPEN = "reopen"
    BREAK = "break"
    CANCEL = "cancel"


class ReceiptState(StrEnum):
    """States of a receipt before payment."""

    ISSUED = "issued"
    PAID = "paid"
    VOID = "void"


class ReceiptMove(StrEnum):
    """What can happen to it; its payment's reversal leaves it paid: the number is used up."""

    PAY = "pay"
    VOID = "void"


P, Q, R = PaymentState, PlanState, ReceiptState

PAYMENT_MOVES: Final[Mapping[tuple[PaymentState, PaymentMove], PaymentState]] = {
    (P.UNCLEARED, PaymentMove.CLEAR): P.CLEARED,
    (P.UNCLEARED, PaymentMove.DISHONOUR): P.DISHONOURED,
    (P.CLEARED, PaymentMove.DISHONOUR): P.DISHONOURED,
    (P.UNCLEARED, PaymentMove.REVERSE): P.REVERSED,
    (P.CLEARED, PaymentMove.REVERSE): P.REVERSED,
    (P.RECEIVED, PaymentMove.REVERSE): P.REVERSED,
}
PLAN_MOVES: Final[Mapping[tuple[PlanState, PlanMove], PlanState]] = {
    (Q.ACTIVE, PlanMove.KEEP): Q.KEPT,
    (Q.KEPT, PlanMove.REOPEN): Q.ACTIVE,
    (Q.ACTIVE, PlanMove.BREAK): Q.BROKEN,
    (Q.ACTIVE, PlanMove.CANCEL): Q.CANCELLED,
}
RECEIPT_MOVES: Final[Mapping[tuple[ReceiptState, ReceiptMove], ReceiptState]] = {
    (R.ISSUED, ReceiptMove.PAY): R.PAID,
    (R.ISSUED, ReceiptMove.VOID): R.VOID,
}
