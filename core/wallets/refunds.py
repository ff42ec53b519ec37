"""A payment goes back to its payer by the provider: asked for once, and out of the books when it
went. Pure.

Before the provider is asked the money is taken from wherever it is into suspense, so that nobody
can spend it meanwhile; that it failed, for sure, brings it back to the work list. A token that is
out is proof of what was bought: what it cost is not given back by a provider.
"""

from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec.structs import asdict, replace

from core.collection.tenders import not_now
from core.handlers.base import Context
from core.messages import ReportReversal, ReversePayment
from core.refusals import Refusal
from core.vending.sale_rows import MAX_RECIPIENTS, tell
from core.wallets import cases, rows, takeback
from core.wallets import held as holding
from core.wallets.book_entities import WalletRefund
from core.wallets.entities import WalletPayment
from core.wallets.held_states import HeldMove, HeldState
from core.wallets.money import came, told
from core.wallets.refund_states import STANDS, RefundState
from core.wallets.states import WalletMove, WalletState, moved
from core.wallets.terms import Wallet

#: Ids that asking for a refund draws, or its end.
REFUND_IDS: Final = {
    **takeback.TAKE_BACK_IDS,
    **cases.CASE_IDS,
    "wallet_refund": 1,
    "notice": MAX_RECIPIENTS,
}


class Why(msgspec.Struct, frozen=True, gc=False):
    """Who wanted it. ``cause``: ``act``, ``held`` (its deadline passed) or ``provider``."""

    cause: str
    words: str = ""
    act_id: int = 0


def refund_of(ctx: Context, payment: WalletPayment) -> WalletRefund | None:
    """The newest refund of a payment, as this batch has it."""
    found: WalletRefund | None = ctx.stage.linked("wallet-refund-of", payment.id)
    return found


def keep(ctx: Context, refund: WalletRefund) -> WalletRefund:
    """A new or changed one."""
    ctx.stage.put(refund.id, refund)
    ctx.stage.link("wallet-refund-of", refund.payment_id, refund)
    return refund


def check(ctx: Context, payment: WalletPayment) -> Wallet:
    """Whether it can be given back now. Raises Refusal; changes nothing."""
    number = payment.number
    wallet = ctx.terms.wallets.wallets.get(payment.wallet)
    if wallet is None or not wallet.refunds:
        raise not_now(f"{payment.wallet} gives nothing back: pay it out another way")
    known = refund_of(ctx, payment)
    if known is not None and known.state in STANDS:
        raise not_now(f"refund {known.id} of payment {number} is {known.state}: never twice")
    if moved(payment.state, WalletMove.REFUND) is None:
        raise not_now(f"payment {number} is {payment.state}")
    token = takeback.token_of(ctx, payment)
    if token in ("issued", "ordered"):
        raise not_now(
            f"payment {number} bought a token ({token}): cancel the sale when it is proved unused"
        )
    if payment.agent_id and payment.outcome == "topped-up":
        raise not_now(f"payment {number} is on an agent's float: take it off there first")
    row = holding.suspended_of(ctx, payment.id)
    if row is not None and row.rest != payment.paid:
        raise not_now(f"part of payment {number} is used: {row.rest} of {payment.paid} are held")
    if row is not None and row.state == HeldState.REFUNDING:
        raise not_now(f"payment {number} is on its way back")
    takeback.still_there(ctx, payment)
    return wallet


def ask(ctx: Context, payment: WalletPayment, why: Why) -> WalletRefund:
    """Take the money into suspense and ask the provider. Raises Refusal where it cannot be."""
    wallet = check(ctx, payment)
    row = holding.move(ctx, takeback.to_suspense(ctx, payment), HeldMove.ASK_BACK)
    refund = replace(
        _new(ctx, payment, why, RefundState.ASKED),
        reference=reference_of(ctx.terms.code, ctx.message_id, payment.number),
    )
    _write(ctx, refund)
    rows.keep(
        ctx.stage,
        replace(payment, payment_id=0, held_id=row.id, outcome="refunding"),
    )
    ctx.stage.emit(
        ReversePayment(
            channel=wallet.channel,
            wallet=wallet.name,
            refund=refund.id,
            reference=refund.reference,
            receipt=refund.receipt,
            amount=refund.amount,
            currency=refund.currency,
            payer=payment.payer if payment.payer_form == "open" else "",
        ),
        # of its own: one that is followed for a day must not hold back the operator's next one
        key=f"{ctx.terms.code}/refund/{refund.reference}",
    )
    return refund


def lapsed(ctx: Context, payment: WalletPayment) -> WalletRefund | None:
    """Its deadline passed, and the company's rule gives it back: up to ``alone`` by itself; what is
    above it waits on the work list for two people."""
    if payment.paid > ctx.terms.wallets.alone:
        return None
    mark = ctx.stage.mark()
    try:
        return ask(ctx, payment, Why("held", "its deadline passed"))
    except Refusal:
        ctx.stage.back_to(mark)
        return None


def reference_of(company: str, message_id: str, number: str) -> str:
    """Our name for it: the same in a replay, and a UUID of version 4 by its form."""
    text = sha256(f"refund/{company}/{message_id}/{number}".encode()).hexdigest()
    variant = "89ab"[int(text[16], 16) & 3]
    parts = text[:8], text[8:12], f"4{text[13:16]}", f"{variant}{text[17:20]}", text[20:32]
    return "-".join(parts)


def _new(ctx: Context, payment: WalletPayment, why: Why, state: RefundState) -> WalletRefund:
    return WalletRefund(
        id=ctx.new_id("wallet_refund"),
        company=ctx.terms.code,
        wallet=payment.wallet,
        payment_id=payment.id,
        cause=why.cause,
        state=state.value,
        reference="",
        receipt=payment.receipt,
        reversal_receipt="",
        currency=payment.paid_currency or payment.currency,
        amount=payment.paid,
        act_id=why.act_id,
        why=why.words,
        proof="",
        code="",
        detail="",
        txn_id=0,
        asked_at=ctx.now_us,
        ended_at=0,
        message_id=ctx.message_id,
    )


def _write(ctx: Context, refund: WalletRefund) -> WalletRefund:
    ctx.stage.add("wallet_refund", **asdict(refund))
    return keep(ctx, refund)


def went(
    ctx: Context, payment: WalletPayment, refund: WalletRefund, report: ReportReversal
) -> WalletRefund:
    """The provider gave it back, as we asked: out of suspense, and out of the books."""
    row = holding.suspended_of(ctx, payment.id)
    assert row is not None, f"refund {refund.id} has no money"
    txn_id = takeback.give_back(ctx, came(payment), row.rest)
    holding.move(ctx, row, HeldMove.GIVEN_BACK, how="returned")
    _ended(ctx, payment, WalletMove.REFUND)
    cases.decided(ctx, payment.id, f"refund {refund.id}", refund.why, refund.act_id)
    _say(ctx, payment, "wallet-returned")
    return keep(ctx, replace(_heard(ctx, refund, report, RefundState.REVERSED), txn_id=txn_id))


def _heard(
    ctx: Context, refund: WalletRefund, report: ReportReversal, state: RefundState
) -> WalletRefund:
    over = state is not RefundState.UNKNOWN
    return replace(
        refund,
        state=state.value,
        reversal_receipt=report.reversal_receipt or refund.reversal_receipt,
        proof=report.proof,
        code=report.code,
        detail=report.detail,
        ended_at=ctx.now_us if over else 0,
    )


def in_doubt(ctx: Context, refund: WalletRefund, report: ReportReversal) -> WalletRefund:
    """Nobody knows: it is asked about, never asked for again."""
    return keep(ctx, _heard(ctx, refund, report, RefundState.UNKNOWN))


def failed(
    ctx: Context, payment: WalletPayment, refund: WalletRefund, report: ReportReversal
) -> WalletRefund:
    """It surely did not go: it is held again, and people look why."""
    row = holding.suspended_of(ctx, payment.id)
    if row is not None and row.state == HeldState.REFUNDING:
        holding.move(ctx, row, HeldMove.NOT_GIVEN)
        rows.keep(ctx.stage, replace(payment, outcome=row.reason))
    detail = f"{payment.wallet} did not give {payment.number} back: {report.code} {report.detail}"
    cases.about_payment(ctx, payment, cases.REFUND_FAILED, detail)
    return keep(ctx, _heard(ctx, refund, report, RefundState.FAILED))


def taken_back(ctx: Context, payment: WalletPayment, report: ReportReversal) -> WalletRefund:
    """By the provider himself, or after he said that he would not: what was used of it is owed."""
    token = takeback.token_of(ctx, payment)
    txn_id = takeback.out_of_the_books(ctx, payment)
    known = refund_of(ctx, payment)
    if known is None or known.state == RefundState.REVERSED:
        known = _write(ctx, _new(ctx, payment, Why("provider"), RefundState.REVERSED))
    refund = replace(_heard(ctx, known, report, RefundState.REVERSED), txn_id=txn_id)
    _ended(ctx, payment, WalletMove.TAKEN_BACK)
    cases.decided(ctx, payment.id, payment.wallet, "the provider took it back", 0)
    if token != takeback.NO_TOKEN or payment.outcome in ("paid", "topped-up"):
        what = f"{payment.wallet} took {payment.number} back by himself; its token: {token}"
        cases.about_payment(ctx, payment, cases.REVERSED, what)
    _say(ctx, payment, "wallet-taken-back")
    return keep(ctx, refund)


def _ended(ctx: Context, payment: WalletPayment, move: WalletMove) -> None:
    now = ctx.stage.need(WalletPayment, payment.id)
    after = moved(now.state, move)
    assert after is WalletState.REFUNDED, f"payment {payment.number} is {now.state}"
    outcome = "returned" if now.outcome == "refunding" else now.outcome  # what it was booked for
    rows.keep(ctx.stage, replace(now, state=after.value, ended_at=ctx.now_us, outcome=outcome))


def _say(ctx: Context, payment: WalletPayment, template: str) -> None:
    wallet = ctx.terms.wallets.wallets.get(payment.wallet)
    args: dict[str, Any] = {
        "amount": payment.paid,
        "currency": payment.paid_currency or payment.currency,
        "wallet": wallet.label if wallet is not None else payment.wallet,
        "receipt": payment.receipt,
        "payment": payment.number,
    }
    tell(ctx, told(ctx, payment, payment.account_id), template, args)
