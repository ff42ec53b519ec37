"""Money by wallet on its way into the books: received from where it is, or kept in suspense. Pure.

It comes from the provider's ledger the first time, and from ``suspense:wallet`` once it was held.
"""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.collection.allocation import Rule
from core.collection.items import book
from core.collection.payments import Part, receive
from core.collection.tenders import Tender
from core.handlers.base import Context
from core.ledger import Entry, Transaction, post
from core.messages import CreditVend, Recipient, RequestCollection
from core.wallets.entities import COLLECTION, WalletPayment
from core.wallets.held_states import SUSPENSE
from core.wallets.wanted import planned

WAY: Final = "wallet"
Facts = dict[str, Any]
#: The link, by its id, from a pay-in to the collection that it turned out to be.
ASKED_AS: Final = "asked-as"
#: All of it becomes credit: the token is bought with it.
ALL_CREDIT: Final = Rule(how="credit")


class Money(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """So much of a payment, and the ledger that it is on. ``of`` tells what was held, and how much
    of it was left, from the other parts of its payment."""

    payment: WalletPayment
    amount: int
    ledger: str
    currency: str
    of: str = ""

    @property
    def held(self) -> bool:
        """Whether it was held before."""
        return self.ledger == SUSPENSE


class Applied(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of money. ``outcome``: ``sold``, ``ordered`` (the token comes from a module),
    ``paid``, ``topped-up``, ``credited``, or the reason for which ``rest`` is held as ``held_id``.
    ``data`` is what an answer says of it."""

    outcome: str
    data: Facts = {}
    account_id: int = 0
    agreement_id: int = 0
    agent_id: int = 0
    sale_id: int = 0
    payment_id: int = 0
    held_id: int = 0
    rest: int = 0


def came(payment: WalletPayment) -> Money:
    """What the provider says that came of a payment."""
    currency = payment.paid_currency or payment.currency
    return Money(
        payment=payment, amount=payment.paid, ledger=f"{WAY}:{payment.wallet}", currency=currency
    )


def receive_for(ctx: Context, money: Money, part: Part, rule: Rule | None = None) -> int:
    """A payment to an account, out of this money; its id. What was held goes back to the provider's
    ledger first, so that every payment by wallet comes from there, and can go back there."""
    payment = money.payment
    take_out(ctx, money)
    count: int = ctx.stage.linked("wallet-parts", ctx.message_id) or 0
    names = (payment.receipt, money.of, str(count) if count else "")
    tender = Tender(
        way=WAY,
        desk=payment.wallet,
        reference="/".join(filter(None, names)),
        rule_itself=rule,
        source=f"{WAY}:{payment.wallet}",
        part=count,
    )
    received = receive(ctx, [part], tender)
    ctx.stage.link("wallet-parts", ctx.message_id, tender.part + 1)
    ctx.stage.link("wallet-paid", money.payment.id, received.number)
    return received.id


def take_out(ctx: Context, money: Money) -> None:
    """What was held leaves suspense, for whatever it is booked to next in this message."""
    if money.held:
        place = f"{WAY}:{money.payment.wallet}"
        entries = [Entry(SUSPENSE, money.amount), Entry(place, -money.amount)]
        book(ctx, "wallet-released", entries)


def suspend(ctx: Context, money: Money) -> None:
    """Keep it until it is known what to do; what is held already stays where it is."""
    if money.held:
        return
    entries = [Entry(money.ledger, money.amount), Entry(SUSPENSE, -money.amount)]
    if money.currency == ctx.terms.currency:
        book(ctx, "wallet-held", entries)
        return
    txn = Transaction(
        ctx.new_id("ledger_txn"), ctx.terms.code, "wallet-held", money.currency, ctx.message_id,
        ctx.now_us,
    )  # fmt: skip
    post(ctx.stage, txn, entries)


def purchase(ctx: Context, money: Money, meter: str, account_id: int) -> CreditVend:
    """What is bought with it: what the collection says, else a token for the typed meter."""
    payment = money.payment
    command = CreditVend(
        meter=meter,
        tender=money.amount,
        currency=money.currency,
        phone=payment.payer if payment.payer_form == "open" else "",
        reply=told(ctx, payment, account_id),
    )
    plan = _wish(ctx, payment)
    vend = plan.vend if plan is not None else None
    if plan is not None and vend is not None and vend.meter == meter:
        reply = vend.reply or plan.reply or command.reply
        command = replace(command, phone=vend.phone or command.phone, reply=reply)
    return replace(command, another=True)


def _wish(ctx: Context, payment: WalletPayment) -> RequestCollection | None:
    """What was asked for, if anything was."""
    asked: WalletPayment = ctx.stage.linked(ASKED_AS, payment.id) or payment
    return planned(asked.plan) if asked.kind == COLLECTION else None


def told(ctx: Context, payment: WalletPayment, account_id: int) -> tuple[Recipient, ...]:
    """Who hears of it: whoever asked for the collection; the payer, where his number is known;
    else the phone that the account registered first; nobody, where there is none."""
    plan = _wish(ctx, payment)
    if plan is not None and plan.reply:
        return plan.reply
    language = ctx.terms.languages[0]
    if payment.payer_form == "open" and payment.payer:
        return (Recipient(way="sms", address=payment.payer, language=language),)
    found: tuple[str, str] | None = ctx.stage.linked("first-phone", account_id)
    if found is None:
        return ()
    return (Recipient(way="sms", address=found[0], language=found[1] or language),)


def sale_of(ctx: Context) -> int:
    """The sale that this message has just made."""
    made: list[int] = [row["id"] for table, row in ctx.stage.rows if table == "sale"]
    return made[-1]
