"""Commands of free basic units: an operator entitles to them or ends it, a customer claims them."""

from msgspec.structs import replace

from core.book import Wants
from core.calendars import local_period
from core.company import Terms
from core.entities import Agreement, Entitlement, Meter, Phone
from core.handlers.base import Context, Handler
from core.handlers.token_acts import decide_request
from core.messages import (
    Answer,
    ClaimFreeUnits,
    EndFreeUnits,
    GiveFreeUnits,
    Outcome,
    RequestTokenAct,
)
from core.refusals import refuse
from core.sts.errors import StsError
from core.vending import act_checks as checks
from core.vending import free_units
from core.vending.act_kinds import ENTITLEMENT, Role
from core.vending.act_money import agreement_at
from core.vending.act_states import ActState
from core.vending.act_tokens import refused
from core.vending.checks import is_own, sellable
from core.vending.entitlements import month_text, runs, taken
from core.vending.key_change import MAX_SET, at_sale, newest
from core.vending.key_change_states import UNSURE
from core.vending.ordered_claim import order_claim, tell_claim
from core.vending.ordered_sale import refuse_if_ordered
from core.vending.sale import MAX_RECIPIENTS, make_token

# --- the entitlement -----------------------------------------------------------------------------


def decide_give(ctx: Context, command: GiveFreeUnits) -> Answer:
    """Entitle the agreement at a meter: an act (``entitlement``), which may need a second person.

    Then the answer is the act that waits; what is on file at once is told with its months.
    """
    asked = RequestTokenAct(
        operator=command.operator,
        kind=ENTITLEMENT,
        meter=command.meter,
        reason=command.reason,
        units_tenths=command.tenths,
        from_month=command.from_month,
        to_month=command.to_month,
        unclaimed=command.unclaimed,
        cap_months=command.cap_months,
        in_blocks=command.in_blocks,
    )
    answer = decide_request(ctx, asked)
    if answer.data["state"] != ActState.DONE:
        return answer
    meter = checks.meter_of(ctx.terms, ctx.stage, command.meter)
    given = free_units.entitlement_of(ctx, agreement_at(ctx, meter))
    assert given is not None  # the act has just put it on file
    return replace(answer, data={**answer.data, **_entitled(given, meter).data})


def _supervisor(terms: Terms, name: str) -> None:
    if Role.SUPERVISOR not in checks.operator_of(terms, name).roles:
        raise refuse("act-no-role", operator=name, kind="free-units", role=Role.SUPERVISOR)


def _entitled(entitlement: Entitlement, meter: Meter) -> Answer:
    data = {
        "entitlement": entitlement.id,
        "meter": meter.drn,
        "tenths": entitlement.tenths,
        "commodity": meter.commodity,
        "from_month": entitlement.from_month,
        "to_month": entitlement.to_month,
        "ended": bool(entitlement.ended_at),
    }
    return Answer(outcome=Outcome.DONE, data=data)


def decide_end(ctx: Context, command: EndFreeUnits) -> Answer:
    """No free units any more: nothing that is still to be claimed is given.

    Not while a token is on its way: which months it gives is known when it has come, or will not.
    """
    _supervisor(ctx.terms, command.operator)
    meter = checks.meter_of(ctx.terms, ctx.stage, command.meter)
    if not command.reason.strip() or len(command.reason) > checks.MAX_WORDS:
        raise refuse("entitlement-wrong", what=f"say why, in at most {checks.MAX_WORDS} characters")
    agreement = agreement_at(ctx, meter)
    found = free_units.entitlement_of(ctx, agreement)
    if found is None:
        raise refuse("entitlement-none", meter=meter.drn)
    refuse_if_ordered(ctx, meter, agreement)
    ended = replace(
        found,
        ended_at=ctx.now_us,
        ended_by=command.operator,
        end_reason=command.reason.strip(),
    )
    ctx.stage.put(ended.id, ended)
    return _entitled(ended, meter)


# --- the claim -----------------------------------------------------------------------------------


def decide_claim(ctx: Context, command: ClaimFreeUnits) -> Answer:
    """Give the free units that are due, or those of this month once more as a copy."""
    drn = command.meter or _only_meter(ctx, command.phone)
    entitlement, asking = _entitlement_at(ctx, command, drn)
    month = local_period(ctx.now_us, ctx.terms.zone)
    if not runs(entitlement, month):
        raise refuse("no-entitlement", meter=drn)
    if taken(entitlement, month):
        return _copy(ctx, command, entitlement, asking.meter)
    found = free_units.due_now(ctx, entitlement, asking.meter)
    if found is None:
        why = "it takes less at once than the free units of a month"
        raise refuse("act-not-possible", kind=free_units.CAUSE, meter=drn, why=why)
    key = at_sale(ctx, asking.meter, ctx.terms.tariffs[asking.agreement.tariff].tariff.ti)
    asking = replace(asking, meter=key.meter, before=key.tokens)
    if key.meter.sgc in ctx.terms.remotes:
        return order_claim(ctx, command, asking, found, entitlement)
    try:
        claimed = free_units.give(ctx, asking, entitlement, found, make_token)
    except StsError as error:
        raise refused(free_units.CAUSE, asking.meter, error) from error
    return tell_claim(ctx, command.reply, claimed, (asking.meter.commodity, key.tokens, False))


def _only_meter(ctx: Context, msisdn: str) -> str:
    """The one meter of the phone's own that has free units this month."""
    phone = ctx.stage.get(Phone, msisdn)
    if phone is None or not phone.account_ids:
        raise refuse("phone-not-registered", phone=msisdn)
    month = local_period(ctx.now_us, ctx.terms.zone)
    found = []
    for own in phone.meters:
        meter = ctx.stage.get(Meter, own.drn)
        agreement = _agreement(ctx, meter)
        if agreement is None or not is_own(ctx.stage, msisdn, agreement):
            continue
        entitlement = free_units.entitlement_of(ctx, agreement)
        if entitlement is not None and runs(entitlement, month):
            found.append(own.drn)
    if len(found) > 1:
        raise refuse("free-units-which", phone=msisdn, meter=found[0])
    if not found:
        raise refuse("no-entitlement", meter=phone.meters[0].drn if phone.meters else "")
    return found[0]


def _agreement(ctx: Context, meter: Meter | None) -> Agreement | None:
    if meter is None:
        return None
    return ctx.stage.get(Agreement, ctx.stage.linked("agreement-of", meter.id))


def _entitlement_at(
    ctx: Context, command: ClaimFreeUnits, drn: str
) -> tuple[Entitlement, free_units.Asking]:
    """Of a meter that could also be sold to, for one who may spend its account."""
    phone = ctx.stage.get(Phone, command.phone)
    if phone is None or not phone.account_ids:
        raise refuse("phone-not-registered", phone=command.phone)
    meter, agreement = sellable(ctx.terms, ctx.stage, drn)
    own = is_own(ctx.stage, command.phone, agreement)
    entitlement = free_units.entitlement_of(ctx, agreement) if own else None
    if entitlement is None:
        raise refuse("no-entitlement", meter=drn)
    return entitlement, free_units.Asking(agreement, meter, command.phone)


def _copy(ctx: Context, command: ClaimFreeUnits, entitlement: Entitlement, meter: Meter) -> Answer:
    """The same digits; what was for another meter, or is void, is given no more."""
    claimed = entitlement.newest
    if claimed is None or claimed.drn != meter.drn or claimed.void:
        month = month_text(entitlement.claimed_through)
        raise refuse("free-units-taken", meter=meter.drn, month=month)
    change = newest(ctx.stage, meter)
    before: tuple[str, ...] = ()
    if change is not None and change.state in UNSURE:
        new = change.new
        if (claimed.sgc, claimed.krn, claimed.ti) == (new.sgc, new.krn, new.ti):
            before = change.tokens
    return tell_claim(ctx, command.reply, claimed, (meter.commodity, before, True))


def _wants_give(command: GiveFreeUnits) -> Wants:
    return Wants(meters=(command.meter,), operators=(command.operator,))


def _wants_end(command: EndFreeUnits) -> Wants:
    return Wants(meters=(command.meter,))


def _wants_claim(command: ClaimFreeUnits) -> Wants:
    if command.meter:
        return Wants(phones=(command.phone,), meters=(command.meter,))
    return Wants(phones=(command.phone,), meters_of=(command.phone,))


_CLAIM_IDS = {
    "free_claim": 1,
    "token_order": 1,
    "token": 1 + MAX_SET,
    "key_change": 1,
    "ledger_txn": 1,
    "notice": MAX_RECIPIENTS,
}

HANDLERS = (
    Handler(
        "vending.give-free-units",
        GiveFreeUnits,
        _wants_give,
        decide_give,
        {"token_act": 1, "entitlement": 1},
    ),
    Handler("vending.end-free-units", EndFreeUnits, _wants_end, decide_end, {}),
    Handler("vending.claim-free-units", ClaimFreeUnits, _wants_claim, decide_claim, _CLAIM_IDS),
)
