"""A token for money that came by wallet: what can be sold, what is in the way, what is too little.

Whatever stands against a sale, the money is there: it is vended, or it is booked on the row of
``core.wallets.held_states.TABLE`` that the refusal belongs to. So a sale is tried on the stage, and
what it staged is dropped when it is refused.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from core.collection.allocation import Rule
from core.collection.items import debts_of, items_of
from core.collection.payments import Part
from core.entities import Account, Agreement, Meter
from core.handlers.base import Context
from core.messages import Outcome
from core.refusals import Refusal, refuse
from core.vending import checks
from core.vending.ordered_sale import PAID_WITH
from core.vending.price import tender_of
from core.vending.sale import sell_at_desk
from core.wallets.held_states import HeldMoney, HeldMove, HeldState, moved
from core.wallets.money import ALL_CREDIT, Applied, Facts, Money, purchase, receive_for, sale_of

#: Tenths of a unit: the least that a token carries.
_LEAST: Final = 1


class Small(msgspec.Struct, frozen=True, gc=False):
    """Too little for a token: ``missing`` is what makes it one, with what waits already."""

    missing: int


def sell(ctx: Context, money: Money, meter: str) -> Applied:
    """A token for all of it and for what waits for this meter. Raises Refusal; what it staged is
    the caller's to drop then."""
    found, agreement = checks.sellable(ctx.terms, ctx.stage, meter)
    account = checks.account_of(ctx.stage, agreement)
    waits = waiting(ctx, account, meter)
    earlier = sum(each.rest for each in waits)
    if 0 < money.amount + earlier < ctx.terms.wallets.smallest:
        raise _too_small(ctx, money, earlier)
    payment_id = receive_for(ctx, money, Part(account, money.amount), ALL_CREDIT)
    return _sold(ctx, money, (found, agreement), (payment_id, waits))


def _too_small(ctx: Context, money: Money, earlier: int) -> Refusal:
    return refuse(
        "tender-too-small",
        tender=money.amount + earlier,
        smallest=ctx.terms.wallets.smallest,
        currency=money.currency,
    )


def _sold(
    ctx: Context, money: Money, at: tuple[Meter, Agreement], paid: tuple[int, list[HeldMoney]]
) -> Applied:
    """The sale, out of credit that is there. What ends at a price step is sold up to it."""
    payment_id, waits = paid
    (meter, agreement), account_id = at, at[1].account_id
    command = purchase(ctx, money, meter.drn, account_id)
    tender = money.amount + sum(each.rest for each in waits)
    facts: Facts = {"wallet": money.payment.wallet, "payment": money.payment.number}
    facts["outcome"] = "sold"
    ctx.stage.link(PAID_WITH, ctx.message_id, facts)
    mark = ctx.stage.mark()
    try:
        answer = sell_at_desk(ctx, replace(command, tender=tender))
    except Refusal as refusal:
        tender = refusal.args_.get("largest", 0) if refusal.code == "tender-at-step" else 0
        if not tender or tender >= money.amount + sum(each.rest for each in waits):
            raise
        ctx.stage.back_to(mark)
        answer = sell_at_desk(ctx, replace(command, tender=tender))
    for each in waits:
        _used(ctx, each)
    ordered = answer.outcome is Outcome.PENDING
    return Applied(
        outcome="ordered" if ordered else "sold",
        data={**answer.data, **facts},
        account_id=account_id,
        agreement_id=agreement.id,
        sale_id=sale_of(ctx),
        payment_id=payment_id,
    )


def waiting(ctx: Context, account: Account, meter: str) -> list[HeldMoney]:
    """What waits for this meter's next payment, as far as it is still credit of the account."""
    left, found = account.spendable, []
    for id_ in ctx.stage.linked("waits-for", meter) or ():
        held = ctx.stage.need(HeldMoney, id_)
        there = held.state == HeldState.WAITS and held.account_id == account.id
        if there and 0 < held.rest <= left:
            found.append(held)
            left -= held.rest
    return found


def _used(ctx: Context, held: HeldMoney) -> None:
    state = moved(held.state, HeldMove.USE)
    assert state is not None, "what waits can be used"
    after = replace(
        held, state=str(state), rest=0, how="sold", decision_id=ctx.message_id,
        ended_at=ctx.now_us,
    )  # fmt: skip
    ctx.stage.put(held.id, after)


def too_little(ctx: Context, money: Money, meter: str) -> Small | None:
    """How much more is a token, by the tariff and with what must be deducted now; None: money is
    not what is missing."""
    found, agreement = checks.sellable(ctx.terms, ctx.stage, meter)
    account = checks.account_of(ctx.stage, agreement)
    there = money.amount + sum(each.rest for each in waiting(ctx, account, meter))
    least = tender_of(ctx.terms, ctx.stage, (found, agreement), _LEAST, ctx.now_us)
    missing = max(least, ctx.terms.wallets.smallest) - there
    return Small(missing) if missing > 0 else None


def account_at(ctx: Context, meter: str) -> Account | None:
    """The active account of a meter's holder, whether anything can be sold there or not."""
    found = ctx.stage.get(Meter, meter)
    if found is None:
        return None
    agreement = ctx.stage.get(Agreement, ctx.stage.linked("agreement-of", found.id))
    account = ctx.stage.get(Account, agreement.account_id) if agreement else None
    return account if account is not None and account.state == "active" else None


def deductible(ctx: Context, account: Account) -> tuple[int, tuple[int, ...]]:
    """What of the account's debts purchases may take, or stands against them: how much, and which
    open items of it."""
    find = ctx.terms.collection.purchase_rule
    items = [
        item
        for item in items_of(ctx, account.id)
        if item.open and find(item.code, item.item_class) is not None
    ]
    debts = sum(debt.outstanding for debt in debts_of(ctx, account.id))
    return sum(item.open for item in items) + debts, tuple(item.id for item in items)


def pay_debts(ctx: Context, money: Money, account: Account) -> tuple[int, int]:
    """Pay what purchases would take; (what it came to, the payment's id)."""
    owed, items = deductible(ctx, account)
    amount = min(owed, money.amount)
    if not amount:
        return 0, 0
    rule = Rule(how="recovery", debts=True)
    part = Part(account, amount, items)
    return amount, receive_for(ctx, replace(money, amount=amount), part, rule)
