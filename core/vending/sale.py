"""One purchase decided: checks, price, token, postings, receipt, notices. Pure.

With the built-in security module a sale is accepted, issuing and issued in one transaction (see
``states``): either all of it is written, or nothing happened. At a module on the network it is
accepted here and waits for its token: ``ordered_sale``.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from core.agents import areas, floats
from core.agents.commission import commission_of_sale
from core.agents.entities import Agent
from core.agents.tells import also_told
from core.entities import Account, Agreement, Meter, PastSale, Phone
from core.handlers.base import Context
from core.messages import Answer, CreditVend, Outcome
from core.refusals import Refusal, refuse
from core.registration import guard
from core.store.load_key_changes import shown_with
from core.vending import checks, free_units, key_change
from core.vending.ordered_sale import order_sale, refuse_if_ordered
from core.vending.price import Price, price_purchase
from core.vending.receipt import lines_json, sale_view
from core.vending.sale_rows import (
    MAX_RECIPIENTS,
    TEMPLATES,
    Bought,
    carry_on,
    new_receipt,
    pay_items,
    post_sale,
    receipt_ids,
    remember,
    tell,
    write_sale,
)
from core.vending.states import Move, SaleState, moved
from core.vending.tokens import make_token, write_token

__all__ = ["MAX_RECIPIENTS", "decide_vend", "make_token", "receipt_ids", "tell"]

#: Where a sale comes to when the built-in module has answered: all its moves in one transaction.
_ISSUED = moved(SaleState.QUOTED, Move.CONFIRM, Move.ASK_MODULE, Move.TOKEN)
_DONE = Outcome.DONE


def decide_vend(ctx: Context, command: CreditVend) -> Answer:
    """Sell, or refuse with a code. Raises Refusal; any other exception is a fault of ours."""
    meter, agreement = _wanted(ctx, command)
    payer = checks.payer_of(ctx.stage, command, agreement)
    guard.may_spend(ctx, command)
    _fits(ctx, command, meter, agreement, payer)
    _ask_about_repeat(ctx, command, meter, (payer.id, 0))
    if not command.holder_confirmed and not checks.is_own(ctx.stage, command.phone, agreement):
        raise _ask_about_holder(ctx, command, agreement)
    checks.within_limits(ctx.terms, ctx.stage, command, meter)
    if payer.spendable < command.tender:
        raise refuse(
            "credit-insufficient",
            account=payer.number,
            credit=payer.spendable,
            tender=command.tender,
            currency=payer.currency,
        )
    answer = _priced(ctx, command, meter, agreement, payer)
    guard.bought(ctx, command)
    return answer


def sell_by_agent(ctx: Context, command: CreditVend, agent: Agent) -> Answer:
    """The same by an agent, who has the buyer's money and has seen the holder's name: the float
    pays, the beneficiary's account gets what is carried forward."""
    meter, agreement = _wanted(ctx, command)
    floats.may_sell(agent, meter.commodity, meter.sgc)
    areas.may_sell_at(ctx.stage, agent, meter, agreement)
    payer = checks.account_of(ctx.stage, agreement)
    _fits(ctx, command, meter, agreement, payer)
    _ask_about_repeat(ctx, command, meter, (payer.id, agent.id))
    checks.within_limits(ctx.terms, ctx.stage, command, meter, by_phone=False)
    floats.can_pay(ctx, agent, command.tender)
    reply = also_told(ctx, agent, payer.id, command.reply)
    command = msgspec.structs.replace(command, reply=reply)
    return _priced(ctx, command, meter, agreement, payer, agent.id)


def account_at(ctx: Context, drn: str) -> Account:
    """The account that a meter's purchases belong to, if something can be sold there."""
    _, agreement = checks.sellable(ctx.terms, ctx.stage, drn)
    return checks.account_of(ctx.stage, agreement)


def sell_at_desk(ctx: Context, command: CreditVend) -> Answer:
    """The same at a cashier's desk, where the buyer has just paid it in: the beneficiary's account
    pays, whoever the buyer is."""
    meter, agreement = _wanted(ctx, command)
    payer = checks.account_of(ctx.stage, agreement)
    _fits(ctx, command, meter, agreement, payer)
    _ask_about_repeat(ctx, command, meter, (payer.id, 0))
    checks.within_limits(ctx.terms, ctx.stage, command, meter, by_phone=False)
    return _priced(ctx, command, meter, agreement, payer)


def may_buy(ctx: Context, command: CreditVend, stored: str) -> Account:
    """Everything that stands today against a purchase which money from outside is to pay, priced
    too; the beneficiary's account. ``stored``: what waits for the buyer's YES, where he is asked
    for one. Raises Refusal."""
    meter, agreement = _wanted(ctx, command)
    account = checks.account_of(ctx.stage, agreement)
    _fits(ctx, command, meter, agreement, account)
    _ask_about_repeat(ctx, command, meter, (account.id, 0))
    if not command.holder_confirmed and not checks.is_own(ctx.stage, command.phone, agreement):
        raise _ask_about_holder(ctx, command, agreement, stored)
    checks.within_limits(ctx.terms, ctx.stage, command, meter)
    price = price_purchase(ctx.terms, ctx.stage, meter, agreement, command.tender, ctx.now_us)
    _ask_about_quote(command, price, meter.commodity)
    return account


def _wanted(ctx: Context, command: CreditVend) -> tuple[Meter, Agreement]:
    if command.tender <= 0:
        raise refuse("tender-not-positive", tender=command.tender)
    return checks.sellable(ctx.terms, ctx.stage, command.meter)


def _fits(
    ctx: Context, command: CreditVend, meter: Meter, agreement: Agreement, payer: Account
) -> None:
    """One currency, and no purchase that still waits for its token."""
    if command.currency != payer.currency or payer.currency != ctx.terms.currency:
        raise refuse(
            "currency-wrong",
            currency=command.currency,
            account=payer.number,
            expected=payer.currency,
        )
    refuse_if_ordered(ctx, meter, agreement)


def _priced(
    ctx: Context, command: CreditVend, meter: Meter, agreement: Agreement, payer: Account,
    agent_id: int = 0,
) -> Answer:  # fmt: skip
    price = price_purchase(ctx.terms, ctx.stage, meter, agreement, command.tender, ctx.now_us)
    _ask_about_quote(command, price, meter.commodity)
    return _issue(ctx, command, Bought(meter, agreement, payer, price, agent_id))


def _ask_about_repeat(
    ctx: Context, command: CreditVend, meter: Meter, payer: tuple[int, int]
) -> None:
    if command.another:
        return
    earlier = checks.likely_repeat(ctx.terms, ctx.stage, meter, command.tender, payer, ctx.now_us)
    if earlier is None:
        return
    key = key_change.newest(ctx.stage, meter)
    minutes = max(1, (ctx.now_us - earlier.priced_at) // checks.MINUTE_US)
    raise Refusal(
        "likely-repeat",
        {"receipt": earlier.receipt, "minutes": minutes, "meter": meter.drn},
        msgspec.to_builtins(
            sale_view(ctx.terms, shown_with(key, earlier), ctx.stage.get(Phone, command.phone))
        ),
    )


def _ask_about_holder(
    ctx: Context, command: CreditVend, agreement: Agreement, stored: str = ""
) -> Refusal:
    """Another's meter: the buyer sees the masked name, and away from a menu he gets a code."""
    args: dict[str, Any] = {
        "meter": command.meter,
        "holder": checks.masked(agreement.holder),
        "tender": command.tender,
        "currency": command.currency,
    }
    if command.answer_by_notice:
        args["code"] = ctx.draw.code
        ctx.stage.add(
            "confirmation",
            id=ctx.new_id("confirmation"),
            company=ctx.terms.code,
            phone=command.phone,
            code=ctx.draw.code,
            state="waiting",
            command=stored or msgspec.json.encode(command).decode(),
            expires=ctx.now_us + ctx.terms.confirm_minutes * checks.MINUTE_US,
        )
    return refuse("confirm-holder", **args)


def _ask_about_quote(command: CreditVend, price: Price, commodity: str) -> None:
    if command.quoted_tenths is not None and command.quoted_tenths != price.units_tenths:
        raise refuse(
            "quote-changed",
            quoted=command.quoted_tenths,
            units=price.units_tenths,
            meter=command.meter,
            currency=command.currency,
            commodity=commodity,
        )


def _issue(ctx: Context, command: CreditVend, bought: Bought) -> Answer:
    at_sale = key_change.at_sale(ctx, bought.meter, bought.price.tariff.tariff.ti)
    sale = _without_token(ctx, command, bought, at_sale)
    if at_sale.meter.sgc in ctx.terms.remotes:
        return order_sale(ctx, command, bought, sale, at_sale)
    token = make_token(ctx, at_sale.meter, sale.units_tenths)
    sale = replace(sale, receipt=new_receipt(ctx), token=token.digits)
    lines, beneficiary = bought.price.priced.lines, bought.agreement.account_id
    post_sale(ctx, sale, lines, beneficiary)
    effect = carry_on(ctx.stage, bought)
    pay_items(ctx, sale.id, effect.items)
    remember(ctx.stage, sale)
    write_sale(ctx, sale, bought, _ISSUED, effect)
    if sale.agent_id:
        commission_of_sale(ctx, sale, lines)
        floats.spent(ctx, sale.agent_id, sale.tender)
    write_token(ctx, sale, token, ctx.draw.rnd)
    sale = free_units.with_purchase(ctx, bought.agreement, sale, make_token)
    view = msgspec.to_builtins(sale_view(ctx.terms, sale, ctx.stage.get(Phone, command.phone)))
    tell(ctx, command.reply, TEMPLATES[sale.key_change], view, sale.id)
    return Answer(outcome=_DONE, data=view)


def _without_token(
    ctx: Context, command: CreditVend, bought: Bought, at_sale: key_change.AtSale
) -> PastSale:
    meter, payer, price = at_sale.meter, bought.payer, bought.price
    return PastSale(
        id=ctx.new_id("sale"),
        receipt="",
        phone=command.phone,
        payer_account_id=payer.id,
        meter_id=meter.id,
        drn=meter.drn,
        account_number=payer.number,
        currency=payer.currency,
        tender=command.tender,
        units_tenths=price.units_tenths,
        carried_forward=price.priced.carried_forward,
        lines=lines_json(price.priced.lines),
        priced_at=ctx.now_us,
        token="",
        sgc=meter.sgc,
        krn=meter.krn,
        ti=meter.ti,
        key_change=at_sale.mark,
        kct=at_sale.tokens,
        commodity=meter.commodity,
        agent_id=bought.agent_id,
    )
