"""What becomes owed by a rule of the company: fees, late fees, debts of an older system.

``raise_fee`` is what business of any kind calls when it costs something: the fee is an open item
from then on, and where the catalogue says so and the agreement is prepaid, a debt that purchases
pay.
"""

from datetime import date, timedelta

import msgspec
from msgspec.structs import asdict

from core.calendars import local_date
from core.collection.entities import AccountAgreement, Allocated, OpenItem
from core.collection.items import (
    MAX_ITEMS,
    Draft,
    allocate_row,
    book,
    debts_of,
    items_of,
    raise_items,
    receivable,
    settle,
    settle_debt,
)
from core.collection.late import Paid, late_fee
from core.collection.tenders import not_now, unknown
from core.collection.terms import Fee, Recovery
from core.entities import Account, Debt
from core.handlers.base import Context
from core.ledger import CUSTOMER_CREDIT, Entry
from core.messages.collection import OldDebt
from core.money import half_up
from core.tariffs.shapes import OWN, TAX_AUTHORITY, THIRD_PARTY

#: What an older system's balances are taken over against.
OPENING = "opening:debts"
#: A piece of an import is the act of one person: money to spend is not made by one.
NO_CREDIT = "credit of an older system comes by an act of two people: opening-credit"
LATE, OLD = "late-fee", "old-debt"
#: Years of old debts that are believed.
FIRST_YEAR = 1980


def fee_of(ctx: Context, code: str) -> Fee:
    """A fee of the catalogue; refused when there is none."""
    fee = ctx.terms.collection.fees.get(code)
    if fee is None:
        known = ", ".join(sorted(ctx.terms.collection.fees)) or "none"
        raise unknown(f"no fee {code}; the catalogue has: {known}")
    return fee


def fee_draft(ctx: Context, code: str, agreement_id: int = 0) -> Draft:
    """What a fee of today comes to. Refused when it has no version in force, or costs nothing."""
    fee, today = fee_of(ctx, code), local_date(ctx.now_us, ctx.terms.zone)
    version = fee.at(today)
    if version is None or not version.amount:
        raise not_now(f"fee {code} has no price on {today}")
    net, tax = version.parts()
    lines = [(_ledger_of(fee), net)]
    if tax:
        lines.append((f"tax:{fee.tax_code}", tax))
    return Draft(
        kind="fee",
        code=fee.code,
        item_class=fee.item_class,
        label=fee.label,
        due=(today + timedelta(days=fee.due_days)).isoformat(),
        lines=tuple(lines),
        agreement_id=agreement_id,
    )


def _ledger_of(fee: Fee) -> str:
    if fee.payee == OWN:
        return f"revenue:{fee.code}"
    if fee.payee == TAX_AUTHORITY:
        return f"tax:{fee.code}"
    return f"payable:{fee.payee.removeprefix(THIRD_PARTY)}"


def raise_fee(ctx: Context, account: Account, code: str, agreement_id: int = 0) -> OpenItem:
    """A fee of the catalogue is owed; where it says so, purchases will pay it."""
    item = owe_fee(ctx, account, code, agreement_id)
    recover_fee(ctx, item, prepaid_agreement(ctx, account.id, agreement_id))
    return item


def owe_fee(
    ctx: Context, account: Account, code: str, agreement_id: int = 0, identity: str = ""
) -> OpenItem:
    """A fee of the catalogue is owed, whatever pays it. ``identity``: its natural key, if any."""
    draft = msgspec.structs.replace(fee_draft(ctx, code, agreement_id), identity=identity)
    (item,) = raise_items(ctx, account, [draft], "fee")
    return item


def recover_fee(ctx: Context, item: OpenItem, agreement: AccountAgreement | None) -> None:
    """Purchases of the agreement pay it, where the catalogue says so and there is one."""
    fee = ctx.terms.collection.fees.get(item.code)  # it may have left the catalogue since
    if fee is not None and fee.recovery is not None and agreement is not None:
        hand_over(ctx, item, agreement.id, fee.recovery)


def prepaid_agreement(
    ctx: Context, account_id: int, agreement_id: int = 0
) -> AccountAgreement | None:
    """The prepaid agreement that is named, or the only one of the account; None: not clear."""
    found: list[AccountAgreement] = [
        agreement
        for agreement in ctx.stage.linked("agreements-of-account", account_id) or ()
        if agreement.mode == "prepaid"
        and agreement.state == "active"
        and agreement_id in (0, agreement.id)
    ]
    return found[0] if len(found) == 1 else None


def hand_over(ctx: Context, item: OpenItem, agreement_id: int, recovery: Recovery) -> Debt:
    """From now on purchases of the agreement pay what is open: the item ends, a debt begins."""
    debt = Debt(
        id=ctx.new_id("debt"),
        agreement_id=agreement_id,
        code=item.code,
        priority=recovery.priority,
        method=recovery.method,
        value=recovery.value,
        cap_per_sale=recovery.cap_per_sale,
        outstanding=item.open,
    )
    settle(ctx, ctx.stage.need(OpenItem, item.id), item.open, "recovery", debt.id)
    ctx.stage.add("debt", **asdict(debt), company=ctx.terms.code)
    ctx.stage.put(debt.id, debt)
    known = ctx.stage.linked("debts-of", agreement_id) or ()
    ctx.stage.link("debts-of", agreement_id, (*known, debt.id))
    return debt


def late_drafts(ctx: Context, account: Account, until: date) -> list[Draft]:
    """The late fees that the account owes up to and with a day, beyond those raised already.

    Items that are closed and reckoned to their end are marked, so that they are not looked at
    again. At most 60 items at once; a further call goes on.
    """
    drafts: list[Draft] = []
    overdue = [i for i in items_of(ctx, account.id) if i.due < until.isoformat()]
    for item in overdue:
        if item.item_class == "penalty" or item.late_done or len(drafts) == MAX_ITEMS:
            continue
        amount = _late_amount(ctx, account, item, until)
        if amount > 0:
            drafts.append(_late_draft(ctx, item, amount, until))
        if not item.open and until >= _closed_on(ctx, item):
            ctx.stage.put(item.id, msgspec.structs.replace(item, late_done=1))
    return drafts


def _late_amount(ctx: Context, account: Account, item: OpenItem, until: date) -> int:
    agreements: tuple[AccountAgreement, ...] = (
        ctx.stage.linked("agreements-of-account", account.id) or ()
    )
    own = [a for a in agreements if item.agreement_id in (0, a.id)]
    terms = ctx.terms.collection
    rules = terms.late_rules(terms.class_of(own[0].tariff) if own else "")
    paid = [Paid(_day_paid(ctx, row), row.amount) for row in _kept(_reductions(ctx, item))]
    due, since = date.fromisoformat(item.due), _late_from(ctx, item)
    total = late_fee(item.amount, due, paid, rules, until, since)
    raised = sum(
        ctx.stage.need(OpenItem, id_).amount for id_ in ctx.stage.linked("about", item.id) or ()
    )
    return total - raised


def _late_from(ctx: Context, item: OpenItem) -> date:
    """What another system was owed bore that system's fees until it was taken over."""
    if item.late_from:
        return date.fromisoformat(item.late_from)
    # taken over before a day was declared: the day on which it came here
    return local_date(item.raised_at, ctx.terms.zone) if item.kind == "import" else date.min


def _reductions(ctx: Context, item: OpenItem) -> tuple[Allocated, ...]:
    return ctx.stage.linked("reductions-of", item.id) or ()


def _kept(rows: tuple[Allocated, ...]) -> list[Allocated]:
    """Without what came back: as if it had never been paid."""
    returned: dict[tuple[str, int], int] = {}
    for row in rows:
        if row.amount < 0:
            at = (row.source, row.source_id)
            returned[at] = returned.get(at, 0) - row.amount
    kept = []
    for row in rows:
        back = min(row.amount, returned.get((row.source, row.source_id), 0))
        if row.amount > 0:
            if back:
                returned[row.source, row.source_id] -= back
            kept.append(msgspec.structs.replace(row, amount=row.amount - back))
    return kept


def _day_paid(ctx: Context, row: Allocated) -> date:
    return local_date(row.at, ctx.terms.zone)


def _closed_on(ctx: Context, item: OpenItem) -> date:
    return max((_day_paid(ctx, row) for row in _reductions(ctx, item)), default=date.min)


def _late_draft(ctx: Context, item: OpenItem, amount: int, until: date) -> Draft:
    today = local_date(ctx.now_us, ctx.terms.zone)
    due = today + timedelta(days=ctx.terms.collection.late_due_days)
    return Draft(
        kind=LATE,
        code=LATE,
        item_class="penalty",
        label=f"Late fee until {until} on: {item.label}",
        due=due.isoformat(),
        lines=((f"revenue:{LATE}", amount),),
        agreement_id=item.agreement_id,
        identity=f"late/{item.id}/{len(ctx.stage.linked('about', item.id) or ())}",
        about_id=item.id,
    )


def credit_note(ctx: Context, account: Account, item: OpenItem, amount: int) -> tuple[int, int]:
    """Take back ``amount`` of what was charged; its lines are mirrored, its tax with them.

    What was not paid yet is not owed any more (also where purchases were to pay it), what was
    becomes credit: (the first, the second).
    Each line's share is that of all credited so far, rounded once, less what its share was before;
    so credit notes that together are the item are together exactly its lines.
    """
    before = ctx.stage.linked("credited", item.id) or 0
    lines: list[tuple[str, int]] = msgspec.json.decode(item.lines, type=list[tuple[str, int]])
    shares = [
        now - then
        for now, then in zip(
            _shares(lines, item.amount, before + amount),
            _shares(lines, item.amount, before),
            strict=True,
        )
    ]
    off = min(amount, item.open)
    recovered = _off_debt(ctx, account, item, amount - off)
    back = amount - off - recovered
    entries = [Entry(ledger, part) for (ledger, _), part in zip(lines, shares, strict=True)]
    entries += [
        Entry(receivable(item.code), -off - recovered, account.id),
        Entry(CUSTOMER_CREDIT, -back, account.id),
    ]
    if off:
        item = settle(ctx, item, off, "credit-note", item.id)
    if back:
        row = Allocated("credit-note", item.id, account.id, 0, 0, CUSTOMER_CREDIT, back, ctx.now_us)
        allocate_row(ctx, row)
    if before + amount == item.amount:
        ctx.stage.put(item.id, msgspec.structs.replace(item, state="cancelled"))
    book(ctx, "credit-note", entries)
    return off + recovered, back


def _off_debt(ctx: Context, account: Account, item: OpenItem, most: int) -> int:
    """Take up to ``most`` off the debt that the item was handed over as; how much that was."""
    own = {row.source_id for row in _reductions(ctx, item) if row.source == "recovery"}
    taken = 0
    for debt in debts_of(ctx, account.id):
        part = min(most - taken, debt.outstanding) if debt.id in own else 0
        if part:
            settle_debt(ctx, debt, part, "credit-note", item.id)
            taken += part
    return taken


def _shares(lines: list[tuple[str, int]], amount: int, credited: int) -> list[int]:
    """What ``credited`` of an item is of each of its lines; the first bears the rounding."""
    rest = [half_up(part * credited, amount) for _, part in lines[1:]]
    return [credited - sum(rest), *rest]


def take_over(ctx: Context, account: Account, debt: OldDebt, on: date) -> None:
    """What an older system was owed is an open item; ``on``: from which day it is our affair."""
    draft = Draft(
        kind="import",
        code=OLD,
        item_class=debt.item_class,
        label=f"Debt of {debt.year}",
        due=f"{debt.year}-12-31",
        lines=((OPENING, debt.amount),),
        period=debt.year,
        identity=old_identity(debt),
        late_from=on.isoformat(),
    )
    raise_items(ctx, account, [draft], "import")


def old_identity(debt: OldDebt) -> str:
    """An account has one old debt of a year and class."""
    return f"old/{debt.account}/{debt.year}/{debt.item_class}"
