"""Commands of free basic units: an operator entitles to them or ends it, a customer claims them."""

import msgspec
from msgspec.structs import replace

from core.book import Wants
from core.calendars import first_day, local_period
from core.company import Terms
from core.entities import Agreement, Entitlement, Meter, Phone
from core.handlers.base import Context, Handler
from core.messages import Answer, ClaimFreeUnits, EndFreeUnits, GiveFreeUnits, Outcome
from core.refusals import refuse
from core.sts.errors import StsError
from core.vending import act_checks as checks
from core.vending import free_units
from core.vending.act_kinds import Role
from core.vending.act_money import agreement_at
from core.vending.act_tokens import refused
from core.vending.checks import is_own, sellable
from core.vending.entitlements import CUMULATE, MAX_CAP, month_text, runs, taken
from core.vending.key_change import MAX_SET, at_sale, newest
from core.vending.key_change_states import UNSURE
from core.vending.ordered_claim import order_claim, tell_claim
from core.vending.sale import MAX_RECIPIENTS, make_token

#: Up to 1,638.3 units a token carries every tenth exactly (``core.sts.amounts``): what several
#: months come to together is given without rounding.
EXACT_TENTHS = 16_383


# --- the entitlement -----------------------------------------------------------------------------


def decide_give(ctx: Context, command: GiveFreeUnits) -> Answer:
    """Entitle the agreement at a meter; the second one has to wait until the first has ended."""
    operator = checks.operator_of(ctx.terms, command.operator)
    _supervisor(ctx.terms, command.operator)
    meter = checks.meter_of(ctx.terms, ctx.stage, command.meter)
    agreement = agreement_at(ctx, meter)
    month = local_period(ctx.now_us, ctx.terms.zone)
    wrong = _wrong(command, meter, month)
    if wrong:
        raise refuse("entitlement-wrong", what=wrong)
    if command.tenths > operator.free_issue_tenths_per_day:
        raise refuse(
            "entitlement-over-limit",
            operator=command.operator,
            wanted=command.tenths,
            most=operator.free_issue_tenths_per_day,
        )
    known = free_units.entitlement_of(ctx, agreement)
    if known is not None and not 0 < known.to_month < month:
        raise refuse("entitlement-exists", meter=meter.drn)
    entitlement = _new(ctx, command, agreement, month)
    row = msgspec.structs.asdict(entitlement)
    del row["newest"]
    ctx.stage.add("entitlement", **row)
    ctx.stage.put(entitlement.id, entitlement)
    ctx.stage.link("entitlement-of", agreement.id, entitlement.id)
    return _entitled(entitlement, meter)


def _supervisor(terms: Terms, name: str) -> None:
    if Role.SUPERVISOR not in checks.operator_of(terms, name).roles:
        raise refuse("act-no-role", operator=name, kind="free-units", role=Role.SUPERVISOR)


def _wrong(command: GiveFreeUnits, meter: Meter, month: int) -> str:
    """What is wrong with the fields; empty: nothing."""
    cap = command.cap_months
    if not command.reason.strip() or len(command.reason) > checks.MAX_WORDS:
        return f"say why, in at most {checks.MAX_WORDS} characters"
    if not 1 <= cap <= MAX_CAP or (cap > 1 and command.unclaimed != CUMULATE):
        return f"months that come together are 1 to {MAX_CAP}, and 1 where they lapse"
    if not 0 < command.tenths <= min(meter.max_credit_tenths, EXACT_TENTHS // cap):
        return "so many units a month do not fit into the meter, or not into one token"
    begin, end = command.from_month or month, command.to_month
    if not all(_is_month(each) for each in (begin, end or begin)):
        return "a month is YYYYMM"
    if begin < month or (end and end < begin):
        return f"it begins in {month_text(month)} or later, and ends no earlier"
    return ""


def _is_month(period: int) -> bool:
    try:
        return first_day(period).year >= 2000
    except ValueError:
        return False


def _new(ctx: Context, command: GiveFreeUnits, agreement: Agreement, month: int) -> Entitlement:
    return Entitlement(
        id=ctx.new_id("entitlement"),
        company=ctx.terms.code,
        agreement_id=agreement.id,
        tenths=command.tenths,
        from_month=command.from_month or month,
        to_month=command.to_month,
        unclaimed=command.unclaimed,
        cap_months=command.cap_months,
        in_blocks=int(command.in_blocks),
        claimed_through=0,
        operator=command.operator,
        reason=command.reason.strip(),
        ended_by="",
        end_reason="",
        given_at=ctx.now_us,
        ended_at=0,
    )


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
    """No free units any more: nothing that is still to be claimed is given."""
    _supervisor(ctx.terms, command.operator)
    meter = checks.meter_of(ctx.terms, ctx.stage, command.meter)
    if not command.reason.strip() or len(command.reason) > checks.MAX_WORDS:
        raise refuse("entitlement-wrong", what=f"say why, in at most {checks.MAX_WORDS} characters")
    found = free_units.entitlement_of(ctx, agreement_at(ctx, meter))
    if found is None:
        raise refuse("entitlement-none", meter=meter.drn)
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
    asking = replace(asking, meter=key.meter)
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


def _wants_operator(command: GiveFreeUnits | EndFreeUnits) -> Wants:
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
        "vending.give-free-units", GiveFreeUnits, _wants_operator, decide_give, {"entitlement": 1}
    ),
    Handler("vending.end-free-units", EndFreeUnits, _wants_operator, decide_end, {}),
    Handler("vending.claim-free-units", ClaimFreeUnits, _wants_claim, decide_claim, _CLAIM_IDS),
)
