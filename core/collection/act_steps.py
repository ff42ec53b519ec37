"""How each kind of act with money is checked and carried out: two small functions a kind.

``check`` looks at everything before anybody approves, changes nothing and gives the amount that
counts in the operator's day; it runs again when the act is carried out, for the world may have
moved. ``carry`` gives what the answer says beside the act itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.calendars import local_date
from core.collection import act_held as held
from core.collection import plans
from core.collection.charges import (
    credit_note,
    fee_draft,
    hand_over,
    late_drafts,
    prepaid_agreement,
    raise_fee,
)
from core.collection.entities import OpenItem
from core.collection.items import book, raise_items, receivable, settle
from core.collection.notes import why_not
from core.collection.opening import carry_opening, check_opening
from core.collection.payments import (
    clear,
    pay_from,
    payment_of,
    rule_of,
    undo,
)
from core.collection.states import (
    PaymentMove,
    PlanMove,
)
from core.collection.tenders import not_now, unknown, wrong
from core.collection.terms import Recovery
from core.counter.series import credit_note_number
from core.entities import Account, TokenAct
from core.handlers.base import Context
from core.ledger import CUSTOMER_CREDIT, Entry
from core.messages import RequestMoneyAct
from core.terminals.undone import OF_PAYMENT, undone

Facts = dict[str, Any]
Check = Callable[[Context, RequestMoneyAct, Account], int]
Carry = Callable[[Context, TokenAct, RequestMoneyAct, Account], Facts]


@dataclass(frozen=True, slots=True)
class Step:
    """The two functions of a kind."""

    check: Check
    carry: Carry


def _one_item(ctx: Context, command: RequestMoneyAct, account: Account) -> OpenItem:
    """The one item that is named, of this account."""
    item = ctx.stage.get(OpenItem, command.items[0]) if len(command.items) == 1 else None
    if item is None or item.account_id != account.id:
        raise unknown(f"name one item of account {account.number}")
    return item


def _open_item(ctx: Context, command: RequestMoneyAct, account: Account) -> OpenItem:
    item = _one_item(ctx, command, account)
    if not item.open:
        raise not_now(f"nothing is open on item {item.id}")
    return item


def _check_part(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """An amount of what is open on an item; none said: all of it."""
    item = _open_item(ctx, command, account)
    if not 0 <= command.amount <= item.open:
        raise not_now(f"item {item.id} has {item.open} open, not {command.amount}")
    return command.amount or item.open


def _carry_part(source: str, ledger: str) -> Carry:
    """Take something off an item at our own expense."""

    def carry(ctx: Context, act: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
        amount, item = _check_part(ctx, command, account), _open_item(ctx, command, account)
        book(ctx, source, [
            Entry(ledger, amount), Entry(receivable(item.code), -amount, account.id),
        ])  # fmt: skip
        after = settle(ctx, item, amount, source, act.id)
        return {"item": item.id, "open": after.open}

    return carry


def _check_fee(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    own = {a.id for a in ctx.stage.linked("agreements-of-account", account.id) or ()}
    if command.agreement and command.agreement not in own:
        raise unknown(f"account {account.number} has no agreement {command.agreement}")
    return fee_draft(ctx, command.fee).amount


def _carry_fee(ctx: Context, _act: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
    item = raise_fee(ctx, account, command.fee, command.agreement)
    return {"item": item.id, "open": ctx.stage.need(OpenItem, item.id).open}


def _check_settle(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    rule_of(ctx, command.rule)
    held.all_owed(ctx, command.items, account)
    return held.from_credit(ctx, command, account)


def _carry_settle(ctx: Context, _a: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
    rule = rule_of(ctx, command.rule, command.items)
    return {"used": pay_from(ctx, account, CUSTOMER_CREDIT, command.amount, rule)}


def _check_payment(move: PaymentMove) -> Check:
    def check(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
        payment, _ = payment_of(ctx, command.payment, move)
        rows = ctx.stage.linked("allocations-of-payment", payment.id) or ()
        if account.id not in {row.account_id for row in rows}:
            raise unknown(f"payment {payment.number} was not for account {account.number}")
        if move is PaymentMove.DISHONOUR and ctx.terms.collection.dishonour_fee:
            fee_draft(ctx, ctx.terms.collection.dishonour_fee)
        return payment.amount

    return check


def _carry_clear(ctx: Context, _a: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
    payment, after = payment_of(ctx, command.payment, PaymentMove.CLEAR)
    clear(ctx, payment, after)
    credit = ctx.stage.need(Account, account.id).spendable
    return {"payment": payment.number, "credit": credit}


def _carry_undo(move: PaymentMove) -> Carry:
    def carry(ctx: Context, act: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
        payment, after = payment_of(ctx, command.payment, move)
        undo(ctx, payment, after)
        undone(ctx.stage, OF_PAYMENT, payment.id)
        facts: Facts = {"payment": payment.number}
        fee = ctx.terms.collection.dishonour_fee
        if move is PaymentMove.DISHONOUR and fee:
            item = raise_fee(ctx, ctx.stage.need(Account, account.id), fee)
            facts["fee_item"] = item.id
        if move is PaymentMove.REVERSE:
            facts |= credit_note_number(ctx, act, payment=payment.number, amount=payment.amount)
        return facts

    return carry


def _carry_plan(ctx: Context, _act: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
    plan = plans.make_plan(ctx, command, account)
    return {"plan": plan.id, "total": plan.total, "instalments": plan.instalments}


def _check_end(move: PlanMove) -> Check:
    def check(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
        plans.plan_of(ctx, command, account, move)
        return 0

    return check


def _carry_end(move: PlanMove) -> Carry:
    def carry(ctx: Context, _act: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
        plan = plans.plan_of(ctx, command, account, move)
        return {"plan": plan.id, "left": plans.end_plan(ctx, plan, move)}

    return carry


_METHODS = ("percent_of_tender", "percent_of_outstanding", "fixed", "all")
_PERCENT = 10**8


def _check_recover(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    item = _open_item(ctx, command, account)
    if command.method not in _METHODS or not 0 <= command.priority <= 1_000:
        raise wrong(f"a method is one of: {', '.join(_METHODS)}; a priority 0 to 1000")
    most = _PERCENT if command.method.startswith("percent") else item.open
    if command.method != "all" and not 0 < command.value <= most:
        raise wrong(f"a value of {command.method} is 1 to {most}")
    if command.cap_per_sale < 0:
        raise wrong("a cap is an amount of money, or nothing")
    if prepaid_agreement(ctx, account.id, command.agreement) is None:
        raise not_now(f"account {account.number} has no prepaid agreement that is clear")
    return item.open


def _carry_recover(ctx: Context, _a: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
    item = _open_item(ctx, command, account)
    agreement = prepaid_agreement(ctx, account.id, command.agreement)
    assert agreement is not None  # checked
    value = 0 if command.method == "all" else command.value
    recovery = Recovery(
        method=command.method,
        value=value,
        priority=command.priority,
        cap_per_sale=command.cap_per_sale,
    )
    debt = hand_over(ctx, item, agreement.id, recovery)
    return {"item": item.id, "debt": debt.id, "outstanding": debt.outstanding}


def _check_late(ctx: Context, command: RequestMoneyAct, _account: Account) -> int:
    if plans.day_of(command.on) > local_date(ctx.now_us, ctx.terms.zone):
        raise wrong(f"{command.on} is not over yet: late fees are not owed in advance")
    return 0


def _carry_late(ctx: Context, _act: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
    drafts = late_drafts(ctx, account, plans.day_of(command.on))
    items = raise_items(ctx, account, drafts, "late-fee") if drafts else []
    return {"items": [item.id for item in items], "owed": sum(item.amount for item in items)}


def _check_credit_note(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    item = _one_item(ctx, command, account)
    if item.kind in ("instalment", "returned", "import"):
        raise not_now(f"item {item.id} is no charge of ours that could be credited: {item.kind}")
    left = item.amount - (ctx.stage.linked("credited", item.id) or 0)
    if not left or not 0 <= command.amount <= left:
        raise not_now(f"{left} of item {item.id} can be credited")
    amount = command.amount or left
    problem = why_not(ctx, item, amount, left)
    if problem:
        raise not_now(problem)
    return amount


def _carry_note(ctx: Context, act: TokenAct, command: RequestMoneyAct, account: Account) -> Facts:
    item, amount = _one_item(ctx, command, account), _check_credit_note(ctx, command, account)
    off, back = credit_note(ctx, account, item, amount)
    number = credit_note_number(ctx, act, item=item.id, amount=amount)
    return {"item": item.id, "off": off, "back": back, **number}


_M, _E = PaymentMove, PlanMove
STEPS: Final[Mapping[str, Step]] = {
    "fee": Step(_check_fee, _carry_fee),
    "settle": Step(_check_settle, _carry_settle),
    "receipt": Step(held.check_receipt, held.carry_receipt),
    "receipt-void": Step(held.check_void, held.carry_void),
    "deposit": Step(held.check_deposit, held.carry_deposit),
    "waiver": Step(_check_part, _carry_part("waiver", "expense:waiver")),
    "clear": Step(_check_payment(_M.CLEAR), _carry_clear),
    "dishonour": Step(_check_payment(_M.DISHONOUR), _carry_undo(_M.DISHONOUR)),
    "reverse": Step(_check_payment(_M.REVERSE), _carry_undo(_M.REVERSE)),
    "plan": Step(plans.check_plan, _carry_plan),
    "plan-break": Step(_check_end(_E.BREAK), _carry_end(_E.BREAK)),
    "plan-cancel": Step(_check_end(_E.CANCEL), _carry_end(_E.CANCEL)),
    "recover": Step(_check_recover, _carry_recover),
    "opening-credit": Step(check_opening, carry_opening),
    "late-fees": Step(_check_late, _carry_late),
    "deposit-use": Step(held.check_deposit_use, held.carry_deposit_use),
    "deposit-refund": Step(held.check_deposit_refund, held.carry_deposit_refund),
    "pay-out": Step(held.check_pay_out, held.carry_pay_out),
    "write-off": Step(_check_part, _carry_part("write-off", "expense:bad-debt")),
    "credit-note": Step(_check_credit_note, _carry_note),
}
