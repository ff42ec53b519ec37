""" "My payment": the token of a payment, for whoever knows its receipt and the meter. Pure.

Receipts can be guessed, so a phone asks a few times in an hour; what it asks counts, found or not.
"""

from typing import Any, Final

import msgspec
from msgspec.structs import asdict, replace

from core.entities import PastSale
from core.handlers.base import Context
from core.messages import Answer, AskMyPayment, Outcome
from core.refusals import Refusal, refuse
from core.vending.receipt import sale_view
from core.vending.sale_rows import tell
from core.wallets.entities import WalletPayment
from core.wallets.held_states import PhoneAsks
from core.wallets.routing import cleaned, readings
from core.wallets.rows import by_receipt

HOUR_US: Final = 3_600_000_000
_MINUTE_US: Final = 60_000_000


def ask(ctx: Context, command: AskMyPayment) -> Answer | Refusal:
    """The token marked COPY, or why not. A refusal is given back, not raised: what was asked
    counts all the same."""
    over = _count(ctx, command.phone)
    if over is not None:
        return over
    receipt = command.receipt.strip()
    meters = _meters(ctx, command.meter)
    sales: tuple[PastSale, ...] = ctx.stage.linked("token-of", receipt) or ()
    for sale in sales:
        if sale.drn in meters:
            view: dict[str, Any] = msgspec.to_builtins(sale_view(ctx.terms, sale))
            tell(ctx, command.reply, "token-copy", view)
            return Answer(outcome=Outcome.DONE, data={**view, "copy": True})
    for payment in _payments(ctx, receipt):
        if payment.target in meters:
            return refuse("my-payment-waits", receipt=receipt, payment=payment.number,
                          meter=payment.target)  # fmt: skip
    return refuse("my-payment-unknown", receipt=receipt, meter=command.meter.strip())


def _payments(ctx: Context, receipt: str) -> list[WalletPayment]:
    found = (by_receipt(ctx.stage, wallet, receipt) for wallet in ctx.terms.wallets.wallets)
    return [payment for payment in found if payment is not None]


def _meters(ctx: Context, typed: str) -> set[str]:
    """The meters that a typed number may be: mended like a payer's, for a wrong one has no token
    of that receipt."""
    read = readings(ctx.terms.wallets.references, typed)
    return {cleaned(typed), *(each.number for each in read if each.names == "meter")} - {""}


def _count(ctx: Context, phone: str) -> Refusal | None:
    """Count this one; a refusal where the hour is full."""
    most = ctx.terms.wallets.copies_per_hour
    id_ = ctx.stage.linked("asks-of", phone)
    asks = ctx.stage.get(PhoneAsks, id_) if id_ is not None else None
    if asks is None:
        asks = PhoneAsks(
            id=ctx.new_id("wallet_asks"), company=ctx.terms.code, phone=phone, since=ctx.now_us,
            count=0,
        )  # fmt: skip
        ctx.stage.add("wallet_asks", **asdict(asks))
        ctx.stage.link("asks-of", phone, asks.id)
    elif not 0 <= ctx.now_us - asks.since < HOUR_US:
        asks = replace(asks, since=ctx.now_us, count=0)
    full = asks.count >= most
    ctx.stage.put(asks.id, asks if full else replace(asks, count=asks.count + 1))
    if not full:
        return None
    left = max(1, (asks.since + HOUR_US - ctx.now_us) // _MINUTE_US)
    return refuse("asks-too-often", phone=phone, limit_count=most, wait=left)
