"""Money that comes in becomes credit of an account, as a posting."""

from core.book import Wants
from core.entities import Account
from core.handlers.base import Context, Handler
from core.ledger import CUSTOMER_CREDIT, Entry, Transaction, post
from core.messages import Answer, Outcome, ReceivePayment
from core.refusals import refuse


def decide_payment(ctx: Context, command: ReceivePayment) -> Answer:
    """Receive a payment: the desk holds the money, the account has the credit."""
    number = ctx.stage.linked("account-number", command.account)
    account = ctx.stage.get(Account, number) if number is not None else None
    if account is None:
        raise refuse("account-unknown", account=command.account, company=ctx.terms.name)
    if account.state != "active":
        raise refuse("account-closed", account=account.number)
    if command.amount <= 0:
        raise refuse("tender-not-positive", tender=command.amount)
    if command.currency != account.currency:
        raise refuse(
            "currency-wrong",
            currency=command.currency,
            account=account.number,
            expected=account.currency,
        )
    txn = Transaction(
        ctx.new_id("ledger_txn"),
        ctx.terms.code,
        "payment",
        account.currency,
        ctx.message_id,
        ctx.now_us,
    )
    post(
        ctx.stage,
        txn,
        (
            Entry(f"{command.way}:{command.desk}", command.amount),
            Entry(CUSTOMER_CREDIT, -command.amount, account.id),
        ),
    )
    after = ctx.stage.need(Account, account.id)
    return Answer(
        outcome=Outcome.DONE,
        data={
            "account": account.number,
            "amount": command.amount,
            "currency": account.currency,
            "credit": after.spendable,
        },
    )


def _wants(command: ReceivePayment) -> Wants:
    return Wants(accounts=(command.account,))


HANDLERS = (
    Handler("billing.receive-payment", ReceivePayment, _wants, decide_payment, {"ledger_txn": 1}),
)
