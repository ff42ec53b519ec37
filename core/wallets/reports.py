"""What a provider says of a collection, by the table of states; money that came is booked at once.

Between *paid* and *vended* there is no moment: the row, the payment into the account, the sale, the
token and the answer are written in one transaction (``hub.batch``), or none of them is.

Money that has come is never refused. What cannot be what was asked for is held with its reason:
another amount or currency (``differs``), a second payment of the same collection, or one of a
collection that nobody asked for. The provider's receipt makes it the same money, whatever says it.
"""

from typing import Any, Final

from msgspec.structs import replace

from core.handlers.base import Context, NotYet
from core.messages import Answer, Outcome, ReportCollection, ReportReversal
from core.messages.wallets import MAX_TYPED
from core.refusals import refuse
from core.vending.sale_rows import tell
from core.wallets.applying import NOBODY, Applied, Target, apply, hold, release
from core.wallets.collections import MOST
from core.wallets.doubts import Doubt, doubt
from core.wallets.entities import COLLECTION, PAY_IN, WalletPayment
from core.wallets.held import suspended_of
from core.wallets.held_states import HeldMove
from core.wallets.held_states import moved as held_moved
from core.wallets.money import ASKED_AS
from core.wallets.pay_ins import record
from core.wallets.rows import by_receipt, by_reference, keep, new_number, write
from core.wallets.states import WalletMove, WalletState, moved
from core.wallets.wanted import planned

#: What a purpose's target is, as routing calls it.
_NAMES: Final = {"vend": "meter", "bill": "account", "top-up": "agent"}
#: The customer's sentence for each reason; anything else is the provider's fault.
TOLD: Final = {
    "declined": "wallet-declined",
    "insufficient": "wallet-insufficient",
    "wrong-pin": "wallet-wrong-pin",
    "timeout": "wallet-timeout",
    "busy": "wallet-busy",
    "unreachable": "wallet-unreachable",
    "limit": "wallet-limit",
    "provider": "wallet-provider",
    "rejected": "wallet-rejected",
}
_MAX_RECEIPT: Final = 64
#: The outcome of a collection whose money was told as a pay-in before.
AS_PAY_IN: Final = "as-pay-in"


def report(ctx: Context, command: ReportCollection) -> Answer:
    """Move the collection, and book its money. A report that comes late or twice changes nothing.
    Refusals: a reference that is not known, unless money came under it; a report that cannot be."""
    payment = by_reference(ctx.stage, command.wallet, command.reference)
    if command.state == "paid":
        return _paid(ctx, command, payment)
    if payment is None:
        raise refuse("wallet-reference-unknown", wallet=command.wallet, reference=command.reference)
    if command.state == "reversed" and (payment.paid or payment.outcome == AS_PAY_IN):
        return _taken_back(ctx, command, payment)
    move = WalletMove.FAILED if command.state == "reversed" else WalletMove(command.state)
    after = moved(payment.state, move)
    if after is None or (after == payment.state and after is WalletState.UNKNOWN):
        return _said(payment, changed=False)
    return _said(_went(ctx, command, payment, after), changed=True)


def _taken_back(ctx: Context, command: ReportCollection, payment: WalletPayment) -> Answer:
    """What was paid went back to the payer: what was booked of it is undone or owed, by the one
    handler of reversals."""
    booked = payment if payment.paid else ctx.stage.get(WalletPayment, payment.about_id)
    if booked is None:
        raise NotYet(f"collection {payment.number} became a pay-in just now")
    reversal = ReportReversal(
        wallet=booked.wallet,
        receipt=booked.receipt,
        state="reversed",
        amount=command.amount or booked.paid,
        currency=command.currency or booked.paid_currency or booked.currency,
        proof=command.proof,
        code=command.code,
        detail=command.detail,
    )
    ctx.stage.emit(reversal)
    return _said(payment, changed=False)


def _went(
    ctx: Context, command: ReportCollection, payment: WalletPayment, after: WalletState
) -> WalletPayment:
    """On its way, or at an end without money: who waits hears of an end, and that none is known."""
    failed = after is WalletState.FAILED
    now = replace(
        payment,
        state=after.value,
        code=command.code,
        reason=command.reason or ("provider" if failed else ""),
        detail=command.detail,
        sent_at=payment.sent_at or (0 if failed else ctx.now_us),
        ended_at=ctx.now_us if failed else 0,
    )
    keep(ctx.stage, now)
    if failed:
        _tell(ctx, now, TOLD.get(now.reason, "wallet-provider"), now.asked)
    elif after is WalletState.UNKNOWN:
        _tell(ctx, now, "wallet-open", now.asked)
    return now


def _paid(ctx: Context, command: ReportCollection, payment: WalletPayment | None) -> Answer:
    """Money: the collection's own, the same once more, a second payment, or nobody's."""
    _whole(ctx, command)
    known = by_receipt(ctx.stage, command.wallet, command.receipt)
    if known is not None:
        return _known(ctx, command, payment, known)
    if payment is None:
        return _of_nobody(ctx, command)
    if moved(payment.state, WalletMove.PAID) is None:
        return _once_more(ctx, command, payment)
    return _came(ctx, command, payment)


def _whole(ctx: Context, command: ReportCollection) -> None:
    """What must be there to book anything; a report without it is asked for again, and a large
    amount that only a notice speaks of, too."""
    what = ""
    if not 0 < len(command.receipt) <= _MAX_RECEIPT:
        what = "paid, and no receipt of it"
    elif not 0 < command.amount <= MOST:
        what = f"paid, and the amount is {command.amount}"
    elif not command.currency:
        what = "paid, and no currency"
    if what:
        raise refuse(
            "wallet-report-wrong", wallet=command.wallet, reference=command.reference, what=what
        )
    wallet = ctx.terms.wallets.wallets.get(command.wallet)
    large = wallet.large if wallet is not None else 0
    if command.proof == "notice" and 0 < large <= command.amount:
        raise refuse("wallet-unproved", wallet=command.wallet, receipt=command.receipt,
                     tender=command.amount, currency=command.currency)  # fmt: skip


def _came(ctx: Context, command: ReportCollection, payment: WalletPayment) -> Answer:
    """The first money of a collection: what was asked is booked, anything else is held."""
    same = (command.amount, command.currency) == (payment.asked, payment.currency)
    after = moved(payment.state, WalletMove.PAID if same else WalletMove.DIFFERS)
    assert after is not None, "the table has both from the same states"
    late = payment.state == WalletState.FAILED
    paid = _with_money(ctx, command, replace(payment, state=after.value, ended_at=0, reason=""))
    keep(ctx.stage, paid)
    if late:
        _tell(ctx, paid, "wallet-late", paid.paid)
    target = Target(names=_NAMES[paid.purpose], number=paid.target)
    if not same:
        answer = _booked(ctx, paid, hold(ctx, paid, target, "differs"))
        what = f"{command.amount} {command.currency} came, {paid.asked} {paid.currency} were asked"
        doubt(ctx, paid, Doubt.DIFFERS, what)
        return answer
    applied = apply(ctx, paid, target)
    done = moved(paid.state, WalletMove.APPLY)
    assert done is not None, "what is paid can be booked"
    return _booked(ctx, replace(paid, state=done.value), applied)


def _with_money(ctx: Context, command: ReportCollection, payment: WalletPayment) -> WalletPayment:
    fee = command.fee if 0 <= command.fee <= command.amount else 0
    return replace(
        payment,
        receipt=command.receipt,
        paid=command.amount,
        paid_currency=command.currency if command.currency != payment.currency else "",
        fee=fee,
        proof=command.proof,
        code=command.code,
        detail=command.detail,
        provider_at=command.at,
        paid_at=ctx.now_us,
        paid_message_id=ctx.message_id,
    )


def _booked(ctx: Context, payment: WalletPayment, applied: Applied) -> Answer:
    """The row says where its money is; the answer waits for a token that a module makes."""
    now = replace(
        payment,
        outcome=applied.outcome,
        account_id=applied.account_id,
        agreement_id=applied.agreement_id,
        agent_id=applied.agent_id,
        sale_id=applied.sale_id,
        payment_id=applied.payment_id,
        held_id=applied.held_id,
        applied_at=ctx.now_us,
    )
    keep(ctx.stage, now)
    if applied.outcome == "ordered":
        return Answer(outcome=Outcome.PENDING)
    return _said(now, changed=True, data=applied.data)


def _known(
    ctx: Context, command: ReportCollection, payment: WalletPayment | None, known: WalletPayment
) -> Answer:
    """The receipt is on file: the same money, or a contradiction that people look at."""
    currency = known.paid_currency or known.currency
    if (command.amount, command.currency) != (known.paid, currency):
        what = f"{command.receipt} was {known.paid} {currency}, now {command.amount}"
        doubt(ctx, known, Doubt.ALTERED, f"{what} {command.currency}")
        return _said(known, changed=False)
    mine = payment is None or payment.id in (known.id, known.about_id)
    if mine or moved(payment.state, WalletMove.PAID) is None:  # type: ignore[union-attr]
        return _said(known, changed=False)
    assert payment is not None
    if known.kind == PAY_IN and not known.about_id:
        return _as_pay_in(ctx, payment, known)
    doubt(ctx, payment, Doubt.TWO_COLLECTIONS, f"{command.receipt} is of {known.number}")
    return _said(payment, changed=False)


def _as_pay_in(ctx: Context, payment: WalletPayment, known: WalletPayment) -> Answer:
    """The provider told this payment as a pay-in before: it is booked there, and only there. What
    nobody could be told by its typed text is this collection's."""
    after = moved(WalletState.PAID, WalletMove.APPLY)
    assert after is not None
    now = replace(
        payment, state=after.value, outcome=AS_PAY_IN, about_id=known.id, reason="",
        paid_at=ctx.now_us, applied_at=ctx.now_us, ended_at=0, paid_message_id=ctx.message_id,
    )  # fmt: skip
    keep(ctx.stage, now)
    clear = not known.detail  # nobody has said otherwise of it
    known = keep(ctx.stage, replace(known, about_id=payment.id))
    said = {"booked_as": known.number}
    row = suspended_of(ctx, known.id)
    if row is None or row.names or not clear or held_moved(row.state, HeldMove.RELEASE) is None:
        return _said(now, changed=True, data=said)
    if (row.rest, row.currency) != (payment.asked, payment.currency):
        what = f"{row.rest} {row.currency} came, {payment.asked} {payment.currency} were asked"
        doubt(ctx, known, Doubt.DIFFERS, what)
        return _said(now, changed=True, data=said)
    if payment.state == WalletState.FAILED:
        _tell(ctx, now, "wallet-late", row.rest)
    ctx.stage.link(ASKED_AS, known.id, now)
    applied = release(ctx, row, Target(names=_NAMES[payment.purpose], number=payment.target))
    if applied.rest < row.rest:
        record(ctx, known, applied)
    if applied.outcome == "ordered":
        return Answer(outcome=Outcome.PENDING)
    return _said(now, changed=True, data={**applied.data, **said})


def _once_more(ctx: Context, command: ReportCollection, payment: WalletPayment) -> Answer:
    """A second payment of the same collection: it is kept apart, and given back by people."""
    row = _extra(ctx, command, payment)
    target = Target(names=_NAMES[payment.purpose], number=payment.target)
    answer = _booked(ctx, row, hold(ctx, row, target, "differs"))
    doubt(ctx, row, Doubt.PAID_TWICE, f"{payment.number} was paid with {payment.receipt} before")
    return answer


def _of_nobody(ctx: Context, command: ReportCollection) -> Answer:
    """Money under a reference that we never gave, or gave to another wallet."""
    row = _extra(ctx, command, None)
    answer = _booked(ctx, row, hold(ctx, row, NOBODY, "unknown"))
    doubt(ctx, row, Doubt.NOT_OURS, f"paid under {command.reference}, which was not asked for")
    return answer


def _extra(ctx: Context, command: ReportCollection, about: WalletPayment | None) -> WalletPayment:
    """Money beside what was asked for, as a row of its own."""
    row = WalletPayment(
        id=ctx.new_id("wallet_payment"),
        company=ctx.terms.code,
        number=new_number(ctx),
        wallet=command.wallet,
        kind=PAY_IN,
        state=WalletState.APPLIED.value,
        target=about.target if about else "",
        typed=command.reference[:MAX_TYPED],
        currency=command.currency,
        payer=about.payer if about else command.payer,
        payer_form=about.payer_form if about else command.payer_form,
        about_id=about.id if about else 0,
        message_id=ctx.message_id,
        created_at=ctx.now_us,
    )
    return write(ctx, _with_money(ctx, command, row))


def _tell(ctx: Context, payment: WalletPayment, code: str, amount: int) -> None:
    """Who asked for it hears how it stands, in a sentence of its own."""
    plan = planned(payment.plan)
    reply = plan.reply or (plan.vend.reply if plan.vend else ())
    wallet = ctx.terms.wallets.wallets.get(payment.wallet)
    args = {
        "wallet": wallet.label if wallet else payment.wallet,
        "tender": amount,
        "currency": payment.paid_currency or payment.currency,
    }
    tell(ctx, reply, "refusal", {"code": code, "args": args})


def _said(payment: WalletPayment, *, changed: bool, data: dict[str, Any] | None = None) -> Answer:
    said = {"collection" if payment.kind == COLLECTION else "pay_in": payment.id}
    return Answer(
        outcome=Outcome.DONE,
        data={
            **(data or {}),
            **said,
            "number": payment.number,
            "state": payment.state,
            "outcome": payment.outcome,
            "changed": changed,
        },
    )
