"""A change is given up before it is switched: what its settlement did is mirrored, line by line.

Documents that it raised are cancelled; what was paid on them meanwhile becomes credit. Refused
where that cannot be whole: the credit that it gave was spent, a document was written off, put into
a plan, or paid by a cheque that has not cleared.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from core.changes.cases import Case, keep, moved, put_service, service_now, wrong
from core.changes.entities import Raised
from core.changes.states import ChangeMove, ChangeState
from core.collection.entities import Allocated, Deposit, OpenItem, Posted
from core.collection.items import allocate_row, book, mirror, receivable, settle, settle_debt
from core.entities import Account, AgreementState, Debt
from core.handlers.base import Context, NotYet
from core.ledger import CUSTOMER_CREDIT, Entry
from core.refusals import refuse

UNDO = "change-undo"
#: What pays a document with money that the customer gets back as credit.
_MONEY = ("payment", "credit", "deposit")
Facts = dict[str, Any]


def check_undo(ctx: Context, case: Case) -> int:
    """Whether it can be undone; the money that goes back from the customer (minor units)."""
    moved(case.change, ChangeMove.UNDO)
    if case.change.state != ChangeState.SETTLED:
        return 0
    if ctx.stage.linked("settled-txns", case.change.settle_id) is None:
        raise NotYet(f"change {case.change.id} was settled a moment ago")
    for raised in _raised(ctx, case):
        _payable_back(ctx, case, raised)
    _credit_is_there(ctx, case)
    return case.change.valued


def undo(ctx: Context, case: Case) -> Facts:
    """Give it up; a settled one puts everything back first."""
    facts: Facts = {}
    if case.change.state == ChangeState.SETTLED:
        check_undo(ctx, case)
        facts = _put_back(ctx, case)
    keep(ctx, moved(case.change, ChangeMove.UNDO, ended_at=ctx.now_us))
    return facts


def _put_back(ctx: Context, case: Case) -> Facts:
    change = case.change
    for row in reversed(ctx.stage.linked("settled-rows", change.settle_id)):
        _back(ctx, row)
    paid = sum(_cancel(ctx, case, raised) for raised in _raised(ctx, case))
    txns = ctx.stage.linked("settled-txns", change.settle_id)
    for txn in reversed(txns):
        _restore_deposits(ctx, ctx.stage.linked("postings-of", txn) or ())
        mirror(ctx, txn, UNDO)
    if change.agreement_id:
        service = service_now(ctx, change)
        put_service(ctx, replace(service, state="active"))
        state = ctx.stage.need(AgreementState, service.id)
        before = msgspec.json.decode(change.before, type=dict[str, int])
        fixed = before.get("fixed_through", state.fixed_through)
        ctx.stage.put(service.id, replace(state, fixed_through=fixed))
    return {"mirrored": len(txns), "paid_back": paid}


def _raised(ctx: Context, case: Case) -> tuple[Raised, ...]:
    found: tuple[Raised, ...] = ctx.stage.linked("settled-items", case.change.settle_id) or ()
    return found


def _payable_back(ctx: Context, case: Case, raised: Raised) -> None:
    """Whatever took something off the document is money that is here."""
    own = {r.source for r in ctx.stage.linked("settled-rows", case.change.settle_id)
           if r.item_id == raised.item_id}  # fmt: skip
    sources = {*raised.sources}
    for row in ctx.stage.linked("reductions-of", raised.item_id) or ():
        waits = row.source == "payment" and ctx.stage.linked("not-cleared", row.source_id)
        sources.add("uncleared" if waits else row.source)
    strange = sorted(sources - own - {*_MONEY})
    if strange:
        what = f"item {raised.item_id} was changed by {strange[0]} meanwhile: undo that first"
        raise wrong(case.change.account, what)


def _credit_is_there(ctx: Context, case: Case) -> None:
    """The credit that goes back, less what comes back as credit for documents that were paid."""
    needed: dict[int, int] = {}
    for txn in ctx.stage.linked("settled-txns", case.change.settle_id):
        for line in ctx.stage.linked("postings-of", txn) or ():
            if line.ledger == CUSTOMER_CREDIT:
                needed[line.owner] = needed.get(line.owner, 0) - line.amount
    own = ctx.stage.linked("settled-rows", case.change.settle_id)
    for raised in _raised(ctx, case):
        item = ctx.stage.need(OpenItem, raised.item_id)
        mine = sum(row.amount for row in own if row.item_id == item.id)
        needed[item.account_id] = needed.get(item.account_id, 0) - (item.amount - item.open - mine)
    for account_id, amount in sorted(needed.items()):
        account = ctx.stage.need(Account, account_id)
        if account.spendable < amount:
            raise refuse(
                "credit-insufficient",
                account=account.number,
                credit=account.spendable,
                tender=amount,
                currency=account.currency,
            )


def _back(ctx: Context, row: Allocated) -> None:
    """One place where money was given: taken from there again."""
    if row.source == "recovery":
        _recovered_back(ctx, row)
    elif row.item_id:
        settle(ctx, ctx.stage.need(OpenItem, row.item_id), -row.amount, row.source, row.source_id)
    elif row.debt_id:
        ctx.stage.link("account-of-debt", row.debt_id, row.account_id)
        debt = ctx.stage.need(Debt, row.debt_id)
        settle_debt(ctx, debt, -row.amount, row.source, row.source_id)


def _recovered_back(ctx: Context, row: Allocated) -> None:
    """Between a document and the debt that purchases pay: what is still open goes back."""
    item, debt = ctx.stage.need(OpenItem, row.item_id), ctx.stage.need(Debt, row.source_id)
    left = debt.outstanding if row.amount > 0 else -item.open
    back = min(row.amount, left) if row.amount > 0 else max(row.amount, left)
    if back:
        settle(ctx, item, -back, "recovery", debt.id)
        ctx.stage.put(debt.id, replace(debt, outstanding=debt.outstanding - back))


def _cancel(ctx: Context, case: Case, raised: Raised) -> int:
    """A document is void: what was paid on it becomes credit. How much that was."""
    item = ctx.stage.need(OpenItem, raised.item_id)
    paid = item.amount - item.open
    if paid:
        book(ctx, "change-undo-credit", [
            Entry(receivable(item.code), paid, item.account_id),
            Entry(CUSTOMER_CREDIT, -paid, item.account_id),
        ])  # fmt: skip
        allocate_row(ctx, Allocated(
            UNDO, case.change.id, item.account_id, 0, 0, CUSTOMER_CREDIT, paid, ctx.now_us
        ))  # fmt: skip
    if item.open:
        item = settle(ctx, item, item.open, UNDO, case.change.id)
    ctx.stage.put(item.id, replace(item, state="cancelled"))
    if item.identity:
        ctx.stage.link("live-item", item.identity, None)
    return paid


def _restore_deposits(ctx: Context, posted: tuple[Posted, ...]) -> None:
    """A security that had paid is held again."""
    for line in posted:
        kind = line.ledger.removeprefix("deposit:")
        if kind != line.ledger:
            deposit = ctx.stage.need(Deposit, (line.owner, kind))
            after = replace(deposit, held=deposit.held + line.amount)
            ctx.stage.put((line.owner, kind), after)
