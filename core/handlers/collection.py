"""Money that comes in, and what an older system was owed."""

from core.book import Wants
from core.calendars import local_date
from core.collection.allocation import CLASSES
from core.collection.charges import FIRST_YEAR, NO_CREDIT, old_identity, take_over
from core.collection.payments import Part, account_of, receive
from core.collection.plans import day_of
from core.collection.states import PaymentState
from core.collection.tenders import Tender, identity_of, not_now, wrong
from core.counter.tills import not_past
from core.counter.wanted import cash_at
from core.entities import Account
from core.handlers.base import Context, Handler
from core.messages import Answer, ImportDebts, Outcome, ReceiveJointPayment, ReceivePayment
from core.messages.collection import MAX_DEBTS
from core.refusals import refuse
from core.vending import act_checks as checks
from core.vending.act_kinds import Role

#: What takes cash at a desk that has shifts.
_TAKE = "wattbus counter take"
_IDS = {"ledger_txn": 1, "payment": 1, "payment-number/{company}": 1}


def _checked(ctx: Context, number: str, amount: int, currency: str) -> Account:
    """The account that this money is for; nobody pays less than something."""
    account = account_of(ctx, number)
    if amount <= 0:
        raise refuse("tender-not-positive", tender=amount)
    if currency != account.currency:
        raise refuse(
            "currency-wrong", currency=currency, account=account.number, expected=account.currency
        )
    return account


def decide_payment(ctx: Context, command: ReceivePayment) -> Answer:
    """Receive a payment: the desk holds the money; what is owed is paid, the rest is credit."""
    not_past(ctx, command.way, command.desk, _TAKE)
    account = _checked(ctx, command.account, command.amount, command.currency)
    tender = Tender(
        way=command.way,
        desk=command.desk,
        reference=command.reference,
        bank=command.bank,
        rule=command.rule,
        receipt=command.receipt,
    )
    part = Part(account, command.amount, command.items)
    payment = receive(ctx, [part], tender, identity_of(command))
    data = {
        "account": account.number,
        "amount": command.amount,
        "currency": account.currency,
        "credit": ctx.stage.need(Account, account.id).spendable,
        "payment": payment.number,
    }
    rows = ctx.stage.linked("allocations-of-payment", payment.id)
    paid = {str(row.item_id or f"debt-{row.debt_id}"): row.amount
            for row in rows if row.item_id or row.debt_id}  # fmt: skip
    if paid:
        data["paid"] = paid
    if payment.state == PaymentState.UNCLEARED:
        data["uncleared"] = command.amount - sum(paid.values())
    return Answer(outcome=Outcome.DONE, data=data)


def _wants_payment(command: ReceivePayment) -> Wants:
    number = (command.account,)
    receipts = (command.receipt,) if command.receipt else ()
    return Wants(
        accounts=number,
        owing=number,
        receipts=receipts,
        paid_as=_paid_as(command),
        counter=cash_at(command.way, command.desk),
    )


def _paid_as(command: ReceivePayment | ReceiveJointPayment) -> tuple[str, ...]:
    identity = identity_of(command)
    return (identity,) if identity else ()


def decide_joint(ctx: Context, command: ReceiveJointPayment) -> Answer:
    """Receive one payment for many accounts: all of it, or nothing."""
    not_past(ctx, command.way, command.desk, _TAKE)
    if sum(share.amount for share in command.shares) != command.amount:
        raise wrong(f"the shares are not together the {command.amount} of the payment")
    numbers = [share.account for share in command.shares]
    if len(set(numbers)) < len(numbers):
        raise wrong("an account is named twice")
    accounts = [
        _checked(ctx, share.account, share.amount, command.currency) for share in command.shares
    ]
    parts = [
        Part(account, share.amount, share.items)
        for account, share in zip(accounts, command.shares, strict=True)
    ]
    tender = Tender(
        way=command.way,
        desk=command.desk,
        reference=command.reference,
        bank=command.bank,
        rule=command.rule,
    )
    payment = receive(ctx, parts, tender, identity_of(command))
    credits_ = {a.number: ctx.stage.need(Account, a.id).spendable for a in accounts}
    data = {
        "payment": payment.number,
        "amount": command.amount,
        "currency": ctx.terms.currency,
        "state": payment.state,
        "credits": credits_,
    }
    return Answer(outcome=Outcome.DONE, data=data)


def _wants_joint(command: ReceiveJointPayment) -> Wants:
    numbers = tuple(share.account for share in command.shares)
    return Wants(
        accounts=numbers,
        owing=numbers,
        paid_as=_paid_as(command),
        counter=cash_at(command.way, command.desk),
    )


def decide_import(ctx: Context, command: ImportDebts) -> Answer:
    """Take over old balances: all of the piece, or nothing. Debts on file are refused."""
    operator = checks.operator_of(ctx.terms, command.operator)
    if Role.COLLECTOR not in operator.roles:
        raise refuse("act-no-role", operator=command.operator, kind="import", role=Role.COLLECTOR)
    today = local_date(ctx.now_us, ctx.terms.zone)
    on = day_of(command.taken_over_on) if command.taken_over_on else today
    if on > today:
        raise wrong(f"{on} is not here yet: debts are taken over on a day that has come")
    owed = 0
    for place, debt in enumerate(command.debts, start=1):
        account = account_of(ctx, debt.account)
        if command.currency != account.currency:
            raise refuse(
                "currency-wrong",
                currency=command.currency,
                account=account.number,
                expected=account.currency,
            )
        if debt.amount < 0:
            raise wrong(f"debt {place}: {debt.amount}: {NO_CREDIT}")
        if not debt.amount or not FIRST_YEAR <= debt.year <= today.year:
            raise wrong(f"debt {place}: {debt.amount} of {debt.year}")
        if debt.item_class not in CLASSES:
            raise wrong(f"debt {place}: a class is one of: {', '.join(CLASSES)}")
        if ctx.stage.linked("live-item", old_identity(debt)):
            raise not_now(f"account {debt.account} has a debt of {debt.year} on file already")
        take_over(ctx, account, debt, on)
        owed += debt.amount
    data = {"debts": len(command.debts), "owed": owed}
    return Answer(outcome=Outcome.DONE, data={**data, "currency": command.currency})


def _wants_import(command: ImportDebts) -> Wants:
    return Wants(
        accounts=tuple(debt.account for debt in command.debts),
        identities=tuple(old_identity(debt) for debt in command.debts),
    )


HANDLERS = (
    Handler("billing.receive-payment", ReceivePayment, _wants_payment, decide_payment, _IDS),
    Handler(
        "collection.receive-joint-payment", ReceiveJointPayment, _wants_joint, decide_joint, _IDS
    ),
    Handler(
        "collection.import-debts",
        ImportDebts,
        _wants_import,
        decide_import,
        {"ledger_txn": MAX_DEBTS, "open_item": MAX_DEBTS},
    ),
)
