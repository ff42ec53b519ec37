"""One line of a provider's statement against what we have: four outcomes. Pure.

``match``           both have it, with one amount
``ours-only``       no line names what we have booked (page 0): a notice that was forged?
``theirs-only``     the provider has it and we had not: it is booked, as if its notice had come
``amount-differs``  both have it, with two amounts: a case
``withdrawn``       a later page of the same statement has it no more
"""

from typing import Final

import msgspec

from core.messages import StatementLine
from core.wallets.book_entities import WalletRefund
from core.wallets.entities import WalletPayment
from core.wallets.states import WalletState

MATCH: Final = "match"
OURS_ONLY: Final = "ours-only"
THEIRS_ONLY: Final = "theirs-only"
AMOUNT_DIFFERS: Final = "amount-differs"
WITHDRAWN: Final = "withdrawn"
#: The four, in the order in which they are told.
OUTCOMES: Final = (MATCH, THEIRS_ONLY, OURS_ONLY, AMOUNT_DIFFERS)


class Compared(msgspec.Struct, frozen=True, gc=False):
    """What came of it. ``ours``: what we have, minor units; ``payment_id`` 0: nothing."""

    outcome: str
    payment_id: int = 0
    ours: int = 0
    detail: str = ""

    @property
    def missing(self) -> bool:
        """The provider has it and our books have not yet."""
        return self.outcome == THEIRS_ONLY and not self.ours


def compare(
    line: StatementLine, payment: WalletPayment | None, refund: WalletRefund | None
) -> Compared:
    """A line against the payment that it names; ``refund``: what of it went back already."""
    if line.amount < 0:
        return _reversal(line, payment, refund)
    if payment is None:
        return Compared(THEIRS_ONLY)
    if not payment.paid:
        return Compared(THEIRS_ONLY, payment.id, 0, f"it was {payment.state} here")
    if payment.paid_currency and payment.paid_currency != payment.currency:
        what = f"we have it in {payment.paid_currency}"
        return Compared(AMOUNT_DIFFERS, payment.id, payment.paid, what)
    if payment.paid != line.amount:
        return Compared(AMOUNT_DIFFERS, payment.id, payment.paid, f"ours is {payment.number}")
    if payment.proof in ("statement", "file"):  # it is ours by this very line
        return Compared(THEIRS_ONLY, payment.id, payment.paid, "booked from the statement")
    return Compared(MATCH, payment.id, payment.paid)


def _reversal(
    line: StatementLine, payment: WalletPayment | None, refund: WalletRefund | None
) -> Compared:
    """``line.amount`` is below 0. What we gave back is below 0, too."""
    if payment is None:
        return Compared(THEIRS_ONLY, 0, 0, f"payment {line.original} is not here")
    back = refund.amount if refund is not None and refund.state == "reversed" else 0
    if payment.state == WalletState.REFUNDED and back:
        if back != -line.amount:
            what = f"ours is the refund of {payment.number}"
            return Compared(AMOUNT_DIFFERS, payment.id, -back, what)
        if refund is not None and refund.reversal_receipt not in ("", line.receipt):
            what = f"{payment.number} was given back with {refund.reversal_receipt} before"
            return Compared(AMOUNT_DIFFERS, payment.id, 0, what)
        if refund is not None and refund.proof == "statement":
            return Compared(THEIRS_ONLY, payment.id, -back, "booked from the statement")
        return Compared(MATCH, payment.id, -back)
    if payment.paid and payment.paid != -line.amount:
        what = f"payment {payment.number} of {payment.paid} was given back in part"
        return Compared(AMOUNT_DIFFERS, payment.id, 0, what)
    return Compared(THEIRS_ONLY, payment.id, 0, f"payment {payment.number} was given back")
