"""What a provider says of money that he gave back: of a refund that we asked for, or of his own."""

from typing import Any

from core.handlers.base import Context, NotYet
from core.messages import Answer, Outcome, ReportReversal
from core.wallets import cases, refunds, rows, takeback
from core.wallets.book_entities import WalletCase, WalletRefund
from core.wallets.entities import WalletPayment
from core.wallets.refund_states import RefundState, moved
from core.wallets.statements import wrong
from core.wallets.states import WalletMove, WalletState
from core.wallets.states import moved as payment_moved

#: A reversal overtakes its payment by minutes at most; what comes by then is of one that we never
#: had. Attempts by the schedule of deliveries: some forty minutes.
PATIENCE = 7


def decide_reversal(ctx: Context, command: ReportReversal) -> Answer:
    """Move the refund, or take back what the provider took. Late and double reports change
    nothing."""
    if command.wallet not in ctx.terms.wallets.wallets:
        raise wrong(command.wallet, "no such wallet")
    payment = rows.by_receipt(ctx.stage, command.wallet, command.receipt)
    if payment is None or not payment.paid:
        return _of_nothing(ctx, command)
    refund = _refund(ctx, command, payment)
    if command.state == "reversed":
        return _reversed(ctx, command, payment, refund)
    if refund is None or moved(refund.state, command.state) is None:
        return _answer(payment, refund, repeat=True)
    takeback.as_loaded(ctx, payment)
    if command.state == "unknown":
        return _answer(payment, refunds.in_doubt(ctx, refund, command))
    return _answer(payment, refunds.failed(ctx, payment, refund, command))


def _refund(ctx: Context, command: ReportReversal, payment: WalletPayment) -> WalletRefund | None:
    """The refund that is meant: the one that is named, else the newest of the payment."""
    if not command.refund:
        return refunds.refund_of(ctx, payment)
    found = ctx.stage.get(WalletRefund, command.refund)
    if found is None or found.payment_id != payment.id:
        raise wrong(command.wallet, f"refund {command.refund} is not of {command.receipt}")
    return found


def _reversed(
    ctx: Context, command: ReportReversal, payment: WalletPayment, refund: WalletRefund | None
) -> Answer:
    if refund is not None and refund.state == RefundState.REVERSED:
        _once_more(ctx, command, payment, refund)
        return _answer(payment, refund, repeat=True)
    takeback.as_loaded(ctx, payment)
    currency = payment.paid_currency or payment.currency
    said = (command.amount or payment.paid, command.currency or currency)
    if said != (payment.paid, currency):
        return _differs(ctx, command, payment, refund)
    if refund is not None and refund.state in (RefundState.ASKED, RefundState.UNKNOWN):
        return _answer(payment, refunds.went(ctx, payment, refund, command))
    if payment_moved(payment.state, WalletMove.TAKEN_BACK) is not WalletState.REFUNDED:
        raise NotYet(f"payment {payment.number} is {payment.state}")
    return _answer(payment, refunds.taken_back(ctx, payment, command))


def _once_more(
    ctx: Context, command: ReportReversal, payment: WalletPayment, refund: WalletRefund
) -> None:
    """It went back already: by this very transaction of his, or by a second one, which is our
    money."""
    before, now = refund.reversal_receipt, command.reversal_receipt
    if not before or now in ("", before) or _has_case(ctx, payment.id, cases.REVERSAL_DIFFERS):
        return
    what = f"{now} gave back {payment.number}, which {before} gave back before"
    cases.about_payment(ctx, payment, cases.REVERSAL_DIFFERS, what)


def _differs(
    ctx: Context, command: ReportReversal, payment: WalletPayment, refund: WalletRefund | None
) -> Answer:
    """Part of it, or more than there was: nothing moves before people have looked."""
    detail = f"{command.amount} {command.currency} of {payment.paid} were given back"
    if not _has_case(ctx, payment.id, cases.REVERSAL_DIFFERS):
        about = abs(payment.paid - command.amount)
        cases.about_payment(ctx, payment, cases.REVERSAL_DIFFERS, detail, amount=about)
    return _answer(payment, refund, differs=True)


def _has_case(ctx: Context, payment_id: int, kind: str) -> bool:
    ids = ctx.stage.linked("wallet-cases", payment_id) or ()
    return any(ctx.stage.need(WalletCase, id_).kind == kind for id_ in ids)


def _of_nothing(ctx: Context, command: ReportReversal) -> Answer:
    """Of a payment that is not here: it comes in time, or it is a case."""
    if command.state != "reversed":
        return Answer(outcome=Outcome.DONE, data={"receipt": command.receipt, "known": False})
    if ctx.attempt < PATIENCE:
        raise NotYet(f"no payment {command.receipt} of {command.wallet} yet")
    at = (command.wallet, command.receipt)
    if not ctx.stage.linked("wallet-cases-at", at):
        what = f"{command.reversal_receipt} gave back {command.receipt}, which is not here"
        cases.about_wallet(
            ctx, command.wallet, cases.REVERSAL_UNKNOWN, what, command.amount, command.receipt
        )
        ctx.stage.link("wallet-cases-at", at, True)
    return Answer(outcome=Outcome.DONE, data={"receipt": command.receipt, "known": False})


def _answer(payment: WalletPayment, refund: WalletRefund | None, **more: Any) -> Answer:
    data: dict[str, Any] = {"payment": payment.number, "receipt": payment.receipt, **more}
    if refund is not None:
        data |= {"refund": refund.id, "state": refund.state}
    return Answer(outcome=Outcome.DONE, data=data)
