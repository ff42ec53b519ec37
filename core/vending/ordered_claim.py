"""Free units: what is told of them, and those whose token a module on the network makes. Pure."""

from typing import Any

import msgspec

from core.commodity import subclass_of
from core.entities import Claimed, Entitlement, Meter, TokenOrder
from core.handlers.base import Context
from core.messages import Answer, ClaimFreeUnits, MadeToken, Outcome, Recipient
from core.refusals import Refusal, refuse
from core.sts.layouts import CREDIT
from core.vending import free_units
from core.vending.act_checks import meter_of
from core.vending.act_money import agreement_at
from core.vending.entitlements import Due, month_text
from core.vending.ordered_sale import refuse_if_ordered
from core.vending.sale_rows import tell
from core.vending.token_orders import Asked, For, order, split


class ClaimPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done when the order of a claim ends: ``due`` is as it was when it was made.

    ``before``: the printing of a key change's set that this claim uses up.
    """

    due: Due
    phone: str
    reply: tuple[Recipient, ...] = ()
    before: tuple[str, ...] = ()


_plan = msgspec.json.Decoder(ClaimPlan)


def tell_claim(
    ctx: Context,
    reply: tuple[Recipient, ...],
    claimed: Claimed,
    more: tuple[str, tuple[str, ...], bool],
) -> Answer:
    """The notice and the answer. ``more``: commodity, set to key in first, whether it is a copy."""
    commodity, before, copy = more
    data: dict[str, Any] = {
        "meter": claimed.drn,
        "free_token": claimed.digits,
        "units_tenths": claimed.tenths,
        "commodity": commodity,
        "months": [month_text(claimed.first), month_text(claimed.last)],
    }
    if before:
        data["kct"] = list(before)
    if copy:
        data["copy"] = True
    tell(ctx, reply, "free-units-copy" if copy else "free-units", data)
    return Answer(outcome=Outcome.DONE, data=data)


def order_claim(
    ctx: Context, command: ClaimFreeUnits, asking: free_units.Asking, due: Due,
    entitlement: Entitlement,
) -> Answer:  # fmt: skip
    """Order the token; nothing is claimed before it is there."""
    meter = asking.meter
    refuse_if_ordered(ctx, meter, asking.agreement)
    asked = Asked(
        token_class=CREDIT,
        subclass=subclass_of(meter.commodity, meter.drn),
        amount=due.tenths,
    )
    purpose = For(
        cause=free_units.CAUSE,
        cause_id=entitlement.id,
        plan=ClaimPlan(due=due, phone=command.phone, reply=command.reply, before=asking.before),
        agreement_id=asking.agreement.id,
    )
    order(ctx, meter, asked, purpose)
    return Answer(outcome=Outcome.PENDING)


def token_came(ctx: Context, order_: TokenOrder, made: tuple[MadeToken, ...]) -> None:
    """The claim is done with the token that the module made."""
    plan = _plan.decode(order_.plan)
    meter: Meter = meter_of(ctx.terms, ctx.stage, order_.meter)
    entitlement = ctx.stage.need(Entitlement, order_.cause_id)
    _, (token,) = split(ctx, order_, made, (meter.sgc, meter.sgc))
    ctx.stage.link("made-by", (order_.module, ctx.message_id), token)
    before = ctx.stage.mark()
    try:
        agreement = agreement_at(ctx, meter)
        if agreement.id != entitlement.agreement_id:  # the meter is somebody else's by now
            raise refuse("agreement-missing", meter=meter.drn)
        asking = free_units.Asking(agreement, meter, plan.phone)
        claimed = free_units.give(ctx, asking, entitlement, plan.due, lambda *_: token)
        answer = tell_claim(ctx, plan.reply, claimed, (meter.commodity, plan.before, False))
    except Refusal as no:  # the world has moved: nobody gets the token, and the proof shows it
        ctx.stage.back_to(before)
        answer = Answer(outcome=Outcome.REFUSED, code=no.code, args=dict(no.args_))
    ctx.stage.answer(order_.reference, answer)


def no_token(ctx: Context, order_: TokenOrder) -> None:
    """There is none, for sure: the units are still to be claimed."""
    args = {"meter": order_.meter, "why": order_.detail or order_.code}
    args["help_line"] = ctx.terms.help_line
    plan = _plan.decode(order_.plan)
    tell(ctx, plan.reply, "refusal", {"code": "module-refused", "args": args})
    no = Answer(outcome=Outcome.REFUSED, code="module-refused", args=args)
    ctx.stage.answer(order_.reference, no)


def in_doubt(ctx: Context, order_: TokenOrder) -> None:
    """No money waits: the units come when their token does."""
