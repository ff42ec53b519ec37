"""Where the money of a payment by wallet is now, and how it is taken out of there. Pure.

It is held (``held_money``), or it was received by an account (``core.collection.payments``), or it
is on an agent's float. What an account has spent of it in the meantime is owed again, as with a
cheque that came back.
"""

from typing import Any, Final

from msgspec.structs import replace

from core.agents.entities import Agent, AgentFloat
from core.agents.money import short_of
from core.agents.movements import write as write_movement
from core.collection.entities import Payment, Posted
from core.collection.items import book
from core.collection.payments import net_rows, undo
from core.collection.states import PAYMENT_MOVES, PaymentMove, PaymentState
from core.collection.tenders import not_now
from core.entities import Account
from core.handlers.base import Context, NotYet
from core.ledger import AGENT_FLOAT, CUSTOMER_CREDIT, Entry, Transaction, post
from core.messages import RequestAgentAct
from core.terminals.offline import move_short
from core.wallets import held as holding
from core.wallets.entities import WalletPayment
from core.wallets.held_states import SUSPENSE, HeldMoney, HeldMove, HeldState
from core.wallets.money import WAY, Money, came, suspend
from core.wallets.routing import NOBODY
from core.wallets.settling import wallet_ledger

#: What a token of the payment's sale is: none, out, or void for ever.
NO_TOKEN: Final = "none"  # noqa: S105
#: Ids that taking a payment out of its places draws; it has at most so many parts.
MOST_PARTS: Final = 4
TAKE_BACK_IDS: Final = {
    "ledger_txn": 4 * MOST_PARTS + 3,
    "open_item": MOST_PARTS,
    "held_money": 1,
    "agent_movement": 2,
}


def as_loaded(ctx: Context, payment: WalletPayment) -> None:
    """What it was booked to was read when the batch began: one that changed in this very batch is
    taken up in the next. Raises NotYet."""
    if ctx.stage.book.loaded.get((WalletPayment, payment.id)) is not payment:
        raise NotYet(f"payment {payment.number} is being booked")


def received(ctx: Context, payment: WalletPayment) -> list[Payment]:
    """Payments to accounts that its money made, and that stand."""
    numbers = ctx.stage.linked("payments-of-wallet", payment.id) or ()
    found = [ctx.stage.need(Payment, number) for number in numbers]
    return [p for p in found if (PaymentState(p.state), PaymentMove.REVERSE) in PAYMENT_MOVES]


def waiting(ctx: Context, payment: WalletPayment) -> HeldMoney | None:
    """Its row of what waits as credit for the next payment of a meter."""
    found = [h for h in holding.held_of(ctx, payment.id) if h.state == HeldState.WAITS]
    return found[0] if found else None


def token_of(ctx: Context, payment: WalletPayment) -> str:
    """``none``, ``issued``, ``ordered`` or ``void``: what became of the token that it bought."""
    if not payment.sale_id:
        return NO_TOKEN
    state: str = ctx.stage.linked("token-of-payment", payment.id) or "issued"
    return state


def still_there(ctx: Context, payment: WalletPayment) -> None:
    """Refuses where what accounts got of it has been used. Raises Refusal."""
    for paid in received(ctx, payment):
        back: dict[int, int] = {}
        for row in net_rows(ctx, paid):
            if row.ledger == CUSTOMER_CREDIT:
                back[row.account_id] = back.get(row.account_id, 0) + row.amount
        for account_id, amount in back.items():
            account = ctx.stage.need(Account, account_id)
            if account.spendable < amount:
                raise not_now(
                    f"account {account.number} has spent of payment {payment.number}: "
                    f"{account.spendable} of {amount} are left"
                )


def to_suspense(ctx: Context, payment: WalletPayment) -> HeldMoney:
    """All of it is held, by one row: from here it goes back, or to whom it belongs."""
    row = holding.suspended_of(ctx, payment.id)
    waits = waiting(ctx, payment)
    back = _undo(ctx, payment)
    money = came(payment)
    again = sum(amount for ledger, amount in back if ledger != SUSPENSE)
    if again:
        suspend(ctx, replace(money, amount=again))
    if row is not None:
        return row
    if waits is not None:
        # with what debts took of it, too: all of the payment is held by this row now
        whole: dict[str, Any] = {"ledger": SUSPENSE, "amount": again, "rest": again}
        return holding.move(ctx, waits, HeldMove.KEEP, **whole, ended_at=0)
    return holding.hold(ctx, replace(money, ledger=SUSPENSE), NOBODY, "refused")


def out_of_the_books(ctx: Context, payment: WalletPayment) -> int:
    """The provider took it back: wherever it is, it is not ours any more. The last transaction."""
    suspended = holding.suspended_of(ctx, payment.id)
    row = suspended or waiting(ctx, payment)
    txn_id = 0
    if payment.agent_id and payment.outcome == "topped-up":
        txn_id = _off_the_float(ctx, payment)
    back = _undo(ctx, payment)
    left = sum(amount for ledger, amount in back if ledger == SUSPENSE)
    left += suspended.rest if suspended is not None else 0
    if left:
        txn_id = give_back(ctx, came(payment), left)
    if row is not None:
        holding.move(ctx, row, HeldMove.GIVEN_BACK, how="taken-back")
    return txn_id or (ctx.stage.linked("undone-by", payment.id) or 0)


def give_back(ctx: Context, money: Money, amount: int) -> int:
    """Out of suspense, and of the float with the provider."""
    entries = [
        Entry(SUSPENSE, amount),
        Entry(wallet_ledger(money.payment.wallet), -amount),
    ]
    if money.currency == ctx.terms.currency:
        return book(ctx, "wallet-returned", entries)
    txn = Transaction(
        ctx.new_id("ledger_txn"), ctx.terms.code, "wallet-returned", money.currency,
        ctx.message_id, ctx.now_us,
    )  # fmt: skip
    post(ctx.stage, txn, entries)
    return txn.id


def _undo(ctx: Context, payment: WalletPayment) -> list[tuple[str, int]]:
    """Its payments to accounts never were; (the ledger that each came from, its amount)."""
    found = []
    for paid in received(ctx, payment):
        posted: tuple[Posted, ...] = ctx.stage.linked("postings-of", paid.txn_id) or ()
        source = next((line.ledger for line in posted if line.amount > 0), SUSPENSE)
        undo(ctx, paid, PAYMENT_MOVES[PaymentState(paid.state), PaymentMove.REVERSE])
        found.append((source, paid.amount))
        ctx.stage.link("undone-by", payment.id, paid.txn_id)
    return found


def _off_the_float(ctx: Context, payment: WalletPayment) -> int:
    """An agent's top-up went back: what the float has not is owed by the agent."""
    agent = ctx.stage.need(Agent, payment.agent_id)
    float_ = ctx.stage.need(AgentFloat, agent.id)
    short = payment.paid - max(0, float_.spendable - short_of(ctx, agent))
    if short > 0:
        move_short(ctx, agent.id, short, payment.wallet)
    command = RequestAgentAct(
        operator="", kind="agent-withdraw", agent=agent.number, reason="", amount=payment.paid,
        way=WAY, desk=payment.wallet, reference=f"{payment.receipt}/back",
    )  # fmt: skip
    txn_id = book(ctx, "agent-withdrawal", [
        Entry(AGENT_FLOAT, payment.paid, agent.id),
        Entry(wallet_ledger(payment.wallet), -payment.paid),
    ])  # fmt: skip
    write_movement(ctx, agent, ("withdrawal", -payment.paid), txn_id, 0, command)
    return txn_id
