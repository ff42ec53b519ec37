"""Open items on the stage: raised with their posting, settled with a row that says by what.

Each cent of a ``receivable:<code>`` ledger is in exactly one of two registers: the open amount of
an open item, or the outstanding amount of a debt that purchases recover (``Debt``). Handing an item
to recovery closes it by an allocation and opens a debt of the same code; nothing is posted, for it
stays owed on the same ledger. So of every account and code: postings = open items + debts
(``core.store.invariants``; docs/adr/0010).
"""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import asdict, replace

from core.collection.allocation import Owed
from core.collection.entities import Allocated, OpenItem, PayPlan, Posted
from core.collection.states import PLAN_MOVES, PlanMove, PlanState
from core.entities import Account, Debt
from core.handlers.base import Context
from core.ledger import Entry, Transaction, post

#: Items that one command may raise: five years of monthly instalments.
MAX_ITEMS = 60
#: Debts in recovery have no due day: they come after whatever has one.
NO_DUE = "9999-12-31"


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An item to be raised. ``lines``: what it credits, (ledger, amount) in receipt order, together
    its amount; a ledger that is a customer's own is his account's."""

    kind: str
    code: str
    item_class: str
    label: str
    due: str
    lines: tuple[tuple[str, int], ...]
    agreement_id: int = 0
    period: int = 0
    identity: str = ""
    about_id: int = 0
    plan_id: int = 0

    @property
    def amount(self) -> int:
        """What is owed."""
        return sum(amount for _, amount in self.lines)


def book(ctx: Context, kind: str, entries: Iterable[Entry], reverses: int | None = None) -> int:
    """Post a transaction of this message; its id. Its postings can be mirrored in this batch."""
    terms = ctx.terms
    txn = Transaction(
        ctx.new_id("ledger_txn"), terms.code, kind, terms.currency, ctx.message_id, ctx.now_us,
        reverses,
    )  # fmt: skip
    before = len(ctx.stage.rows)
    post(ctx.stage, txn, entries)
    ctx.stage.link("postings-of", txn.id, tuple(
        Posted(row["line"], row["ledger"], row["owner"], row["amount"])
        for table, row in ctx.stage.rows[before:] if table == "posting"
    ))  # fmt: skip
    return txn.id


def mirror(ctx: Context, txn_id: int, kind: str) -> int:
    """Post the opposite of a transaction, line by line; the new transaction names it."""
    posted: Sequence[Posted] = ctx.stage.linked("postings-of", txn_id)
    lines = sorted(posted, key=lambda line: line.line)
    entries = [Entry(line.ledger, -line.amount, line.owner) for line in lines]
    return book(ctx, kind, entries, reverses=txn_id)


def receivable(code: str) -> str:
    """The ledger of what is owed under a code."""
    return f"receivable:{code}"


#: Ledgers whose sub-accounts are customers' accounts.
_OWNED = ("customer-credit", "uncleared", "receivable:", "deposit:")


def entry(ledger: str, amount: int, account_id: int) -> Entry:
    """An entry with its owner, where the ledger has owners."""
    return Entry(ledger, amount, account_id if ledger.startswith(_OWNED) else 0)


def raise_items(
    ctx: Context, account: Account, drafts: Sequence[Draft], kind: str, contra: Sequence[Entry] = ()
) -> list[OpenItem]:
    """Raise items in one transaction: the receivables against their lines, or against ``contra``.

    ``contra`` is for items whose other side is not their own lines (instalments of a plan).
    """
    entries = [Entry(receivable(draft.code), draft.amount, account.id) for draft in drafts]
    entries += contra or [
        entry(ledger, -amount, account.id) for draft in drafts for ledger, amount in draft.lines
    ]
    txn_id = book(ctx, kind, entries)
    return [_write(ctx, account, draft, txn_id) for draft in drafts]


def _write(ctx: Context, account: Account, draft: Draft, txn_id: int) -> OpenItem:
    item = OpenItem(
        id=ctx.new_id("open_item"),
        company=ctx.terms.code,
        account_id=account.id,
        agreement_id=draft.agreement_id,
        kind=draft.kind,
        code=draft.code,
        item_class=draft.item_class,
        label=draft.label,
        period=draft.period,
        due=draft.due,
        amount=draft.amount,
        open=draft.amount,
        state="live",
        identity=draft.identity,
        about_id=draft.about_id,
        plan_id=draft.plan_id,
        lines=msgspec.json.encode(draft.lines).decode(),
        late_done=0,
        message_id=ctx.message_id,
        txn_id=txn_id,
        raised_at=ctx.now_us,
    )
    ctx.stage.add("open_item", **asdict(item))
    ctx.stage.put(item.id, item)
    _append(ctx, "items-of", account.id, item.id)
    if draft.about_id:
        _append(ctx, "about", draft.about_id, item.id)
    if draft.identity:
        ctx.stage.link("live-item", draft.identity, item.id)
    return item


def _append(ctx: Context, name: str, key: int, value: object) -> None:
    ctx.stage.link(name, key, (*(ctx.stage.linked(name, key) or ()), value))


def allocate_row(ctx: Context, row: Allocated) -> None:
    """Write where money went; the line counts within the message."""
    line = (ctx.stage.linked("allocation-line", ctx.message_id) or 0) + 1
    ctx.stage.link("allocation-line", ctx.message_id, line)
    ctx.stage.add(
        "allocation", message_id=ctx.message_id, line=line, company=ctx.terms.code, **asdict(row)
    )
    if row.item_id:
        _append(ctx, "reductions-of", row.item_id, row)
    if row.source == "credit-note":
        credited = ctx.stage.linked("credited", row.source_id) or 0
        ctx.stage.link("credited", row.source_id, credited + row.amount)
    _append(ctx, f"allocations-of-{row.source}", row.source_id, row)


def settle(ctx: Context, item: OpenItem, amount: int, source: str, source_id: int) -> OpenItem:
    """Take ``amount`` off what is open (below 0: put it back). The posting is the caller's."""
    assert 0 <= item.open - amount <= item.amount, f"item {item.id}: {amount} of {item.open}"
    after = replace(item, open=item.open - amount, late_done=0 if amount < 0 else item.late_done)
    ctx.stage.put(item.id, after)
    allocate_row(ctx, Allocated(
        source, source_id, item.account_id, item.id, 0, receivable(item.code), amount, ctx.now_us,
    ))  # fmt: skip
    _plan_moves(ctx, after)
    return after


def settle_debt(ctx: Context, debt: Debt, amount: int, source: str, source_id: int) -> None:
    """The same of a debt in recovery. ``account_id`` of its row is that of the loaded account."""
    assert debt.outstanding - amount >= 0, f"debt {debt.id}: {amount} of {debt.outstanding}"
    ctx.stage.put(debt.id, replace(debt, outstanding=debt.outstanding - amount))
    account_id = ctx.stage.linked("account-of-debt", debt.id)
    allocate_row(ctx, Allocated(
        source, source_id, account_id, 0, debt.id, receivable(debt.code), amount, ctx.now_us,
    ))  # fmt: skip


def items_of(ctx: Context, account_id: int) -> list[OpenItem]:
    """The loaded items of an account: all that are open, and closed ones that were asked for."""
    ids = ctx.stage.linked("items-of", account_id) or ()
    return [ctx.stage.need(OpenItem, id_) for id_ in ids]


def debts_of(ctx: Context, account_id: int) -> list[Debt]:
    """The account's debts in recovery."""
    ids: dict[int, None] = dict.fromkeys(ctx.stage.linked("debts-of-account", account_id) or ())
    for agreement in ctx.stage.linked("agreements-of-account", account_id) or ():
        ids |= dict.fromkeys(ctx.stage.linked("debts-of", agreement.id) or ())
    for id_ in ids:
        ctx.stage.link("account-of-debt", id_, account_id)
    return [ctx.stage.need(Debt, id_) for id_ in ids]


def owed_of(ctx: Context, account_id: int, *, debts: bool = False) -> list[Owed]:
    """What the account owes, as a payment sees it."""
    owed = [
        Owed(item.id, item.code, item.item_class, item.due, item.open)
        for item in items_of(ctx, account_id)
        if item.open
    ]
    if debts:
        owed += [
            Owed(debt.id, debt.code, "energy", NO_DUE, debt.outstanding, debt=True)
            for debt in debts_of(ctx, account_id)
            if debt.outstanding
        ]
    return owed


def _plan_moves(ctx: Context, item: OpenItem) -> None:
    """A plan is kept when its last instalment is paid, and no more when one comes back."""
    plan = ctx.stage.get(PayPlan, item.plan_id) if item.plan_id else None
    if plan is None:
        return
    left = sum(each.open for each in items_of(ctx, item.account_id) if each.plan_id == plan.id)
    move = PlanMove.REOPEN if left else PlanMove.KEEP
    after = PLAN_MOVES.get((PlanState(plan.state), move))
    if after is not None:
        closed = 0 if left else ctx.now_us
        ctx.stage.put(plan.id, replace(plan, state=after.value, closed_at=closed))
