"""An approved act with a token is carried out: at once, or when a module elsewhere has made it.

Where the key is in such a module, nothing moves until its token is there: the step runs twice, and
the first time ends where the token would be made.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from core.collection.business import ACT_EVENTS, charge_for
from core.entities import Agreement, Meter, TokenAct, TokenOrder
from core.handlers.base import Context
from core.messages import Answer, MadeToken, Outcome, Recipient
from core.refusals import Refusal, refuse
from core.vending import act_checks as checks
from core.vending.act_kinds import CAMPAIGN
from core.vending.act_life import act_answer, both, moved_act
from core.vending.act_states import ActMove
from core.vending.act_steps import STEPS
from core.vending.act_steps import Outcome as Done
from core.vending.act_tokens import Elsewhere, command_of, is_good
from core.vending.key_change import newest
from core.vending.key_change_states import UNSURE
from core.vending.sale_rows import tell
from core.vending.token_orders import Asked, For, order, split


class ActPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done when the order of an act ends: the act's row says the rest."""

    reply: tuple[Recipient, ...] = ()


def carry_out(ctx: Context, act: TokenAct) -> Answer:
    """Approved: tokens and postings, the act's state and the notices, or a Refusal."""
    if act.kind == CAMPAIGN:
        over = (ActMove.APPROVE, ActMove.CARRY_OUT)
        return act_answer(ctx, moved_act(ctx, act, *over, decided_at=ctx.now_us))
    step, command = STEPS[act.kind], command_of(act)
    meter = checks.meter_of(ctx.terms, ctx.stage, act.meter)
    step.check(ctx, command, meter)
    before = ctx.stage.mark()
    try:
        done = step.carry(ctx, act, meter)
    except Elsewhere as elsewhere:
        ctx.stage.back_to(before)
        return _ordered(ctx, act, meter, elsewhere.asked)
    return _done(ctx, act, done, ActMove.APPROVE, done.move)


def _done(ctx: Context, act: TokenAct, done: Done, *moves: ActMove) -> Answer:
    """The act's state, its notices and its answer."""
    act = moved_act(ctx, act, *moves, amount=done.amount, decided_at=act.decided_at or ctx.now_us)
    if not done.digits:
        return act_answer(ctx, act)
    facts: dict[str, Any] = {"token": done.digits}
    if done.units_tenths:
        facts["units_tenths"] = done.units_tenths
    if done.notice == "act-copy":
        facts["copy"] = True
    facts |= _set_before(ctx, act.meter, done.digits)
    shown = {"meter": act.meter, "units_tenths": done.units_tenths or None, **facts}
    if done.units_tenths:
        shown["commodity"] = ctx.stage.need(Meter, act.meter).commodity
    told = {k: v for k, v in shown.items() if v is not None}
    tell(ctx, command_of(act).reply, done.notice, told)
    return act_answer(ctx, act, **facts, **_fees(ctx, act))


def _fees(ctx: Context, act: TokenAct) -> dict[str, Any]:
    """What the company takes for such an act, of whom the meter serves; nobody: of nobody."""
    meter = ctx.stage.need(Meter, act.meter)
    agreement = ctx.stage.get(Agreement, ctx.stage.linked("agreement-of", meter.id))
    if act.kind not in ACT_EVENTS or agreement is None:
        return {}
    return charge_for(ctx, act.kind, f"act/{act.id}", agreement)


def _set_before(ctx: Context, drn: str, digits: str) -> dict[str, Any]:
    """``kct``: the set that the meter may not have taken yet; until it has, no token is any good.

    Not for one under the old key still (a copy of a token of before the change).
    """
    meter = ctx.stage.need(Meter, drn)
    change = newest(ctx.stage, meter)
    if change is None or change.state not in UNSURE or not is_good(ctx, meter, digits):
        return {}
    return {"kct": list(change.tokens)}


def _ordered(ctx: Context, act: TokenAct, meter: Meter, asked: Asked) -> Answer:
    """Its token is made by a module on the network: the answer comes with the module's report."""
    if ctx.stage.linked("open-act-order", meter.drn) is not None:
        why = "another act for it waits for its token"
        raise refuse("act-not-possible", kind=act.kind, meter=meter.drn, why=why)
    agreement = ctx.stage.linked("agreement-of", meter.id)
    if agreement is not None and ctx.stage.linked("open-order", agreement) is not None:
        why = "a purchase for it waits for its token, and may change its key"
        raise refuse("act-not-possible", kind=act.kind, meter=meter.drn, why=why)
    plan = ActPlan(reply=command_of(act).reply)
    made = order(ctx, meter, asked, For(cause="act", cause_id=act.id, plan=plan))
    ctx.stage.link("open-act-order", meter.drn, made)
    if act.kind == "credit-transfer":
        ctx.stage.link("moved-from", act.from_meter, act.id)
    moved_act(ctx, act, ActMove.APPROVE, ActMove.ORDER, decided_at=ctx.now_us)
    return Answer(outcome=Outcome.PENDING)


def token_came(ctx: Context, order_: TokenOrder, made: tuple[MadeToken, ...]) -> None:
    """The act is carried out with the token that the module made."""
    act = ctx.stage.need(TokenAct, order_.cause_id)
    meter = checks.meter_of(ctx.terms, ctx.stage, act.meter)
    _, (token,) = split(ctx, order_, made, (meter.sgc, meter.sgc))
    ctx.stage.link("made-by", (order_.module, ctx.message_id), token)
    ctx.stage.link("came", act.id, token)
    before = ctx.stage.mark()
    try:
        done = STEPS[act.kind].carry(ctx, act, meter)
        answer = _done(ctx, act, done, done.move)
    except Refusal as no:  # the world has moved: nobody gets the token, and the proof shows it
        ctx.stage.back_to(before)
        answer = _cannot(ctx, act, no.code, no.args_)
    ctx.stage.answer(order_.reference, answer)


def no_token(ctx: Context, order_: TokenOrder) -> None:
    """There is none, for sure: nothing moved."""
    act = ctx.stage.need(TokenAct, order_.cause_id)
    args = {"meter": act.meter, "why": order_.detail or order_.code}
    ctx.stage.answer(order_.reference, _cannot(ctx, act, "module-refused", args))


def in_doubt(ctx: Context, order_: TokenOrder) -> None:
    """Who asked waits; the order's own state says why."""


def _cannot(ctx: Context, act: TokenAct, code: str, args: Mapping[str, Any]) -> Answer:
    moved_act(ctx, replace(act, note=both(act.note, code)), ActMove.CANNOT)
    return Answer(outcome=Outcome.REFUSED, code=code, args=dict(args))
