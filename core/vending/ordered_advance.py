"""Units on credit: what is told of them, and those whose token a module on the network makes. Pure.

Nothing is owed before the token is there; in between the agreement has no sale and no other order.
"""

from typing import Any

import msgspec

from core.commodity import subclass_of
from core.entities import Agreement, Meter, TokenOrder
from core.handlers.base import Context
from core.messages import Answer, MadeToken, Outcome, Recipient
from core.refusals import Refusal, refuse
from core.sts.layouts import CREDIT
from core.vending.act_checks import meter_of
from core.vending.act_money import agreement_at
from core.vending.advance import CAUSE, Wish, Worth, give
from core.vending.receipt import line_views
from core.vending.sale_rows import tell
from core.vending.token_orders import Asked, For, order, split


class AdvancePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done when the order of an advance ends.

    ``before``: the set of a key change to key in first.
    """

    wish: Wish
    what: Worth
    agreement_id: int
    reply: tuple[Recipient, ...] = ()
    before: tuple[str, ...] = ()


_plan = msgspec.json.Decoder(AdvancePlan)


def tell_advance(
    ctx: Context, wish: Wish, meter: Meter, what: Worth, given: tuple[str, str, tuple[str, ...]]
) -> Answer:
    """The notice and the answer. ``given``: digits, receipt, set to key in first."""
    digits, receipt, before = given
    data: dict[str, Any] = {
        "meter": meter.drn,
        "token": digits,
        "units_tenths": what.units_tenths,
        "commodity": meter.commodity,
        "amount": what.amount,
        "fee": what.fee,
        "owed": what.owed,
        "currency": ctx.terms.currency,
        "receipt": receipt,
        "lines": msgspec.to_builtins(line_views(what.lines)),
    }
    if before:
        data["kct"] = list(before)
    tell(ctx, wish.reply, "advance", data)
    return Answer(outcome=Outcome.DONE, data=data)


def order_advance(
    ctx: Context, wish: Wish, at: tuple[Meter, Agreement], what: Worth, before: tuple[str, ...]
) -> Answer:
    """Order the token; nothing is owed before it is there."""
    meter, agreement = at
    asked = Asked(
        token_class=CREDIT,
        subclass=subclass_of(meter.commodity, meter.drn),
        amount=what.units_tenths,
    )
    plan = AdvancePlan(
        wish=wish, what=what, agreement_id=agreement.id, reply=wish.reply, before=before
    )
    purpose = For(cause=CAUSE, cause_id=ctx.new_id("advance"), plan=plan, agreement_id=agreement.id)
    order(ctx, meter, asked, purpose)
    return Answer(outcome=Outcome.PENDING)


def token_came(ctx: Context, order_: TokenOrder, made: tuple[MadeToken, ...]) -> None:
    """The units are on credit with the token that the module made, at the price of their order."""
    plan = _plan.decode(order_.plan)
    meter = meter_of(ctx.terms, ctx.stage, order_.meter)
    _, (token,) = split(ctx, order_, made, (meter.sgc, meter.sgc))
    ctx.stage.link("made-by", (order_.module, ctx.message_id), token)
    before = ctx.stage.mark()
    try:
        agreement = agreement_at(ctx, meter)
        if agreement.id != plan.agreement_id:  # the meter is somebody else's by now
            raise refuse("agreement-missing", meter=meter.drn)
        granted = (order_.cause_id, plan.what)
        receipt = give(ctx, plan.wish, (meter, agreement), granted, (token, 0))
        given = (token.digits, receipt, plan.before)
        answer = tell_advance(ctx, plan.wish, meter, plan.what, given)
    except Refusal as no:  # the world has moved: nobody gets the token, and the proof shows it
        ctx.stage.back_to(before)
        answer = Answer(outcome=Outcome.REFUSED, code=no.code, args=dict(no.args_))
    ctx.stage.answer(order_.reference, answer)


def no_token(ctx: Context, order_: TokenOrder) -> None:
    """There is none, for sure: nothing is owed, and it can be asked for again."""
    args = {"meter": order_.meter, "why": order_.detail or order_.code}
    args["help_line"] = ctx.terms.help_line
    plan = _plan.decode(order_.plan)
    tell(ctx, plan.reply, "refusal", {"code": "module-refused", "args": args})
    no = Answer(outcome=Outcome.REFUSED, code="module-refused", args=args)
    ctx.stage.answer(order_.reference, no)


def in_doubt(ctx: Context, order_: TokenOrder) -> None:
    """No money waits: the units come when their token does."""
