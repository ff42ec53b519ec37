"""The provider pays out to our bank: his float with us becomes money there, his fee our expense.

What should have come is reckoned from the payments of the days, not from what he says; the
difference is told and is a case. The payments are then marked a batch at a time, by messages of our
own: a payout for a hundred thousand payments locks none of them for long. A payment is covered by
a payout for its day that was told after it had come, marked or not: so a second payout is reckoned
right while the first is still being marked.
"""

from datetime import timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import asdict, replace

from core.calendars import start_of_day
from core.collection.items import book
from core.collection.tenders import MAX_NAME, MAX_REFERENCE
from core.handlers.base import Context, NotYet
from core.ledger import Entry
from core.messages import Answer, MarkSettled, Outcome, SettleWallet
from core.refusals import refuse
from core.wallets import cases, rows
from core.wallets.book_entities import Settlement
from core.wallets.entities import WalletPayment
from core.wallets.statements import day_of, known_wallet, wrong
from core.wallets.states import WalletMove, moved

#: Payments that are marked in one transaction.
MARKED_AT_ONCE: Final = 500
#: What providers keep of what they pay out.
FEE: Final = "expense:wallet-fee"
_MAX_AMOUNT = 10**15


class Expected(msgspec.Struct, frozen=True, gc=False):
    """What a payout should come to: received and not settled, less what was given back of it."""

    amount: int = 0
    payments: int = 0


def wallet_ledger(wallet: str) -> str:
    """The ledger of our money with a provider: what its payments' way and desk make."""
    return f"wallet:{wallet}"


def decide_settle(ctx: Context, command: SettleWallet) -> Answer:
    """Book a payout once, whoever tells of it; tell what is missing or too much."""
    _acceptable(ctx, command)
    known = ctx.stage.get(Settlement, (command.wallet, command.reference))
    if known is not None:
        return _repeat(known, command)
    if ctx.stage.linked("settled-now", command.wallet):  # its payments are not reckoned off yet
        raise NotYet(f"another payout of {command.wallet} is being booked")
    until = day_of(ctx, command.wallet, command.until)
    expected = ctx.stage.linked("expected", (command.wallet, command.until)) or Expected()
    txn_id = book(ctx, "wallet-settled", [
        Entry(f"transfer:{command.desk}", command.amount),
        Entry(FEE, command.fee),
        Entry(wallet_ledger(command.wallet), -command.amount - command.fee),
    ])  # fmt: skip
    settlement = Settlement(
        id=ctx.new_id("wallet_settlement"),
        company=ctx.terms.code,
        wallet=command.wallet,
        reference=command.reference,
        desk=command.desk,
        currency=command.currency,
        amount=command.amount,
        fee=command.fee,
        until=command.until,
        until_us=start_of_day(until + timedelta(days=1), ctx.terms.zone),
        expected=expected.amount,
        payments=expected.payments,
        txn_id=txn_id,
        at=ctx.now_us,
        message_id=ctx.message_id,
    )
    ctx.stage.add("wallet_settlement", **asdict(settlement))
    keep(ctx, settlement)
    ctx.stage.link("settled-now", command.wallet, True)
    difference = _difference(ctx, settlement)
    _mark_next(ctx, settlement)
    return Answer(outcome=Outcome.DONE, data={**told(settlement), "difference": difference})


def keep(ctx: Context, settlement: Settlement) -> None:
    """Found by the bank's reference, and by its id."""
    ctx.stage.put((settlement.wallet, settlement.reference), settlement)
    ctx.stage.put(settlement.id, settlement)


def told(settlement: Settlement) -> dict[str, Any]:
    """What is said of a payout."""
    names = ("wallet", "reference", "amount", "fee", "currency", "until", "expected", "payments")
    said: dict[str, Any] = {name: getattr(settlement, name) for name in names}
    return {"settlement": settlement.id, **said}


def _acceptable(ctx: Context, command: SettleWallet) -> None:
    wallet = command.wallet
    known_wallet(ctx, wallet, command.currency)
    if not 0 < command.amount <= _MAX_AMOUNT or not 0 <= command.fee <= _MAX_AMOUNT:
        raise wrong(wallet, f"{command.amount} paid out, {command.fee} kept: no amounts of money")
    if command.fee > command.amount:  # the two columns of a bank's line, or a slip of the key
        raise wrong(wallet, f"{command.fee} kept of a payout of {command.amount}: more than came")
    if command.reference != command.reference.strip():  # it counts once, however it was pasted
        raise wrong(wallet, "the bank's reference has no spaces before or behind it")
    if not 0 < len(command.reference) <= MAX_REFERENCE:
        raise wrong(wallet, f"the bank's reference has 1 to {MAX_REFERENCE} characters")
    if not 0 < len(command.desk.strip()) <= MAX_NAME or ":" in command.desk:
        raise wrong(wallet, f"{command.desk!r} is no bank account of ours")
    day_of(ctx, wallet, command.until)


def _repeat(known: Settlement, command: SettleWallet) -> Answer:
    said = (command.amount, command.fee, command.until, command.desk)
    if said != (known.amount, known.fee, known.until, known.desk):
        raise refuse(
            "settlement-known",
            wallet=known.wallet,
            reference=known.reference,
            tender=known.amount,
            currency=known.currency,
        )
    difference = known.expected - known.amount - known.fee
    return Answer(
        outcome=Outcome.DONE, data={**told(known), "difference": difference, "repeat": True}
    )


def _difference(ctx: Context, settlement: Settlement) -> int:
    """Above 0: he paid too little. People look at any."""
    difference = settlement.expected - settlement.amount - settlement.fee
    if difference:
        detail = (
            f"payout {settlement.reference} up to {settlement.until}: {settlement.amount} and "
            f"{settlement.fee} of fee, {settlement.expected} were to come"
        )
        kind = cases.SETTLEMENT_DIFFERS
        cases.about_wallet(ctx, settlement.wallet, kind, detail, abs(difference))
    return difference


def _mark_next(ctx: Context, settlement: Settlement) -> None:
    message = MarkSettled(wallet=settlement.wallet, settlement=settlement.id)
    ctx.stage.emit(message, key=f"{ctx.terms.code}/wallet/{settlement.wallet}")


def decide_mark(ctx: Context, command: MarkSettled) -> Answer:
    """The next payments that a payout was for. One in dispute keeps its state until it is decided,
    and says all the same that its money has come."""
    settlement = ctx.stage.get(Settlement, command.settlement)
    if settlement is None:
        raise NotYet(f"payout {command.settlement} is not there yet")
    numbers: tuple[str, ...] = ctx.stage.linked("to-settle", command.settlement) or ()
    marked = 0
    for number in numbers:
        payment = rows.by_number(ctx.stage, number)
        if payment is not None and _covers(settlement, payment):
            after = moved(payment.state, WalletMove.SETTLE) or payment.state
            rows.keep(ctx.stage, replace(payment, state=str(after), settled_at=settlement.at))
            marked += 1
    if len(numbers) == MARKED_AT_ONCE:
        _mark_next(ctx, settlement)
    data = {"settlement": settlement.id, "marked": marked}
    return Answer(outcome=Outcome.DONE, data=data)


def _covers(settlement: Settlement, payment: WalletPayment) -> bool:
    """It has come up to that day, and was known when the payout was told of."""
    at = payment.provider_at or payment.paid_at
    return (
        bool(payment.paid)
        and (payment.paid_currency or payment.currency) == settlement.currency
        and not payment.settled_at
        and payment.state in ("applied", "disputed")
        and at < settlement.until_us
        and payment.paid_at <= settlement.at
    )
