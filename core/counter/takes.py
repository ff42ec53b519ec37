"""Money over the counter: one payment in several ways, for accounts or for a token.

Each way is a payment of its own (``core.collection.payments``), known again by its own number,
cleared or come back by itself; the receipt holds them together. What the account's own credit pays
is no payment: nothing came in.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.collection.allocation import Rule
from core.collection.entities import Allocated
from core.collection.items import owed_of
from core.collection.payments import Part, account_of, pay_from, receive, rule_of
from core.collection.tenders import CASH, Tender
from core.counter.counts import MOST
from core.counter.entities import CashDesk, CounterReceipt, Shift
from core.counter.reports import count_taking
from core.counter.series import new_receipt
from core.counter.tills import add_cash, his, open_at, wrong
from core.counter.wanted import identity_at
from core.entities import Account
from core.handlers.base import Context
from core.ledger import CUSTOMER_CREDIT
from core.messages import CounterTender, SellAtCounter, TakeAtCounter
from core.refusals import refuse
from core.vending.act_checks import operator_of
from core.vending.act_kinds import Role

BALANCE: Final = "balance"
#: What is paid for a token becomes credit as a whole: the token is bought with it.
_ALL_CREDIT: Final = Rule(how="credit")
Facts = dict[str, Any]


class At(msgspec.Struct, frozen=True, gc=False):
    """Where money is taken, and the receipt that is given for it."""

    desk: CashDesk
    shift: Shift
    receipt: CounterReceipt
    change: int


def begin(ctx: Context, command: TakeAtCounter | SellAtCounter, amount: int, kind: str) -> At:
    """His own open shift, ways that fit together and sum to ``amount``, and the next receipt."""
    operator = operator_of(ctx.terms, command.operator)
    if Role.CASHIER not in operator.roles:
        raise refuse("act-no-role", operator=command.operator, kind=kind, role=Role.CASHIER)
    desk, shift = open_at(ctx, command.desk)
    his(desk, shift, command.operator)
    if command.currency != desk.currency:
        raise refuse("currency-wrong", currency=command.currency, account=desk.code,
                     expected=desk.currency)  # fmt: skip
    if amount <= 0:
        raise refuse("tender-not-positive", tender=amount)
    _fit(ctx, desk, command.tenders, amount)
    balance = sum(each.amount for each in command.tenders if each.way == BALANCE)
    cash = sum(each.amount for each in command.tenders if each.way == CASH)
    given = sum(each.tendered or each.amount for each in command.tenders if each.way == CASH)
    receipt = new_receipt(ctx, desk, shift, kind, (amount, balance, given))
    return At(desk, shift, receipt, given - cash)


def _fit(ctx: Context, desk: CashDesk, tenders: Sequence[CounterTender], amount: int) -> None:
    """Refuses ways that do not fit together."""
    for each in tenders:
        if not 0 < each.amount <= MOST:
            raise refuse("tender-not-positive", tender=each.amount)
        if each.way == CASH:
            if each.tendered and not each.amount <= each.tendered <= MOST:
                raise wrong(desk.code, f"{each.tendered} of cash do not pay {each.amount}")
        elif each.tendered:
            raise wrong(desk.code, f"change is given for cash alone, not for {each.way}")
        _known_by(ctx, desk, each)
    for way in (CASH, BALANCE):
        if sum(each.way == way for each in tenders) > 1:
            raise wrong(desk.code, f"{way} is said twice")
    if sum(each.amount for each in tenders) != amount:
        raise wrong(desk.code, f"the ways are not together the {amount} of the payment")


def _known_by(ctx: Context, desk: CashDesk, tender: CounterTender) -> None:
    """Refuses money that would not be known again: a cheque is its bank's, at whatever desk."""
    if tender.way in (CASH, BALANCE):
        if tender.reference or tender.bank:
            raise wrong(desk.code, f"{tender.way} has neither number nor bank")
    elif not tender.reference.strip():
        raise wrong(desk.code, f"{tender.way} needs its own number")
    elif tender.way in ctx.terms.collection.uncleared and not tender.bank.strip():
        raise wrong(desk.code, f"{tender.way} needs the bank that it is drawn on")


def take(ctx: Context, command: TakeAtCounter) -> Facts:
    """Take a payment for accounts: all of it, or nothing."""
    at = begin(ctx, command, command.amount, "payment")
    if sum(share.amount for share in command.shares) != command.amount:
        raise wrong(at.desk.code, f"the accounts' shares are not together the {command.amount}")
    numbers = [share.account for share in command.shares]
    if len(set(numbers)) < len(numbers):
        raise wrong(at.desk.code, "an account is named twice")
    rest = [
        Part(_account(ctx, share.account, command.currency), share.amount, share.items)
        for share in command.shares
    ]
    if any(part.amount <= 0 for part in rest):
        raise refuse("tender-not-positive", tender=min(part.amount for part in rest))
    accounts = [part.owner for part in rest]
    payments, begun = [], set[int]()
    for place, tender in enumerate(_balance_first(command.tenders)):
        mine, rest = _split(rest, tender.amount)
        mine = [_still_owed(ctx, part) if part.owner.id in begun else part for part in mine]
        begun |= {part.owner.id for part in mine}
        if tender.way == BALANCE:
            _from_balance(ctx, at, mine, command.rule)
        else:
            money = Tender(way=tender.way, desk=at.desk.code, rule=command.rule)
            payments.append(_received(ctx, at, mine, tender, replace(money, part=place)))
    credits_ = {each.number: ctx.stage.need(Account, each.id).spendable for each in accounts}
    return {**_answer(ctx, at, payments), "credits": credits_}


def _account(ctx: Context, number: str, currency: str) -> Account:
    account = account_of(ctx, number)
    if account.currency != currency:
        raise refuse("currency-wrong", currency=currency, account=number, expected=account.currency)
    return account


def _balance_first(tenders: Sequence[CounterTender]) -> list[CounterTender]:
    """Credit pays what is owed and no more: what comes after it may become credit."""
    return sorted(tenders, key=lambda tender: tender.way != BALANCE)


def _split(parts: Sequence[Part], amount: int) -> tuple[list[Part], list[Part]]:
    """The first ``amount`` of the parts, and the rest of them."""
    mine, rest = [], []
    for part in parts:
        now = min(amount, part.amount)
        amount -= now
        if now:
            mine.append(replace(part, amount=now))
        if part.amount > now:
            rest.append(replace(part, amount=part.amount - now))
    return mine, rest


def _still_owed(ctx: Context, part: Part) -> Part:
    """What the way before this one has paid off is not named again."""
    owed = {each.id for each in owed_of(ctx, part.owner.id)}
    return replace(part, items=tuple(item for item in part.items if item in owed))


def _received(
    ctx: Context, at: At, parts: Sequence[Part], tender: CounterTender, money: Tender
) -> str:
    """One way, as a payment of its own; its number."""
    money = replace(
        money,
        reference=tender.reference,
        bank=tender.bank,
        counter_receipt_id=at.receipt.id,
    )
    payment = receive(ctx, parts, money, identity_at(at.desk.code, tender))
    shift = ctx.stage.need(Shift, at.shift.id)
    if tender.way == CASH:
        shift = add_cash(ctx, shift, tender.amount)
    count_taking(ctx, shift, tender.way, tender.amount)
    return payment.number


def _from_balance(ctx: Context, at: At, parts: Sequence[Part], rule: str) -> None:
    """The account's own credit pays what the account owes."""
    if len(parts) != 1:
        raise wrong(at.desk.code, "credit pays for its own account alone")
    (part,) = parts
    account = ctx.stage.need(Account, part.owner.id)
    if account.spendable < part.amount:
        raise refuse("credit-insufficient", account=account.number, credit=account.spendable,
                     tender=part.amount, currency=account.currency)  # fmt: skip
    strange = set(part.items) - {each.id for each in owed_of(ctx, account.id)}
    if strange:
        raise wrong(at.desk.code, f"account {account.number} owes nothing on item {min(strange)}")
    before = len(ctx.stage.rows)
    # debts that purchases recover have their own pace
    how = replace(rule_of(ctx, rule, part.items), debts=False)
    used = pay_from(ctx, account, CUSTOMER_CREDIT, part.amount, how)
    if used != part.amount:
        raise wrong(at.desk.code, f"account {account.number} owes {used} that credit may pay")
    _keep_balance(ctx, at, ctx.stage.rows[before:])
    count_taking(ctx, at.shift, BALANCE, used)


def _keep_balance(ctx: Context, at: At, rows: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """What a void of this batch would take back."""
    names = Allocated.__struct_fields__
    settled = [Allocated(*(row[name] for name in names)) for t, row in rows if t == "allocation"]
    (txn_id,) = [row["id"] for table, row in rows if table == "ledger_txn"]
    ctx.stage.link("balance-of", at.receipt.number, tuple(settled))
    ctx.stage.put(at.receipt.number, replace(at.receipt, balance_txn_id=txn_id))


def pay_for_token(ctx: Context, command: SellAtCounter, account: Account) -> Facts:
    """Take what a token costs as credit of its account; the sale spends it in the same message."""
    at = begin(ctx, command, command.tender, "sale")
    cleared = ctx.terms.collection.uncleared
    if any(each.way == BALANCE or each.way in cleared for each in command.tenders):
        raise wrong(at.desk.code, "a token is bought with what is money at once")
    payments = []
    for place, tender in enumerate(command.tenders):
        money = Tender(
            way=tender.way, desk=at.desk.code, rule_itself=_ALL_CREDIT, part=place
        )  # fmt: skip
        payments.append(_received(ctx, at, [Part(account, tender.amount)], tender, money))
    return _answer(ctx, at, payments)


def _answer(ctx: Context, at: At, payments: Sequence[str]) -> Facts:
    ctx.stage.link("payments-of", at.receipt.number, tuple(payments))
    return {
        "receipt": at.receipt.number,
        "desk": at.desk.code,
        "shift": at.shift.id,
        "amount": at.receipt.amount,
        "currency": at.desk.currency,
        "payments": list(payments),
        "tendered": at.receipt.tendered,
        "change": at.change,
    }
