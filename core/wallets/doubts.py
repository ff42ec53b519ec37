"""What people must look at: two things that a provider said do not go together.

The row keeps it in words at once, whatever else is done about it.
"""

from enum import StrEnum

from msgspec.structs import replace

from core.handlers.base import Context
from core.messages.wallets import MAX_DETAIL
from core.wallets.entities import WalletPayment
from core.wallets.rows import keep


class Doubt(StrEnum):
    """Why a case is raised."""

    DIFFERS = "differs"  # the money is not what was asked for
    ALTERED = "altered"  # the same receipt, now with another amount or currency
    TWO_COLLECTIONS = "two-collections"  # one receipt for two of them
    PAID_TWICE = "paid-twice"  # two receipts for one
    NOT_OURS = "not-ours"  # money under a reference that we never gave
    TAKEN_BACK = "taken-back"  # the provider says that he took back what was paid


def doubt(ctx: Context, payment: WalletPayment, why: Doubt, what: str) -> None:
    """Keep it with the payment, in words."""
    now = ctx.stage.get(WalletPayment, payment.id) or payment
    keep(ctx.stage, replace(now, detail=f"{why}: {what}"[:MAX_DETAIL]))
