"""Free basic units: a token of their own, once for each month, with a purchase or without. Pure.

They are worth what the same units would have been as income (``expense:free-units``), take no debts
and no charges. In the month's price blocks they count only where the entitlement says so; after a
purchase that they come with, so that its price is the one that was quoted.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from core.calendars import local_period
from core.entities import Agreement, AgreementState, Claimed, Entitlement, Meter, PastSale
from core.handlers.base import Context
from core.refusals import Refusal, refuse
from core.sts.errors import ModuleAwayError, StsError
from core.sts.module import IssuedToken
from core.vending import act_money as money
from core.vending.checks import is_own
from core.vending.entitlements import Due, due, month_text
from core.vending.price import MILLI_PER_TENTH

CAUSE: Final = "free-units"
LEDGER: Final = "expense:free-units"
#: The token's place among those that one message makes, in the module's log.
PLACE: Final = "/free"

#: ``core.vending.sale.make_token``: handed in, for a sale asks for free units itself.
MakeToken = Callable[[Context, Meter, int, str], IssuedToken]


class Asking(msgspec.Struct, frozen=True, gc=False):
    """Who gets free units: ``sale_id`` 0 without a purchase.

    ``before``: the set of a key change to key in first.
    """

    agreement: Agreement
    meter: Meter
    phone: str
    sale_id: int = 0
    before: tuple[str, ...] = ()


def entitlement_of(ctx: Context, agreement: Agreement) -> Entitlement | None:
    """The entitlement of an agreement as this message sees it: the newest that was not ended."""
    id_ = ctx.stage.linked("entitlement-of", agreement.id)
    found = ctx.stage.get(Entitlement, id_) if id_ else None
    return None if found is None or found.ended_at else found


def claimed_through(ctx: Context, agreement_id: int) -> int:
    """The last month that the agreement was given, under whatever entitlement; 0: none.

    Of those that have ended only where a batch gives entitlements or reports claims: elsewhere the
    running one knows, for it began where they stopped.
    """
    before: int = ctx.stage.linked("claimed-through", agreement_id) or 0
    id_ = ctx.stage.linked("entitlement-of", agreement_id)
    newest = ctx.stage.get(Entitlement, id_) if id_ else None
    return max(before, newest.claimed_through if newest is not None else 0)


def with_purchase(ctx: Context, agreement: Agreement, sale: PastSale, make: MakeToken) -> PastSale:
    """The sale with the free units of the month in its message, where they are still to be had.

    Only for one who may spend the agreement's account, and only if nothing stands against it: a
    purchase does not fail for what is given away; it can be asked for by itself later.
    """
    entitlement = entitlement_of(ctx, agreement)
    if entitlement is None or not is_own(ctx.stage, sale.phone, agreement):
        return sale
    meter = ctx.stage.need(Meter, sale.drn)
    found = due_now(ctx, entitlement, meter)
    if found is None:
        return sale
    asking = Asking(agreement, meter, sale.phone, sale.id)
    try:
        claimed = give(ctx, asking, entitlement, found, make)
    except (Refusal, StsError, ModuleAwayError):
        return sale
    return replace(sale, free_token=claimed.digits, free_tenths=claimed.tenths)


def due_now(ctx: Context, entitlement: Entitlement, meter: Meter) -> Due | None:
    """What is due in the company's month of now."""
    month = local_period(ctx.now_us, ctx.terms.zone)
    return due(entitlement, month, meter.max_credit_tenths)


def give(
    ctx: Context, asking: Asking, entitlement: Entitlement, what: Due, make: MakeToken
) -> Claimed:
    """The token, its row, its postings, the month as claimed. Refusals as for a free issue.

    Everything that can be refused is refused before anything is changed.
    """
    meter, before = asking.meter, claimed_through(ctx, entitlement.agreement_id)
    if before >= what.first:  # a claim that was ordered, and the world has moved
        raise refuse("free-units-taken", meter=meter.drn, month=month_text(before))
    income = money.worth(ctx, meter, what.tenths)
    token = make(ctx, meter, what.tenths, PLACE)
    amount = money.give_away(ctx, CAUSE, LEDGER, income)
    claimed = Claimed(
        digits=token.digits,
        drn=meter.drn,
        tenths=what.tenths,
        first=what.first,
        last=what.last,
        sgc=meter.sgc,
        krn=meter.krn,
        ti=meter.ti,
    )
    _keep(ctx, entitlement, claimed)
    if entitlement.in_blocks:
        _count(ctx, asking.agreement, claimed)
    _write(ctx, asking, entitlement, (claimed, token, amount))
    return claimed


def _keep(ctx: Context, entitlement: Entitlement, claimed: Claimed) -> None:
    """The months are given: under this entitlement, and under one that has taken its place."""
    id_, last = entitlement.agreement_id, claimed.last
    ctx.stage.put(entitlement.id, replace(entitlement, claimed_through=last, newest=claimed))
    ctx.stage.link("claimed-through", id_, last)
    newest = ctx.stage.linked("entitlement-of", id_)
    if newest and newest != entitlement.id:
        running = ctx.stage.need(Entitlement, newest)
        ctx.stage.put(running.id, replace(running, claimed_through=last, newest=None))


def _count(ctx: Context, agreement: Agreement, claimed: Claimed) -> None:
    """Later purchases of the month begin in the blocks above.

    The month is the claim's last one, also where a module elsewhere made the token after its end:
    the next month's blocks begin empty. What is behind the agreement's own month counts in that.
    """
    state = ctx.stage.need(AgreementState, agreement.id)
    period = max(claimed.last, state.period)
    before = state.units_milli if state.period == period else 0
    counted = replace(state, period=period, units_milli=before + claimed.tenths * MILLI_PER_TENTH)
    ctx.stage.put(agreement.id, counted)


def _write(
    ctx: Context,
    asking: Asking,
    entitlement: Entitlement,
    done: tuple[Claimed, IssuedToken, int],
) -> None:
    claimed, token, amount = done
    claim_id, data = ctx.new_id("free_claim"), token.data
    ctx.stage.add(
        "free_claim",
        id=claim_id,
        company=ctx.terms.code,
        entitlement_id=entitlement.id,
        meter_id=asking.meter.id,
        sale_id=asking.sale_id,
        from_month=claimed.first,
        through_month=claimed.last,
        tenths=claimed.tenths,
        amount=amount,
        phone=asking.phone,
        message_id=ctx.message_id,
        claimed_at=ctx.now_us,
    )
    ctx.stage.add(
        "token",
        **{"class": int(data.token_class)},
        id=ctx.new_id("token"),
        company=ctx.terms.code,
        digits=token.digits,
        cause=CAUSE,
        cause_id=claim_id,
        meter_id=asking.meter.id,
        subclass=data.subclass,
        tid=data.tid,
        rnd=ctx.draw.rnd,
        value=claimed.tenths,
        sgc=claimed.sgc,
        krn=claimed.krn,
        ti=claimed.ti,
        made_at=ctx.now_us,
    )
