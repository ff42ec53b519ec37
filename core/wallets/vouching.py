"""Money that only an operator's file speaks of: it waits until somebody else says so, too. Pure.

A file is as good as who wrote it. Were its lines vended at once, one person with a text editor
could make a token out of nothing, as many as he likes and each as small as he likes: so no amount
is small enough. The money is booked and held as ``unproved``; it goes on by itself when the
provider tells of it (his notice, our question, a pull, his own statement) or when another operator
brings a file that has the same line. Otherwise two people assign it.
"""

from typing import Final

from msgspec.structs import replace

from core.handlers.base import Context
from core.messages import ReceivePayIn, ReportCollection, StatementLine, SweepHeld
from core.messages.wallets import Proof
from core.wallets import rows
from core.wallets.entities import WalletPayment

#: The proof of money that an operator's file alone speaks of.
FILE: Final[Proof] = "file"
#: The reason for which it is held.
UNPROVED: Final = "unproved"


def unproved(payment: WalletPayment) -> bool:
    """Whether one operator's file is all that speaks of it."""
    return payment.proof == FILE


def another_says(payment: WalletPayment, operator: str) -> bool:
    """Whether ``operator`` (empty: the provider) is somebody else than who brought its file."""
    return unproved(payment) and operator != payment.code


def still_to_prove(payment: WalletPayment | None, line: StatementLine, operator: str) -> bool:
    """Whether this line is the second word for money that the first file spoke of."""
    return payment is not None and payment.paid == line.amount and another_says(payment, operator)


def confirm(
    ctx: Context, payment: WalletPayment, command: ReceivePayIn | ReportCollection
) -> WalletPayment:
    """The same money, told once more: by another than the file's bringer it is proved, and tried at
    once. Whoever calls has compared amount and currency."""
    operator = command.brought_by if command.proof == FILE else ""
    if not another_says(payment, operator):
        return payment
    proof: Proof = "statement" if command.proof == FILE else command.proof
    proved = rows.keep(ctx.stage, replace(payment, proof=proof, code=""))
    if payment.held_id:
        ctx.stage.emit(SweepHeld(held=payment.held_id, at=ctx.now_us))
    return proved
