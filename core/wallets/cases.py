"""What a person must look at, of money by wallet: opened with what is known, closed by name.

``amount-differs``       the money came, and is not what was asked for: it is held
``receipt-differs``      the provider says another amount under a receipt that we have booked
``statement-differs``    his statement has another amount than our books
``statement-withdrawn``  a later page of his statement has not the line that we booked by
``settlement-differs``   the bank brought another sum than what was to be settled
``reversal-unknown``     he gave back a payment that we never had
``reversal-differs``     he gave back another amount than was paid
``reversed``             he took a payment back by himself after it was used: the customer owes it
``refund-failed``        he would not give a payment back: it is held again
``wrong-meter``          a customer says that it was for another meter, and the token is out
``wrong-amount``         a customer says that he paid another amount
``paid-twice``           a customer says that he paid twice, and both tokens are out
"""

from typing import Final

from msgspec.structs import asdict, replace

from core.handlers.base import Context
from core.refusals import refuse
from core.wallets.book_entities import WalletCase
from core.wallets.entities import WalletPayment

AMOUNT_DIFFERS: Final = "amount-differs"
RECEIPT_DIFFERS: Final = "receipt-differs"
STATEMENT_DIFFERS: Final = "statement-differs"
STATEMENT_WITHDRAWN: Final = "statement-withdrawn"
SETTLEMENT_DIFFERS: Final = "settlement-differs"
REVERSAL_UNKNOWN: Final = "reversal-unknown"
REVERSAL_DIFFERS: Final = "reversal-differs"
REVERSED: Final = "reversed"
REFUND_FAILED: Final = "refund-failed"
WRONG_METER: Final = "wrong-meter"
WRONG_AMOUNT: Final = "wrong-amount"
PAID_TWICE: Final = "paid-twice"
KINDS: Final = (
    AMOUNT_DIFFERS, RECEIPT_DIFFERS, STATEMENT_DIFFERS, STATEMENT_WITHDRAWN,
    SETTLEMENT_DIFFERS, REVERSAL_UNKNOWN, REVERSAL_DIFFERS, REVERSED, REFUND_FAILED, WRONG_METER,
    WRONG_AMOUNT, PAID_TWICE,
)  # fmt: skip
#: About where a payment's money belongs: over when that is decided.
_DECIDED: Final = (AMOUNT_DIFFERS, PAID_TWICE, REFUND_FAILED)
#: Ids that a case draws.
CASE_IDS: Final = {"wallet_case": 1}
_MAX_DETAIL = 500


def about_payment(
    ctx: Context,
    payment: WalletPayment,
    kind: str,
    detail: str,
    *,
    amount: int = 0,
    evidence: str = "",
) -> WalletCase:
    """A case about a payment of ours; ``amount`` 0: all that was paid. Draws CASE_IDS."""
    case = _new(
        ctx, payment.wallet, kind, detail, payment.receipt, amount or payment.paid, evidence
    )
    currency = payment.paid_currency or payment.currency
    return write(ctx, replace(case, payment_id=payment.id, currency=currency))


def about_wallet(
    ctx: Context, wallet: str, kind: str, detail: str, amount: int, receipt: str = ""
) -> WalletCase:
    """A case about money that no payment of ours stands for. Draws CASE_IDS."""
    return write(ctx, _new(ctx, wallet, kind, detail, receipt, amount, ""))


def _new(
    ctx: Context,
    wallet: str,
    kind: str,
    detail: str,
    receipt: str,
    amount: int,
    evidence: str,
) -> WalletCase:
    return WalletCase(
        id=ctx.new_id("wallet_case"),
        company=ctx.terms.code,
        wallet=wallet,
        kind=kind,
        state="open",
        payment_id=0,
        receipt=receipt,
        currency=ctx.terms.currency,
        amount=amount,
        detail=detail[:_MAX_DETAIL],
        evidence=evidence[:_MAX_DETAIL],
        message_id=ctx.message_id,
        opened_at=ctx.now_us,
        closed_at=0,
        closed_by="",
        reason="",
        act_id=0,
    )


def write(ctx: Context, case: WalletCase) -> WalletCase:
    """A new case: written, and known to the rest of its batch."""
    ctx.stage.add("wallet_case", **asdict(case))
    ctx.stage.put(case.id, case)
    if case.payment_id:
        known = ctx.stage.linked("wallet-cases", case.payment_id) or ()
        ctx.stage.link("wallet-cases", case.payment_id, (*known, case.id))
    return case


def open_case(ctx: Context, id_: int) -> WalletCase:
    """The case of that number, if it is open."""
    case = ctx.stage.get(WalletCase, id_)
    if case is None:
        raise refuse("case-unknown", case=id_, company=ctx.terms.name)
    if case.state != "open":
        raise refuse("case-closed", case=id_, operator=case.closed_by)
    return case


def close(ctx: Context, case: WalletCase, operator: str, reason: str, act_id: int) -> None:
    """Somebody has looked, and says why it is over."""
    done = replace(
        case,
        state="closed",
        closed_at=ctx.now_us,
        closed_by=operator,
        reason=reason[:_MAX_DETAIL],
        act_id=act_id,
    )
    ctx.stage.put(case.id, done)


def decided(ctx: Context, payment_id: int, by: str, reason: str, act_id: int) -> None:
    """The payment's money is booked, or went back: what was open about that is over."""
    for id_ in ctx.stage.linked("wallet-cases", payment_id) or ():
        case = ctx.stage.need(WalletCase, id_)
        if case.state == "open" and case.kind in _DECIDED:
            close(ctx, case, by, reason, act_id)
