"""Commands of selling: buy, confirm a purchase for another's meter, the last tokens again."""

from typing import Any

import msgspec
from msgspec.structs import replace

from core.book import Wants
from core.entities import Phone, Waiting
from core.handlers.base import Context, Handler
from core.messages import Answer, AskLastTokens, ConfirmVend, CreditVend, Outcome, Recipient
from core.queries.views import SaleView
from core.refusals import refuse
from core.vending.key_change import MAX_SET
from core.vending.receipt import sale_view
from core.vending.sale import MAX_RECIPIENTS, decide_vend, receipt_ids, tell
from core.wallets.collections import confirmed
from core.wallets.rows import OPEN_OF, ROW_IDS

#: ``LAST`` shows this many tokens.
LAST_TOKENS = 3

#: What a purchase may draw.
SALE_IDS = {
    "sale": 1,
    "token": 2 + MAX_SET,  # one of free units
    "token_order": 1,
    "free_claim": 1,
    "key_change": 1,
    "ledger_txn": 2,
    "confirmation": 1,
    "notice": MAX_RECIPIENTS,
    receipt_ids("{company}"): 1,
}
_CONFIRM_IDS = {**SALE_IDS, **ROW_IDS}


def _wants_vend(command: CreditVend) -> Wants:
    guards = (command.phone,) if command.pin_pass else ()
    return Wants(meters=(command.meter,), phones=(command.phone,), guards=guards)


def _wants_confirm(command: ConfirmVend) -> Wants:
    return Wants(
        phones=(command.phone,),
        waiting=((command.phone, command.code),),
        wallets=((OPEN_OF, command.phone, ""),),  # he pays by wallet, maybe
    )


def decide_confirm(ctx: Context, command: ConfirmVend) -> Answer:
    """``YES nnnn``: the waiting purchase goes on as if it had been confirmed at once."""
    waiting = ctx.stage.get(Waiting, (command.phone, command.code))
    if waiting is not None and waiting.state == "taken":
        raise refuse("confirm-taken", phone=command.phone, code=command.code)
    if waiting is None or waiting.state != "waiting":
        raise refuse("confirm-unknown", phone=command.phone, code=command.code)
    if waiting.expires <= ctx.now_us:
        raise refuse("confirm-expired", phone=command.phone, code=command.code)
    ctx.stage.put((command.phone, command.code), replace(waiting, state="taken"))
    purchase = msgspec.json.decode(waiting.command, type=CreditVend)
    purchase = replace(purchase, holder_confirmed=True, reply=command.reply or purchase.reply)
    return confirmed(ctx, waiting.command, purchase) or decide_vend(ctx, purchase)


def decide_last(ctx: Context, command: AskLastTokens) -> Answer:
    """The last tokens bought by this phone, marked as copies: the same digits."""
    if ctx.stage.get(Phone, command.phone) is None:
        raise refuse("phone-not-registered", phone=command.phone)
    sales = (ctx.stage.linked("last-sales", command.phone) or ())[:LAST_TOKENS]
    views: list[SaleView] = [sale_view(ctx.terms, sale) for sale in sales]
    data: dict[str, Any] = {"sales": msgspec.to_builtins(views)}
    tell(ctx, command.reply, "last-tokens", data)
    return Answer(outcome=Outcome.DONE, data=data)


def _wants_last(command: AskLastTokens) -> Wants:
    return Wants(last_sales_of=(command.phone,))


def tell_refusal(ctx: Context, reply: tuple[Recipient, ...], answer: Answer) -> None:
    """A refusal goes to those who wait for a notice; a question has its own text."""
    template, args = "refusal", {"code": answer.code, "args": answer.args}
    if answer.code == "confirm-holder":
        template, args = "confirm-holder", answer.args
    elif answer.code == "likely-repeat":
        template, args = "repeat", {"sale": answer.data}
    tell(ctx, reply, template, args)


HANDLERS = (
    Handler("vending.credit-vend", CreditVend, _wants_vend, decide_vend, SALE_IDS),
    Handler("vending.confirm-vend", ConfirmVend, _wants_confirm, decide_confirm, _CONFIRM_IDS),
    Handler(
        "vending.last-tokens", AskLastTokens, _wants_last, decide_last, {"notice": MAX_RECIPIENTS}
    ),
)
