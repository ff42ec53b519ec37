"""Money by wallet is booked: on what its payer meant, or held with a reason. Never refused. Pure.

Everything that has money of a payment in its hands comes here: pay-ins, collections that were paid,
and money that was held and is tried again (``release``).
"""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from core.agents.floats import agent_of
from core.agents.money import MAX_REFERENCE, top_up
from core.agents.states import AgentState
from core.collection.entities import OpenItem, PreReceipt
from core.collection.payments import Part, account_of
from core.entities import Account
from core.handlers.base import Context
from core.messages import RequestAgentAct
from core.refusals import Refusal, refuse
from core.vending.sale_rows import tell
from core.wallets import held as holding
from core.wallets.entities import WalletPayment
from core.wallets.held_states import HeldMoney, HeldMove, moved, reason_of
from core.wallets.money import WAY, Applied, Facts, Money, came, receive_for, take_out, told
from core.wallets.routing import NOBODY, Target
from core.wallets.selling import account_at, pay_debts, sell, too_little

__all__ = ["NOBODY", "Applied", "Target", "apply", "hold", "release"]


def apply(ctx: Context, payment: WalletPayment, target: Target) -> Applied:
    """Book what came of a payment; what cannot be booked is held."""
    money = came(payment)
    if money.currency != ctx.terms.currency:
        return _held(ctx, money, target, "differs", "currency-wrong")
    return _booked(ctx, money, target)


def hold(ctx: Context, payment: WalletPayment, target: Target, reason: str) -> Applied:
    """Keep all of it for people: it is not what was asked for."""
    return _held(ctx, came(payment), target, reason, "")


def release(ctx: Context, held: HeldMoney, target: Target | None = None) -> Applied:
    """Try held money again, for what it was for or for ``target``: what can be booked is. Outcome
    is its reason still where nothing could. Raises Refusal for money that has gone elsewhere."""
    if moved(held.state, HeldMove.RELEASE) is None:
        raise refuse("payment-not-now", what=f"held money {held.id} is {held.state}")
    meant = target or holding.target_of(held)
    if not meant.known or held.currency != ctx.terms.currency:
        return _left(held, held.rest)
    if target is not None:
        named = {"names": target.names, "target": target.number}
        held = replace(held, **named, account_id=target.account_id, item_id=target.item_id)
    else:
        meant = _where_it_hangs(ctx, held, meant)
    applied = _tried(ctx, holding.money_of(ctx, held), meant)
    if isinstance(applied, Refusal) or (applied.rest and applied.rest == held.rest):
        holding.released(ctx, held, _left(held, held.rest))
        return _left(held, held.rest)
    row = holding.released(ctx, held, applied)
    return replace(applied, held_id=row.id) if applied.rest else applied


def _where_it_hangs(ctx: Context, held: HeldMoney, meant: Target) -> Target:
    """The meter that took the place of one that was exchanged. Where another has moved in since,
    it is not his: nobody's, until people say whose."""
    if meant.names != "meter":
        return meant
    after: str = ctx.stage.linked("successor", meant.number) or ""
    account = account_at(ctx, after or meant.number)
    if account is None or account.id == held.account_id:
        return replace(meant, number=after or meant.number)
    return NOBODY if after or held.account_id else meant


def _left(held: HeldMoney, rest: int) -> Applied:
    return Applied(outcome=held.reason, held_id=held.id, rest=rest, account_id=held.account_id)


def _booked(ctx: Context, money: Money, target: Target) -> Applied:
    applied = _tried(ctx, money, target)
    if isinstance(applied, Refusal):
        return _held(ctx, money, target, reason_of(applied.code), applied.code)
    if applied.rest:
        rest = _held(
            ctx, replace(money, amount=applied.rest), target, applied.outcome, "meter-blocked"
        )
        return replace(rest, payment_id=applied.payment_id, data={**applied.data, **rest.data})
    return applied


def _tried(ctx: Context, money: Money, target: Target) -> Applied | Refusal:
    """What can be booked of it; a refusal, with nothing staged, where nothing can."""
    if not target.known:
        return refuse("payment-unknown", what="nobody's, as far as its reference says")
    mark = ctx.stage.mark()
    try:
        return _WAYS[target.names](ctx, money, target)
    except Refusal as refusal:
        ctx.stage.back_to(mark)
        return refusal


def _meter(ctx: Context, money: Money, target: Target) -> Applied:
    mark = ctx.stage.mark()
    try:
        return sell(ctx, money, target.number)
    except Refusal as refusal:
        ctx.stage.back_to(mark)
        reason, account = reason_of(refusal.code), account_at(ctx, target.number)
        if reason == "postpaid" and account is not None:
            return _to_account(ctx, money, account)
        if reason == "small" and account is not None:
            return _small(ctx, money, account, target)
        if reason == "blocked" and account is not None:
            return _blocked(ctx, money, account, (target, refusal))
        raise


def _small(ctx: Context, money: Money, account: Account, target: Target) -> Applied:
    """Credit, and the payer hears what is missing."""
    little = too_little(ctx, money, target.number)
    missing = little.missing if little is not None else 0
    held, payment_id = holding.credit(ctx, money, account, target)
    facts: Facts = {
        "amount": money.amount,
        "currency": money.currency,
        "missing": missing,
        "meter": target.number,
        "account": account.number,
    }
    tell(ctx, told(ctx, money.payment, account.id), "pay-in-small", facts)
    return Applied(
        outcome="small",
        data={**facts, "outcome": "small"},
        account_id=account.id,
        payment_id=payment_id,
        held_id=held.id,
    )


def _blocked(ctx: Context, money: Money, account: Account, why: tuple[Target, Refusal]) -> Applied:
    """What purchases would take is paid; if that lifts the block the rest is sold, else held."""
    target, refusal = why
    paid, payment_id = pay_debts(ctx, money, account)
    if not paid:
        raise refusal
    rest = money.amount - paid
    facts: Facts = {"debts": paid, "currency": money.currency, "account": account.number}
    if not rest:
        tell(ctx, told(ctx, money.payment, account.id), "pay-in-debts", facts)
        return Applied(
            outcome="paid", data={**facts, "outcome": "paid"}, account_id=account.id,
            payment_id=payment_id,
        )  # fmt: skip
    mark = ctx.stage.mark()
    try:
        sold = sell(ctx, replace(money, amount=rest), target.number)
    except Refusal as again:
        ctx.stage.back_to(mark)
        if reason_of(again.code) == "small":
            return _small(ctx, replace(money, amount=rest), account, target)
        reason = reason_of(again.code)
        return Applied(outcome=reason, data=facts, rest=rest, payment_id=payment_id)
    return replace(sold, data={**sold.data, "debts": paid})


def _account(ctx: Context, money: Money, target: Target) -> Applied:
    return _to_account(ctx, money, account_of(ctx, target.number))


def _item(ctx: Context, money: Money, target: Target) -> Applied:
    """A bill, or a fee by its order: it is paid first, and what is more as the company's rule has
    it. One that is paid already is no reason to keep the money from its account."""
    account = ctx.stage.get(Account, target.account_id)
    if account is None or account.state != "active":
        raise refuse("account-closed", account=target.number)
    item = ctx.stage.get(OpenItem, target.item_id) if target.item_id else None
    named: tuple[int, ...] = (item.id,) if item is not None and item.open else ()
    if not named:
        named = _of_receipt(ctx, target)
    return _to_account(ctx, money, account, named)


def _of_receipt(ctx: Context, target: Target) -> tuple[int, ...]:
    """The open items that a receipt before payment was written for."""
    receipt = ctx.stage.get(PreReceipt, target.number)
    if receipt is None:
        return ()
    ids = msgspec.json.decode(receipt.items, type=list[int])
    found = (ctx.stage.get(OpenItem, id_) for id_ in ids)
    return tuple(item.id for item in found if item is not None and item.open)


def _to_account(
    ctx: Context, money: Money, account: Account, items: tuple[int, ...] = ()
) -> Applied:
    payment_id = receive_for(ctx, money, Part(account, money.amount, items))
    credit = ctx.stage.need(Account, account.id).spendable
    facts: Facts = {
        "payment": money.payment.number,
        "account": account.number,
        "amount": money.amount,
        "currency": money.currency,
        "credit": credit,
    }
    tell(ctx, told(ctx, money.payment, account.id), "payment", facts)
    return Applied(
        outcome="paid",
        data={**facts, "outcome": "paid"},
        account_id=account.id,
        payment_id=payment_id,
    )


def _agent(ctx: Context, money: Money, target: Target) -> Applied:
    """An agent's float; the provider's receipt counts there once, like a bank's reference."""
    agent, payment = agent_of(ctx, target.number), money.payment
    if agent.state == AgentState.CLOSED:
        raise refuse("agent-closed", agent=agent.number)
    reference = payment.receipt
    if len(reference) > MAX_REFERENCE or ctx.stage.linked("topup-of", reference) is not None:
        raise refuse("agent-wrong", agent=agent.number, what=f"{reference} was counted before")
    command = RequestAgentAct(
        operator="", kind="agent-topup", agent=agent.number, reason="", amount=money.amount,
        way=WAY, desk=payment.wallet, reference=reference,
    )  # fmt: skip
    take_out(ctx, money)
    facts = top_up(ctx, 0, command, f"{WAY}:{payment.wallet}")
    said: Facts = {
        "agent": agent.number,
        "amount": money.amount,
        "currency": money.currency,
        **facts,
        "outcome": "topped-up",
    }
    return Applied(outcome="topped-up", data=said, agent_id=agent.id)


_WAYS: Final[dict[str, Callable[[Context, Money, Target], Applied]]] = {
    "meter": _meter,
    "account": _account,
    "bill": _item,
    "order": _item,
    "agent": _agent,
}


def _held(ctx: Context, money: Money, target: Target, reason: str, code: str) -> Applied:
    account = account_at(ctx, target.number) if target.names == "meter" else None
    if account is not None:
        target = replace(target, account_id=account.id)
    held = holding.hold(ctx, money, target, reason, code)
    facts: Facts = {
        "amount": money.amount,
        "currency": money.currency,
        "reference": money.payment.typed or target.number,
        "why": reason,
        "payment": money.payment.number,
    }
    tell(ctx, told(ctx, money.payment, target.account_id), "pay-in-held", facts)
    return Applied(
        outcome=reason,
        data={**facts, "outcome": reason, "held": held.id},
        account_id=target.account_id,
        held_id=held.id,
        rest=money.amount,
    )
