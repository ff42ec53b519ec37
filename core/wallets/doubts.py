"""What people must look at: two things that a provider said do not go together.

The payment keeps it in words, and a case is opened (``core.wallets.cases``); said once more in the
same words, as a provider does who is asked again, it is the same case.
"""

from enum import StrEnum
from typing import Final

from msgspec.structs import replace

from core.handlers.base import Context
from core.messages.wallets import MAX_DETAIL
from core.wallets import cases
from core.wallets.entities import WalletPayment
from core.wallets.rows import keep


class Doubt(StrEnum):
    """Why people look."""

    DIFFERS = "differs"  # the money is not what was asked for
    ALTERED = "altered"  # the same receipt, now with another amount or currency
    TWO_COLLECTIONS = "two-collections"  # one receipt for two of them
    PAID_TWICE = "paid-twice"  # two receipts for one
    NOT_OURS = "not-ours"  # money under a reference that we never gave: held, its owner looks
    TAKEN_BACK = "taken-back"  # the provider says that he took back what was paid


CASE: Final = {
    Doubt.DIFFERS: cases.AMOUNT_DIFFERS,
    Doubt.ALTERED: cases.RECEIPT_DIFFERS,
    Doubt.TWO_COLLECTIONS: cases.RECEIPT_DIFFERS,
    Doubt.PAID_TWICE: cases.PAID_TWICE,
    Doubt.TAKEN_BACK: cases.REVERSED,
}


def doubt(ctx: Context, payment: WalletPayment, why: Doubt, what: str) -> None:
    """Keep it with the payment, and open its case. Draws ``cases.CASE_IDS``."""
    now = ctx.stage.get(WalletPayment, payment.id) or payment
    detail = f"{why}: {what}"[:MAX_DETAIL]
    if now.detail == detail:
        return
    now = keep(ctx.stage, replace(now, detail=detail))
    if why in CASE:
        cases.about_payment(ctx, now, CASE[why], detail)
