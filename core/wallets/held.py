"""Money that cannot be booked at once: kept with an owner, an age and a deadline. Pure.

``core.wallets.held_states.TABLE`` says what is done for which reason; this is how.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import asdict, replace

from core.collection.payments import Part
from core.entities import Account, PastSale
from core.handlers.base import Context
from core.ledger import CUSTOMER_CREDIT
from core.refusals import refuse
from core.vending.sale_rows import tell
from core.wallets.entities import WalletPayment
from core.wallets.held_states import (
    RUNNING,
    SUSPENDED,
    SUSPENSE,
    TABLE,
    HeldMoney,
    HeldMove,
    HeldState,
    moved,
    rule_of,
)
from core.wallets.money import ALL_CREDIT, Applied, Money, came, receive_for, suspend, told
from core.wallets.routing import Target
from core.wallets.rows import keep, token_ended
from core.wallets.states import WalletState

HOUR_US: Final = 3_600_000_000
#: What may go by itself is tried again so often; a purchase that waits for its token goes soon.
AGAIN_US: Final = HOUR_US
SOON_US: Final = 60_000_000

#: Ids that one row draws.
HELD_IDS: Final = {"held_money": 1}


def hold(ctx: Context, money: Money, target: Target, reason: str, code: str = "") -> HeldMoney:
    """Keep it in suspense, for its reason."""
    suspend(ctx, money)
    return _row(ctx, money, target, (reason, code, SUSPENSE, HeldState.HELD))


def credit(ctx: Context, money: Money, account: Account, target: Target) -> tuple[HeldMoney, int]:
    """Too little for a token: credit of the account that the next payment for the meter uses; and
    the payment's id."""
    payment_id = receive_for(ctx, money, Part(account, money.amount), ALL_CREDIT)
    target = replace(target, account_id=account.id)
    row = (_SMALL, "tender-too-small", CUSTOMER_CREDIT, HeldState.WAITS)
    held = _row(ctx, money, target, row)
    known = ctx.stage.linked("waits-for", held.target) or ()
    ctx.stage.link("waits-for", held.target, (*known, held.id))
    return held, payment_id


_SMALL: Final = "small"


def no_token(ctx: Context, paid_with: Mapping[str, Any], sale: PastSale, account_id: int) -> None:
    """A token that was ordered for money by wallet will not come: the money is credit of its
    account, and the next payment for the meter uses it, for whoever pays by wallet may have no
    other way to spend it."""
    payment = token_ended(ctx.stage, paid_with, "credited")
    if payment is None or payment.state == WalletState.REFUNDED:  # its provider took it back
        return
    amount = min(payment.paid, sale.tender)
    money = replace(came(payment), amount=amount)
    target = Target(names="meter", number=sale.drn, account_id=account_id)
    row = _row(ctx, money, target, (_SMALL, "module-refused", CUSTOMER_CREDIT, HeldState.WAITS))
    known = ctx.stage.linked("waits-for", sale.drn) or ()
    ctx.stage.link("waits-for", sale.drn, (*known, row.id))
    keep(ctx.stage, replace(payment, held_id=row.id))


def _row(
    ctx: Context, money: Money, target: Target, what: tuple[str, str, str, HeldState]
) -> HeldMoney:
    reason, code, ledger, state = what
    rule = rule_of(ctx.terms.wallets, reason)
    deadline = ctx.now_us + rule.hours * HOUR_US
    held = HeldMoney(
        id=ctx.new_id("held_money"),
        company=ctx.terms.code,
        payment_id=money.payment.id,
        wallet=money.payment.wallet,
        receipt=money.payment.receipt,
        currency=money.currency,
        amount=money.amount,
        rest=money.amount,
        ledger=ledger,
        reason=reason,
        code=code,
        names=target.names,
        target=target.number,
        account_id=target.account_id,
        item_id=target.item_id,
        state=str(state),
        owner=rule.owner,
        next=rule.then,
        since=ctx.now_us,
        deadline=deadline,
        next_at=_next_at(ctx, (reason, code), deadline),
        lapses=0,
        how="",
        message_id=ctx.message_id,
        decision_id="",
        ended_at=0,
    )
    return _write(ctx, held)


def _write(ctx: Context, held: HeldMoney) -> HeldMoney:
    ctx.stage.add("held_money", **asdict(held))
    ctx.stage.put(held.id, held)
    known = ctx.stage.linked("held-of", held.payment_id) or ()
    ctx.stage.link("held-of", held.payment_id, (*known, held.id))
    return held


def _next_at(ctx: Context, why: tuple[str, str], deadline: int) -> int:
    reason, code = why
    if not TABLE[reason].again:  # type: ignore[index]
        return deadline
    return min(deadline, ctx.now_us + (SOON_US if code == "sale-pending" else AGAIN_US))


def held_of(ctx: Context, payment_id: int) -> list[HeldMoney]:
    """What of a payment was held, the first row first; which rows were loaded."""
    return [ctx.stage.need(HeldMoney, id_) for id_ in ctx.stage.linked("held-of", payment_id) or ()]


def suspended_of(ctx: Context, payment_id: int) -> HeldMoney | None:
    """What of a payment rests in suspense now: there is one row of it at most."""
    found = [each for each in held_of(ctx, payment_id) if each.state in SUSPENDED]
    return found[0] if found else None


def money_of(ctx: Context, held: HeldMoney) -> Money:
    """What is left of it, to be booked. Its payment was loaded with it."""
    payment = ctx.stage.need(WalletPayment, held.payment_id)
    return Money(
        payment=payment,
        amount=held.rest,
        ledger=SUSPENSE,
        currency=held.currency,
        of=f"{held.id}.{held.rest}",
    )


def target_of(held: HeldMoney) -> Target:
    """What it is for, as it was when it came."""
    return Target(
        names=held.names, number=held.target, account_id=held.account_id, item_id=held.item_id
    )


def move(ctx: Context, held: HeldMoney, step: HeldMove, **changes: Any) -> HeldMoney:
    """The row after a move; a refusal where its state has no such move."""
    state = moved(held.state, step)
    if state is None:
        raise refuse("payment-not-now", what=f"held money {held.id} is {held.state}: no {step}")
    ended = state not in SUSPENDED and state not in RUNNING
    after = replace(
        held,
        **{
            "state": str(state),
            "decision_id": ctx.message_id,
            "ended_at": ctx.now_us if ended else 0,
            "rest": 0 if ended else held.rest,
            **changes,
        },
    )
    ctx.stage.put(held.id, after)
    return after


def released(ctx: Context, held: HeldMoney, applied: Applied) -> HeldMoney:
    """Some of it, or all, was booked: what is left stays held, for the reason that it now has. It
    has a row of its own then: whoever takes the payment back finds all that was booked of it by
    the messages that ended its rows."""
    if not applied.rest:
        return move(ctx, held, HeldMove.RELEASE, how=applied.outcome)
    next_at = _next_at(ctx, (held.reason, held.code), held.deadline)
    left = replace(held, rest=applied.rest, next_at=next_at)
    if applied.rest == held.rest:
        ctx.stage.put(left.id, left)
        return left
    move(ctx, held, HeldMove.RELEASE, how="paid")
    left = replace(left, id=ctx.new_id("held_money"), amount=left.rest, message_id=ctx.message_id)
    return _write(ctx, left)


def lapse(ctx: Context, held: HeldMoney) -> HeldMoney:
    """Its deadline passed: back to the payer, credit of its account, or once more to its owner."""
    row = {"lapses": held.lapses + 1}
    rule = rule_of(ctx.terms.wallets, held.reason)
    later = {"deadline": ctx.now_us + rule.hours * HOUR_US}
    later["next_at"] = later["deadline"]
    if held.state == HeldState.WAITS:
        return move(ctx, held, HeldMove.LAPSE_TO_CREDIT, how="credited", **row)
    account = ctx.stage.get(Account, held.account_id) if held.account_id else None
    ours = held.currency == ctx.terms.currency
    if held.next == "credit" and ours and account is not None and account.state == "active":
        money = money_of(ctx, held)
        receive_for(ctx, money, Part(account, held.rest), ALL_CREDIT)
        _tell(ctx, money, account, "pay-in-credited")
        return move(ctx, held, HeldMove.LAPSE_TO_CREDIT, how="credited", **row)
    wallet = ctx.terms.wallets.wallets.get(held.wallet)
    if held.next == "refund" and wallet is not None and wallet.refunds:
        return move(ctx, held, HeldMove.LAPSE_TO_REFUND, **row, **later)
    return move(ctx, held, HeldMove.LAPSE_TO_LIST, **row, **later)


def _tell(ctx: Context, money: Money, account: Account, template: str) -> None:
    args = {"amount": money.amount, "currency": money.currency, "account": account.number}
    tell(ctx, told(ctx, money.payment, account.id), template, args)
