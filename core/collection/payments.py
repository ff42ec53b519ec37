"""Money that comes in, for one account or many: given out by a rule, mirrored when it comes back.

A payment posts ``way:desk`` against the receivables that it pays; what is over becomes
``customer-credit``, or waits in ``uncleared`` while the money may still come back (a cheque): it
pays what is owed, but it buys no token before it has cleared. Nor does it pay debts in recovery,
for a debt less makes a token larger. Its allocation rows, together, are always its amount.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from core.agents.commission import take_back
from core.agents.floats import unspent
from core.calendars import local_date
from core.collection.allocation import Rule, Share, give_out
from core.collection.entities import Allocated, OpenItem, Payment, PreReceipt
from core.collection.items import (
    Draft,
    allocate_row,
    book,
    debts_of,
    entry,
    mirror,
    owed_of,
    raise_items,
    receivable,
    settle,
    settle_debt,
)
from core.collection.states import (
    PAYMENT_MOVES,
    RECEIPT_MOVES,
    PaymentMove,
    PaymentState,
    ReceiptMove,
    ReceiptState,
)
from core.collection.tenders import (
    SUSPENSE,
    UNCLEARED,
    Tender,
    declared,
    not_now,
    not_received,
    unknown,
    wrong,
)
from core.counter.tills import lend
from core.entities import Account, Debt
from core.handlers.base import Context
from core.ledger import AGENT_FLOAT, CUSTOMER_CREDIT, Entry
from core.refusals import refuse

#: The code of what is owed again because money that came back had been spent.
RETURNED = "returned"


class Part(msgspec.Struct, frozen=True, gc=False):
    """What of a payment is for an account, and what its payer named. No account: it waits in
    suspense until somebody says whose it is (``core.collection.suspense``)."""

    account: Account | None
    amount: int
    items: tuple[int, ...] = ()

    @property
    def owner(self) -> Account:
        """The account of a part that has one; where none may be missing."""
        assert self.account is not None, "it waits in suspense"
        return self.account


def account_of(ctx: Context, number: str) -> Account:
    """The active account of that number, or a refusal."""
    id_ = ctx.stage.linked("account-number", number)
    account = ctx.stage.get(Account, id_) if id_ is not None else None
    if account is None:
        raise refuse("account-unknown", account=number, company=ctx.terms.name)
    if account.state != "active":
        raise refuse("account-closed", account=account.number)
    return account


def rule_of(ctx: Context, name: str, items: tuple[int, ...] = ()) -> Rule:
    """The company's rule of that name, with what the payer named first."""
    rules = ctx.terms.collection.rules
    if name not in rules:
        known = ", ".join(sorted(filter(None, rules))) or "none"
        raise wrong(f"no allocation rule {name}; there are: {known}")
    return replace(rules[name], named=items)


def _rule(ctx: Context, tender: Tender, items: tuple[int, ...]) -> Rule:
    if tender.rule_itself is not None:
        return replace(tender.rule_itself, named=items)
    return rule_of(ctx, tender.rule, items)


def receive(ctx: Context, parts: Sequence[Part], tender: Tender, identity: str = "") -> Payment:
    """Receive a payment; its parts sum to its amount. Raises Refusal; nothing is staged then.

    ``identity``: its natural key (``core.collection.tenders``); a second one is refused.
    """
    if not (tender.agent_id or tender.source):
        declared(ctx, tender)
    not_received(ctx, identity, tender)
    amount = sum(part.amount for part in parts)
    clears_later = tender.way in ctx.terms.collection.uncleared
    receipt = _receipt_for(ctx, parts, tender)
    named = _named_on(ctx, receipt) if receipt else ()
    rules = [_rule(ctx, tender, _once(*named, *part.items)) for part in parts]
    id_ = ctx.new_id("payment")
    place = AGENT_FLOAT if tender.agent_id else tender.place
    entries = [Entry(place, amount, tender.agent_id)]
    for part, rule in zip(parts, rules, strict=True):
        entries += give(ctx, id_, part, rule, clears_later)
    txn_id = book(ctx, "payment", entries)
    state = PaymentState.UNCLEARED if clears_later else PaymentState.RECEIVED
    number = receipt.number if receipt else next_number(ctx)
    payment = Payment(
        id=id_,
        company=ctx.terms.code,
        number=number,
        currency=ctx.terms.currency,
        amount=amount,
        rule=msgspec.json.encode(rules if len(rules) > 1 else rules[0]).decode(),
        state=state.value,
        txn_id=txn_id,
        clear_txn_id=0,
        message_id=ctx.message_id,
        received_at=ctx.now_us,
        decided_at=0,
        identity=identity,
        **_of_tender(tender),
    )
    if identity:
        ctx.stage.link("received-as", identity, number)
    ctx.stage.link("not-cleared", id_, clears_later)
    ctx.stage.add("payment", **asdict(payment))
    ctx.stage.put(payment.number, payment)
    if receipt is not None:
        _paid(ctx, receipt, id_)
    return payment


def _of_tender(tender: Tender) -> dict[str, Any]:
    """What the payment keeps of how it was made."""
    names = ("way", "desk", "reference", "agent_id", "counter_receipt_id", "part")
    return {**{name: getattr(tender, name) for name in names}, "bank": tender.bank.strip()}


def _paid(ctx: Context, receipt: PreReceipt, payment_id: int) -> None:
    paid = RECEIPT_MOVES[ReceiptState(receipt.state), ReceiptMove.PAY]
    ctx.stage.put(receipt.number, replace(receipt, state=paid.value, payment_id=payment_id))


def _once(*items: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys(items))


def next_number(ctx: Context) -> str:
    """The next number of the company's series of receipts for money."""
    number = ctx.new_id(f"payment-number/{ctx.terms.code}")
    return f"{ctx.terms.receipt_series}M{number:08d}"


def give(ctx: Context, payment_id: int, part: Part, rule: Rule, clears_later: bool) -> list[Entry]:
    """Give an account's part out; its entries on the other side."""
    account = part.account
    if account is None:
        row = Allocated("payment", payment_id, 0, 0, 0, SUSPENSE, part.amount, ctx.now_us)
        allocate_row(ctx, row)
        return [Entry(SUSPENSE, -part.amount)]
    owed = owed_of(ctx, account.id, debts=rule.debts and not clears_later)
    strange = set(rule.named) - {each.id for each in owed if not each.debt}
    if strange:
        raise unknown(f"account {account.number} owes nothing on item {min(strange)}")
    shares, rest = give_out(part.amount, owed, rule)
    entries = pay_shares(ctx, account.id, shares, "payment", payment_id)
    if rest:
        ledger = UNCLEARED if clears_later else CUSTOMER_CREDIT
        row = Allocated("payment", payment_id, account.id, 0, 0, ledger, rest, ctx.now_us)
        allocate_row(ctx, row)
        entries.append(Entry(ledger, -rest, account.id))
    return entries


def pay_shares(
    ctx: Context, account_id: int, shares: Sequence[Share], source: str, source_id: int
) -> list[Entry]:
    """Settle what the shares say; the entries that take it off the receivables."""
    for share in shares:
        if share.owed.debt:
            debts_of(ctx, account_id)  # whose account it is
            settle_debt(ctx, ctx.stage.need(Debt, share.owed.id), share.amount, source, source_id)
        else:
            settle(ctx, ctx.stage.need(OpenItem, share.owed.id), share.amount, source, source_id)
    return [Entry(receivable(s.owed.code), -s.amount, account_id) for s in shares]


def _receipt_for(ctx: Context, parts: Sequence[Part], tender: Tender) -> PreReceipt | None:
    """The receipt that was written before, if one is named: it must be for exactly this."""
    if not tender.receipt:
        return None
    receipt = ctx.stage.get(PreReceipt, tender.receipt)
    if receipt is None:
        raise unknown(f"no receipt {tender.receipt} was written before its payment")
    if receipt.state != ReceiptState.ISSUED:
        raise not_now(f"receipt {receipt.number} is {receipt.state}")
    (part,) = parts
    owner = part.account.id if part.account is not None else 0
    if (owner, part.amount) != (receipt.account_id, receipt.amount):
        raise wrong(f"receipt {receipt.number} is for another account or amount")
    return receipt


def _named_on(ctx: Context, receipt: PreReceipt) -> tuple[int, ...]:
    """The items that the receipt was written for, as far as they are still owed: they come first.

    What was paid, waived or put into a plan in between is no reason to refuse the money.
    """
    owed = {each.id for each in owed_of(ctx, receipt.account_id)}
    items: list[int] = msgspec.json.decode(receipt.items, type=list[int])
    return tuple(id_ for id_ in items if id_ in owed)


def payment_of(ctx: Context, number: str, move: PaymentMove) -> tuple[Payment, PaymentState]:
    """The payment, and the state that the move leads to; a refusal where it has no such move."""
    payment = ctx.stage.get(Payment, number)
    if payment is None:
        raise unknown(f"no payment {number}")
    after = PAYMENT_MOVES.get((PaymentState(payment.state), move))
    if after is None:
        raise not_now(f"payment {number} is {payment.state}: {move} is not possible")
    return payment, after


def clear(ctx: Context, payment: Payment, after: PaymentState) -> None:
    """The bank took it: what waited becomes credit."""
    entries, txn_id = [], 0
    for row in net_rows(ctx, payment):
        if row.ledger == UNCLEARED:
            for ledger, amount in ((UNCLEARED, -row.amount), (CUSTOMER_CREDIT, row.amount)):
                allocate_row(ctx, replace(row, ledger=ledger, amount=amount, at=ctx.now_us))
                entries.append(Entry(ledger, -amount, row.account_id))
    if entries:
        txn_id = book(ctx, "cheque-cleared", entries)
    ctx.stage.link("not-cleared", payment.id, False)
    done = replace(payment, state=after.value, clear_txn_id=txn_id, decided_at=ctx.now_us)
    ctx.stage.put(payment.number, done)


def net_rows(ctx: Context, payment: Payment) -> list[Allocated]:
    """Where the payment's money is now: its rows, each place once, without what came to nothing."""
    sums: dict[tuple[int, int, int, str], int] = {}
    for row in ctx.stage.linked("allocations-of-payment", payment.id) or ():
        at = (row.account_id, row.item_id, row.debt_id, row.ledger)
        sums[at] = sums.get(at, 0) + row.amount
    return [
        Allocated("payment", payment.id, *at, amount, ctx.now_us)
        for at, amount in sums.items()
        if amount
    ]


def undo(
    ctx: Context, payment: Payment, after: PaymentState, *, by_till: bool = False
) -> list[int]:
    """The payment never was: its postings are mirrored line by line, what it paid is owed again.

    Credit that has been spent in the meantime is owed again, too, as an item of its own, raised
    before the mirror is posted. Cash that a desk took comes back from the cash office, or
    (``by_till``, in the same shift) from its till. Returns the accounts concerned.
    """
    rows = net_rows(ctx, payment)
    for account_id in dict.fromkeys(row.account_id for row in rows if row.account_id):
        back = sum(
            row.amount
            for row in rows
            if row.account_id == account_id and row.ledger == CUSTOMER_CREDIT
        )
        _owe_again(ctx, account_id, back, payment)
    for row in rows:
        if row.item_id:
            item = ctx.stage.need(OpenItem, row.item_id)
            settle(ctx, item, -row.amount, "payment", payment.id)
        elif row.debt_id:
            debts_of(ctx, row.account_id)
            debt = ctx.stage.need(Debt, row.debt_id)
            ctx.stage.link("account-of-debt", debt.id, row.account_id)
            settle_debt(ctx, debt, -row.amount, "payment", payment.id)
        else:
            allocate_row(ctx, replace(row, amount=-row.amount))
    if not by_till:
        lend(ctx, payment)
    for txn_id in filter(None, (payment.clear_txn_id, payment.txn_id)):
        mirror(ctx, txn_id, after.value)
    if payment.agent_id:
        take_back(ctx, payment.agent_id, "payment", payment.id)
        unspent(ctx, payment.agent_id, payment.amount, payment.received_at)
    ctx.stage.put(payment.number, replace(payment, state=after.value, decided_at=ctx.now_us))
    if payment.identity:  # what came back leaves its number to the payment that replaces it
        ctx.stage.link("received-as", payment.identity, None)
    return list(dict.fromkeys(row.account_id for row in rows))


def _owe_again(ctx: Context, account_id: int, back: int, payment: Payment) -> None:
    """What of the credit that must go back is not there any more."""
    account = ctx.stage.need(Account, account_id)
    short = back - account.spendable
    if short <= 0:
        return
    today = local_date(ctx.now_us, ctx.terms.zone).isoformat()
    draft = Draft(
        kind="returned",
        code=RETURNED,
        item_class="energy",
        label=f"Payment {payment.number} came back",
        due=today,
        lines=((CUSTOMER_CREDIT, short),),
    )
    raise_items(ctx, account, [draft], "returned")


def pay_from(ctx: Context, account: Account, ledger: str, amount: int, rule: Rule) -> int:
    """Pay open items out of money that we hold (credit, a deposit); returns what was used.

    The caller has seen that ``amount`` is there.
    """
    source = "credit" if ledger == CUSTOMER_CREDIT else "deposit"
    shares, rest = give_out(amount, owed_of(ctx, account.id, debts=rule.debts), rule)
    used = amount - rest
    if used:
        entries = pay_shares(ctx, account.id, shares, source, account.id)
        book(ctx, source, [entry(ledger, used, account.id), *entries])
    return used
