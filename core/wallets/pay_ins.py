"""A pay-in is received: the same money is known again by its receipt, whoever tells of it. Pure.

A doubled notice under another key, a statement after a notice, a pull after both, and the notice of
a collection that we asked for ourselves: all are one payment, booked once.
"""

from typing import Any, Final

from msgspec.structs import replace

from core.agents.entities import Agent
from core.book import Stage
from core.collection.entities import OpenItem, PreReceipt
from core.entities import Account, Agreement, Meter
from core.handlers.base import Context
from core.messages import Answer, Outcome, ReceivePayIn
from core.refusals import refuse
from core.wallets.applying import Applied, apply
from core.wallets.collections import MOST
from core.wallets.doubts import Doubt, doubt
from core.wallets.entities import PAY_IN, WalletPayment
from core.wallets.routing import Reading, Target, chosen, readings
from core.wallets.rows import by_receipt, keep, new_number, write
from core.wallets.states import WalletMove, WalletState, moved
from core.wallets.terms import Wallet, WalletTerms

#: The longest receipt of a provider (adapters.mobilemoney.fields), with room.
MAX_RECEIPT: Final = 64
#: What of a message is kept of names.
MAX_NAMES: Final = 120


def look_up(stage: Stage, reading: Reading) -> Target | None:
    """What a reading is, of what was loaded; None: there is no such number."""
    number, mended = reading.number, reading.mended
    if reading.names == "meter":
        meter = stage.get(Meter, number)
        if meter is None:
            return None
        agreement = stage.get(Agreement, stage.linked("agreement-of", meter.id))
        owner = agreement.account_id if agreement is not None else 0
        return Target(names="meter", number=number, account_id=owner, mended=mended)
    if reading.names == "account":
        account_id = stage.linked("account-number", number)
        if account_id is None or stage.get(Account, account_id) is None:
            return None
        return Target(names="account", number=number, account_id=account_id, mended=mended)
    if reading.names == "agent":
        agent_id = stage.linked("agent-number", number)
        found = stage.get(Agent, agent_id) if agent_id is not None else None
        return Target(names="agent", number=number, mended=mended) if found is not None else None
    return _item(stage, reading)


def _item(stage: Stage, reading: Reading) -> Target | None:
    """A bill by the number of its item; a fee by that of its item, or by its receipt."""
    number = reading.number
    receipt = stage.get(PreReceipt, number) if reading.names == "order" else None
    if receipt is not None:
        return Target(
            names="order", number=number, account_id=receipt.account_id, mended=reading.mended
        )
    item = stage.get(OpenItem, int(number)) if number.isdecimal() else None
    if item is None or (item.kind == "bill") != (reading.names == "bill"):
        return None
    return Target(
        names=reading.names, number=number, account_id=item.account_id, item_id=item.id,
        mended=reading.mended,
    )  # fmt: skip


def routed(stage: Stage, terms: WalletTerms, typed: str) -> Target:
    """Whose money a text says it is, of what was loaded for it."""
    found = (look_up(stage, reading) for reading in readings(terms.references, typed))
    return chosen(target for target in found if target is not None)


def receive_pay_in(ctx: Context, command: ReceivePayIn) -> Answer:
    """Book it once. Refused: what is no money, a wallet that is not ours, a large amount that only
    a notice speaks of, and another amount under a receipt that is known."""
    wallet = _checked(ctx, command)
    known = by_receipt(ctx.stage, command.wallet, command.receipt)
    if known is not None:
        return _again(ctx, command, known)
    if command.proof == "notice" and wallet.large and command.amount >= wallet.large:
        raise refuse(
            "wallet-unproved",
            wallet=command.wallet,
            receipt=command.receipt,
            tender=command.amount,
            currency=command.currency,
        )
    target = routed(ctx.stage, ctx.terms.wallets, command.typed)
    payment = write(ctx, replace(_new(ctx, command), target=target.number))
    applied = apply(ctx, payment, target)
    return answer_of(applied, record(ctx, payment, applied))


def _checked(ctx: Context, command: ReceivePayIn) -> Wallet:
    wallet = ctx.terms.wallets.wallets.get(command.wallet)
    if wallet is None:
        raise refuse("wallet-unknown", wallet=command.wallet, company=ctx.terms.name)
    if command.amount <= 0:
        raise refuse("tender-not-positive", tender=command.amount)
    if command.amount > MOST or not command.currency:
        what = f"the amount is {command.amount}" if command.currency else "it has no currency"
        raise refuse("wallet-report-wrong", wallet=command.wallet, reference=command.receipt,
                     what=what)  # fmt: skip
    if not command.receipt.strip() or len(command.receipt) > MAX_RECEIPT:
        raise refuse("wallet-receipt", wallet=command.wallet, receipt=command.receipt[:MAX_RECEIPT])
    return wallet


def _again(ctx: Context, command: ReceivePayIn, known: WalletPayment) -> Answer:
    """The same money once more: what it says must be the same, whoever tells it. What differs is
    a case, and nothing is booked; the refusal is given back, not raised, for the case stays."""
    currency = known.paid_currency or known.currency
    if (command.amount, command.currency) == (known.paid, currency):
        return Answer(outcome=Outcome.DONE, data={**facts_of(known), "known": True})
    ours, theirs = f"{known.paid} {currency}", f"{command.amount} {command.currency}"
    detail = f"{command.proof} says {theirs} under this receipt; booked are {ours}"
    doubt(ctx, known, Doubt.ALTERED, detail)
    no = refuse(
        "wallet-differs",
        wallet=command.wallet,
        receipt=command.receipt,
        payment=known.number,
        tender=command.amount,
        currency=command.currency,
        expected=ours,
    )
    return Answer(outcome=Outcome.REFUSED, code=no.code, args=dict(no.args_))


def _new(ctx: Context, command: ReceivePayIn) -> WalletPayment:
    return WalletPayment(
        id=ctx.new_id("wallet_payment"),
        company=ctx.terms.code,
        number=new_number(ctx),
        wallet=command.wallet,
        kind=PAY_IN,
        state=WalletState.PAID.value,
        currency=command.currency,
        message_id=ctx.message_id,
        created_at=ctx.now_us,
        receipt=command.receipt,
        paid=command.amount,
        fee=command.fee if 0 <= command.fee <= command.amount else 0,
        payer=_payer(command),
        payer_form=command.payer_form,
        names=command.names[:MAX_NAMES],
        typed=command.typed,
        short_code=command.short_code,
        proof=command.proof,
        provider_at=command.at,
        paid_at=ctx.now_us,
        paid_message_id=ctx.message_id,
    )


def _payer(command: ReceivePayIn) -> str:
    """An open number as E.164: providers leave the plus away."""
    if command.payer_form == "open" and command.payer.isdecimal():
        return f"+{command.payer}"
    return command.payer


#: What a payment was booked for, by what came of it.
_PURPOSE: Final = {"sold": "vend", "ordered": "vend", "paid": "bill", "topped-up": "top-up"}


def record(ctx: Context, payment: WalletPayment, applied: Applied) -> WalletPayment:
    """The row of a payment whose money is booked, or held."""
    state = moved(payment.state, WalletMove.APPLY) or WalletState(payment.state)
    return keep(
        ctx.stage,
        replace(
            payment,
            state=str(state),
            purpose=_PURPOSE.get(applied.outcome, payment.purpose),
            outcome=applied.outcome,
            account_id=applied.account_id or payment.account_id,
            agreement_id=applied.agreement_id or payment.agreement_id,
            agent_id=applied.agent_id or payment.agent_id,
            sale_id=applied.sale_id or payment.sale_id,
            payment_id=applied.payment_id or payment.payment_id,
            held_id=applied.held_id or payment.held_id,
            applied_at=ctx.now_us,
        ),
    )


def facts_of(payment: WalletPayment) -> dict[str, Any]:
    """What every answer about a payment says."""
    return {
        "payment": payment.number,
        "wallet": payment.wallet,
        "receipt": payment.receipt,
        "outcome": payment.outcome,
    }


def answer_of(applied: Applied, payment: WalletPayment) -> Answer:
    """The answer of a payment that was just booked; one whose token is ordered has it later."""
    if applied.outcome == "ordered":
        return Answer(outcome=Outcome.PENDING)
    data = {**applied.data, **facts_of(payment)}
    if applied.sale_id and "receipt" in applied.data:
        data["sale_receipt"] = applied.data["receipt"]
    return Answer(outcome=Outcome.DONE, data=data)
