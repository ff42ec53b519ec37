"""A collection is asked for: what would be refused now is refused now, before money moves. Pure.

The purchase itself is made by the one sale machine when the money has come
(``core.wallets.reports``); here everything that stands against it today is said.
"""

import re
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from core.agents.money import living
from core.agents.states import AgentState
from core.book import Wants
from core.collection.payments import account_of
from core.handlers.base import Context
from core.messages import Answer, AskPayer, CreditVend, Outcome, RequestCollection
from core.refusals import Refusal, refuse
from core.vending.checks import MINUTE_US
from core.vending.sale import may_buy
from core.wallets.entities import COLLECTION, WalletPayment
from core.wallets.rows import OPEN_OF, new_number, write
from core.wallets.states import OPEN, WalletState
from core.wallets.terms import Wallet
from core.wallets.wanted import wants_of

SECOND_US: Final = 1_000_000
_E164: Final = re.compile(r"\+[1-9][0-9]{5,14}")
#: No wallet holds as much; sums of ours stay far from 64 bits.
MOST: Final = 10**12


def wanted(command: RequestCollection) -> Wants:
    """What the purpose is about, and the open collections of the payer."""
    return Wants.union((wants_of(command), Wants(wallets=((OPEN_OF, command.payer, ""),))))


def request(ctx: Context, command: RequestCollection) -> Answer:
    """Check, write the row, ask the channel. Raises Refusal; nothing is asked of anybody then."""
    wallet = _wallet_of(ctx, command)
    _fits(wallet, command)
    target = _checked(ctx, command)
    _not_asked_already(ctx, command, wallet, target)
    payment = write(ctx, _row(ctx, command, wallet, target))
    at = ("wallet-open", command.payer)
    ctx.stage.link(*at, (*(ctx.stage.linked(*at) or ()), payment.id))
    asked = AskPayer(
        channel=wallet.channel,
        wallet=wallet.name,
        collection=payment.id,
        reference=payment.reference,
        payer=payment.payer,
        amount=payment.asked,
        currency=payment.currency,
        shown=target,
        deadline=payment.deadline,
    )
    # of its own: an ask that is followed for a day must not hold back the payer's next one
    key = f"{ctx.terms.code}/ask/{payment.reference}"
    ctx.stage.emit(asked, party=payment.payer, key=key)
    return Answer(outcome=Outcome.DONE, data=_told(payment, wallet))


def _told(payment: WalletPayment, wallet: Wallet) -> dict[str, Any]:
    return {
        "reference": payment.reference,
        "collection": payment.id,
        "number": payment.number,
        "wallet": wallet.name,
        "wallet_name": wallet.label,
        "amount": payment.asked,
        "currency": payment.currency,
        "deadline": payment.deadline,
    }


def _wallet_of(ctx: Context, command: RequestCollection) -> Wallet:
    terms = ctx.terms.wallets
    found = terms.wallets.get(command.wallet) if command.wallet else terms.serving(command.payer)
    if found is None or not found.ask:
        raise refuse("wallet-none", phone=command.payer, company=ctx.terms.name)
    if not _E164.fullmatch(command.payer):
        raise wrong(f"{command.payer[:20]} is no phone number")
    return found


def _fits(wallet: Wallet, command: RequestCollection) -> None:
    """Amount and currency, and what the purpose names."""
    if not 0 < command.amount <= MOST:
        raise refuse("tender-not-positive", tender=command.amount)
    if command.currency != wallet.currency:
        raise refuse("currency-wrong", currency=command.currency, account=wallet.label,
                     expected=wallet.currency)  # fmt: skip
    if command.amount < wallet.least or 0 < wallet.most < command.amount:
        code = "wallet-too-little" if command.amount < wallet.least else "wallet-too-much"
        limit = wallet.least if command.amount < wallet.least else wallet.most
        raise refuse(code, wallet=wallet.label, tender=command.amount, limit=limit,
                     currency=wallet.currency)  # fmt: skip
    vend, named = command.vend, (command.purpose, bool(command.account), bool(command.agent))
    if named not in (("vend", False, False), ("bill", True, False), ("top-up", False, True)):
        raise wrong(f"a {command.purpose} names one thing that is paid for")
    if (vend is not None) != (command.purpose == "vend"):
        raise wrong("a purchase, and nothing else, has its meter")
    if vend and (vend.tender, vend.currency) != (command.amount, command.currency):
        raise wrong("the purchase is for another amount than the payer is asked for")


def wrong(what: str) -> Refusal:
    """Whoever asks must ask otherwise: a mistake of a program."""
    return refuse("wallet-wrong", what=what)


def _checked(ctx: Context, command: RequestCollection) -> str:
    """The meter, account or agent, if the money could be used for it now."""
    if command.vend is not None:
        by_text = command.answer_by_notice or command.vend.answer_by_notice
        may_buy(ctx, replace(command.vend, answer_by_notice=by_text), _stored(command))
        return command.vend.meter
    if command.account:
        account = account_of(ctx, command.account)
        if account.currency != command.currency:
            raise refuse("currency-wrong", currency=command.currency, account=account.number,
                         expected=account.currency)  # fmt: skip
        return account.number
    agent = living(ctx, command.agent)
    if agent.state != AgentState.ACTIVE:
        raise refuse("agent-blocked", agent=agent.number)
    return agent.number


class Waits(msgspec.Struct, frozen=True):
    """What a purchase that waits for YES keeps beside itself, where a wallet is to pay it."""

    by_wallet: RequestCollection | None = None


def _stored(command: RequestCollection) -> str:
    """The waiting purchase as ``ConfirmVend`` reads it, and that a wallet pays."""
    assert command.vend is not None
    both = {**msgspec.to_builtins(command.vend), "by_wallet": msgspec.to_builtins(command)}
    return msgspec.json.encode(both).decode()


def confirmed(ctx: Context, stored: str, purchase: CreditVend) -> Answer | None:
    """YES to another's meter: the payer is asked now; None: it is not a wallet that pays."""
    command = msgspec.json.decode(stored, type=Waits).by_wallet
    if command is None:
        return None
    return request(ctx, replace(command, vend=purchase, reply=purchase.reply or command.reply))


def _not_asked_already(
    ctx: Context, command: RequestCollection, wallet: Wallet, target: str
) -> None:
    """One open collection of a payer for the same thing and amount: he would pay twice."""
    if command.vend is not None and command.vend.another:
        return
    since = ctx.now_us - max(ctx.terms.repeat_minutes * MINUTE_US, wallet.asks_s * SECOND_US)
    for id_ in ctx.stage.linked("wallet-open", command.payer) or ():
        known = ctx.stage.need(WalletPayment, id_)
        same = (known.kind, known.target, known.asked) == (COLLECTION, target, command.amount)
        if same and known.state in OPEN and known.created_at > since:
            minutes = max(1, (ctx.now_us - known.created_at) // MINUTE_US)
            raise refuse("wallet-asked", wallet=wallet.label, tender=command.amount,
                         currency=command.currency, minutes=minutes, target=target)  # fmt: skip


def reference_of(company: str, message_id: str) -> str:
    """Our name for the collection that a message asks for: the same in a replay, a UUID of version
    4 by its form, because one provider's interface wants one."""
    text = sha256(f"collection/{company}/{message_id}".encode()).hexdigest()[:32]
    variant = "89ab"[int(text[16], 16) % 4]  # RFC 9562, 4.1 and 5.4
    text = f"{text[:12]}4{text[13:16]}{variant}{text[17:]}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _row(ctx: Context, command: RequestCollection, wallet: Wallet, target: str) -> WalletPayment:
    return WalletPayment(
        id=ctx.new_id("wallet_payment"),
        company=ctx.terms.code,
        number=new_number(ctx),
        wallet=wallet.name,
        kind=COLLECTION,
        state=WalletState.CREATED.value,
        purpose=command.purpose,
        target=target,
        reference=reference_of(ctx.terms.code, ctx.message_id),
        currency=command.currency,
        asked=command.amount,
        payer=command.payer,
        payer_form="open",
        plan=msgspec.json.encode(command).decode(),
        message_id=ctx.message_id,
        created_at=ctx.now_us,
        deadline=ctx.now_us + wallet.asks_s * SECOND_US,
    )
