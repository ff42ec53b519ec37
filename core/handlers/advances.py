"""Commands of units on credit: a customer asks, or an operator gives; times without service."""

from core.book import Wants
from core.collection.business import FEE_IDS, RESUMED, charge_for
from core.company import Terms
from core.entities import Agreement, Meter, Phone
from core.handlers.base import Context, Handler
from core.messages import (
    Answer,
    AskAdvance,
    GiveAdvance,
    Outcome,
    PauseService,
    ResumeService,
)
from core.refusals import refuse
from core.registration.guard import in_use
from core.vending import act_checks as operators
from core.vending.act_kinds import Role
from core.vending.act_money import agreement_at
from core.vending.advance import Wish, give, worth
from core.vending.checks import is_own, sellable
from core.vending.key_change import MAX_SET, at_sale
from core.vending.ordered_advance import order_advance, tell_advance
from core.vending.ordered_sale import refuse_if_ordered
from core.vending.pauses import begin_pause, end_pause, wrong
from core.vending.sale import MAX_RECIPIENTS, make_token, receipt_ids


def decide_ask(ctx: Context, command: AskAdvance) -> Answer:
    """Give the phone's own meter units on credit, or refuse with a code."""
    drn = command.meter or _only_meter(ctx, command.phone)
    meter, agreement = sellable(ctx.terms, ctx.stage, drn)
    phone = ctx.stage.get(Phone, command.phone)
    if phone is None or not phone.account_ids:
        raise refuse("phone-not-registered", phone=command.phone)
    if not is_own(ctx.stage, command.phone, agreement):
        raise refuse("advance-not-own", phone=command.phone, meter=meter.drn)
    in_use(ctx.stage, command.phone, ctx.now_us)
    wish = Wish(meter=drn, amount=command.amount, phone=command.phone, reply=command.reply)
    return _give(ctx, wish, meter, agreement)


def _only_meter(ctx: Context, msisdn: str) -> str:
    """The one meter of the phone whose account it may spend."""
    phone = ctx.stage.get(Phone, msisdn)
    if phone is None or not phone.account_ids:
        raise refuse("phone-not-registered", phone=msisdn)
    own = []
    for saved in phone.meters:
        meter = ctx.stage.get(Meter, saved.drn)
        id_ = ctx.stage.linked("agreement-of", meter.id) if meter is not None else None
        agreement = ctx.stage.get(Agreement, id_)
        if agreement is not None and is_own(ctx.stage, msisdn, agreement):
            own.append(saved.drn)
    if not own:
        raise refuse(
            "advance-not-own", phone=msisdn, meter=phone.meters[0].drn if phone.meters else ""
        )
    if len(own) > 1:
        raise refuse("advance-which", phone=msisdn, meter=own[0])
    return own[0]


def decide_give(ctx: Context, command: GiveAdvance) -> Answer:
    """The same in an operator's name; it is on record who, and why."""
    reason = _reason(ctx, command.operator, command.reason, "advance")
    meter, agreement = sellable(ctx.terms, ctx.stage, command.meter)
    wish = Wish(
        meter=command.meter,
        amount=command.amount,
        operator=command.operator,
        reason=reason,
        reply=command.reply,
    )
    return _give(ctx, wish, meter, agreement)


def _give(ctx: Context, wish: Wish, meter: Meter, agreement: Agreement) -> Answer:
    refuse_if_ordered(ctx, meter, agreement)
    what = worth(ctx, meter, agreement, wish.amount)
    key = at_sale(ctx, meter, ctx.terms.tariffs[agreement.tariff].tariff.ti)
    meter = key.meter
    if meter.sgc in ctx.terms.remotes:
        return order_advance(ctx, wish, (meter, agreement), what, key.tokens)
    token = make_token(ctx, meter, what.units_tenths)
    granted = (ctx.new_id("advance"), what)
    receipt = give(ctx, wish, (meter, agreement), granted, (token, ctx.draw.rnd))
    return tell_advance(ctx, wish, meter, what, (token.digits, receipt, key.tokens))


def _reason(ctx: Context, operator: str, reason: str, kind: str) -> str:
    """The operator may do it, and says why."""
    _supervisor(ctx.terms, operator, kind)
    words = reason.strip()
    if not words or len(words) > operators.MAX_WORDS:
        what = f"say why, in at most {operators.MAX_WORDS} characters"
        raise refuse("act-wrong", kind=kind, what=what)
    return words


def _supervisor(terms: Terms, name: str, kind: str) -> None:
    if Role.SUPERVISOR not in operators.operator_of(terms, name).roles:
        raise refuse("act-no-role", operator=name, kind=kind, role=Role.SUPERVISOR)


# --- times without service -----------------------------------------------------------------------


def decide_pause(ctx: Context, command: PauseService) -> Answer:
    """The agreement at the meter has no service from an instant on."""
    reason = _reason(ctx, command.operator, command.reason, "pause")
    meter, agreement = _agreement(ctx, command.meter)
    if agreement.mode != "prepaid":
        raise wrong(meter, "it is billed: its bills say what is charged")
    asked = (command.why, command.operator, reason)
    pause = begin_pause(ctx, meter, agreement, asked, command.on)
    data = {"meter": meter.drn, "pause": pause.id, "why": pause.why, "from": pause.from_us}
    return Answer(outcome=Outcome.DONE, data=data)


def decide_resume(ctx: Context, command: ResumeService) -> Answer:
    """It has service again; also one that is billed by now, whose pause a change has kept."""
    _reason(ctx, command.operator, command.reason, "resume")
    meter, agreement = _agreement(ctx, command.meter)
    pause = end_pause(ctx, meter, agreement, command.why, command.on)
    fees = charge_for(ctx, RESUMED[pause.why], f"pause/{pause.id}", agreement)
    data = {"meter": meter.drn, "pause": pause.id, "why": pause.why, "from": pause.from_us}
    return Answer(outcome=Outcome.DONE, data={**data, "to": pause.to_us, **fees})


def _agreement(ctx: Context, drn: str) -> tuple[Meter, Agreement]:
    meter = operators.meter_of(ctx.terms, ctx.stage, drn)
    return meter, agreement_at(ctx, meter)


def _wants_ask(command: AskAdvance) -> Wants:
    asked = (command.meter or command.phone,)
    if command.meter:
        return Wants(phones=(command.phone,), meters=(command.meter,), advances=asked)
    return Wants(phones=(command.phone,), meters_of=(command.phone,), advances=asked)


def _wants_give(command: GiveAdvance) -> Wants:
    return Wants(meters=(command.meter,), advances=(command.meter,))


def _wants_meter(command: PauseService | ResumeService) -> Wants:
    return Wants(meters=(command.meter,))


_IDS = {
    "advance": 1,
    "debt": 1,
    "token_order": 1,
    "token": 1 + MAX_SET,
    "key_change": 1,
    "ledger_txn": 1,
    "notice": MAX_RECIPIENTS,
    receipt_ids("{company}"): 1,
}

HANDLERS = (
    Handler("vending.ask-advance", AskAdvance, _wants_ask, decide_ask, _IDS),
    Handler("vending.give-advance", GiveAdvance, _wants_give, decide_give, _IDS),
    Handler("service.pause", PauseService, _wants_meter, decide_pause, {"agreement_pause": 1}),
    Handler("service.resume", ResumeService, _wants_meter, decide_resume, FEE_IDS),
)
