"""Entitling to free basic units, an act that may need two people: checked, then on file. Pure.

A month is given once to an agreement, under whatever entitlement: a new one goes on where those
before it stopped, so that ending and giving again opens no month a second time.
"""

import msgspec

from core.calendars import first_day, local_period
from core.commodity import units_only
from core.entities import Agreement, Entitlement, Meter, TokenAct
from core.handlers.base import Context
from core.messages import RequestTokenAct
from core.refusals import refuse
from core.vending import free_units
from core.vending.act_money import agreement_at
from core.vending.act_tokens import command_of
from core.vending.entitlements import CUMULATE, MAX_CAP, month_text
from core.vending.ordered_sale import refuse_if_ordered

#: Up to 1,638.3 units a token carries every tenth exactly (``core.sts.amounts``): what several
#: months come to together is given without rounding.
EXACT_TENTHS = 16_383


def can_entitle(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    """Whether the agreement at the meter can be entitled to that now; it costs nothing yet.

    The second entitlement waits until the first has ended, and until no token is on its way: its
    months are not known before.
    """
    units_only(meter.commodity, meter.drn)
    month = local_period(ctx.now_us, ctx.terms.zone)
    wrong = _wrong(command, meter, month)
    if wrong:
        raise refuse("entitlement-wrong", what=wrong)
    agreement = agreement_at(ctx, meter)
    refuse_if_ordered(ctx, meter, agreement)
    known = free_units.entitlement_of(ctx, agreement)
    if known is not None and not 0 < known.to_month < month:
        raise refuse("entitlement-exists", meter=meter.drn)
    return 0


def _wrong(command: RequestTokenAct, meter: Meter, month: int) -> str:
    """What is wrong with the fields; empty: nothing."""
    cap = command.cap_months
    if not 1 <= cap <= MAX_CAP or (cap > 1 and command.unclaimed != CUMULATE):
        return f"months that come together are 1 to {MAX_CAP}, and 1 where they lapse"
    if not 0 < command.units_tenths <= min(meter.max_credit_tenths, EXACT_TENTHS // cap):
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


def entitle(ctx: Context, act: TokenAct, meter: Meter) -> str:
    """Put the entitlement on file; there are no digits before the first claim."""
    agreement = agreement_at(ctx, meter)
    entitlement = _new(ctx, act, agreement)
    row = msgspec.structs.asdict(entitlement)
    del row["newest"]
    ctx.stage.add("entitlement", **row)
    ctx.stage.put(entitlement.id, entitlement)
    ctx.stage.link("entitlement-of", agreement.id, entitlement.id)
    return ""


def _new(ctx: Context, act: TokenAct, agreement: Agreement) -> Entitlement:
    command = command_of(act)
    return Entitlement(
        id=ctx.new_id("entitlement"),
        company=ctx.terms.code,
        agreement_id=agreement.id,
        tenths=act.units_tenths,
        from_month=command.from_month or local_period(ctx.now_us, ctx.terms.zone),
        to_month=command.to_month,
        unclaimed=command.unclaimed,
        cap_months=command.cap_months,
        in_blocks=int(command.in_blocks),
        claimed_through=free_units.claimed_through(ctx, agreement.id),
        operator=act.operator,
        reason=act.reason,
        ended_by="",
        end_reason="",
        given_at=ctx.now_us,
        ended_at=0,
    )
