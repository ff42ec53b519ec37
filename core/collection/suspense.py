"""Money whose account is not known: it is ours to keep until somebody says whose it is.

A payment in suspense has one allocation without an account, and is posted on ``suspense:agent``.
"""

from msgspec.structs import replace

from core.collection.entities import Allocated, Payment
from core.collection.items import allocate_row, book
from core.collection.payments import Part, give, net_rows, rule_of
from core.collection.tenders import SUSPENSE, not_now
from core.handlers.base import Context
from core.ledger import Entry


def waiting_of(ctx: Context, payment: Payment) -> int:
    """What of a payment is in suspense."""
    return sum(row.amount for row in net_rows(ctx, payment) if row.ledger == SUSPENSE)


def assign(ctx: Context, payment: Payment, part: Part) -> int:
    """It is known whose money it is: it pays what he owes, the rest is credit. The transaction's
    id. Refused for a payment that does not wait."""
    waiting = waiting_of(ctx, payment)
    if not waiting:
        raise not_now(f"nothing of payment {payment.number} waits for its account")
    allocate_row(ctx, Allocated(
        "payment", payment.id, 0, 0, 0, SUSPENSE, -waiting, ctx.now_us
    ))  # fmt: skip
    entries = [Entry(SUSPENSE, waiting)]
    entries += give(ctx, payment.id, replace(part, amount=waiting), rule_of(ctx, ""), False)
    txn_id = book(ctx, "suspense-cleared", entries)
    ctx.stage.put(payment.number, replace(payment, clear_txn_id=txn_id, decided_at=ctx.now_us))
    return txn_id
