"""Debts that stay, come back from recovery, or go to who comes next, as the company declares."""

from typing import Any

import msgspec

from core.changes.cases import Case, need_account, wrong
from core.changes.dates import due_day
from core.changes.entities import Service
from core.collection.entities import OpenItem
from core.collection.items import (
    MAX_ITEMS,
    Draft,
    book,
    debts_of,
    items_of,
    raise_items,
    receivable,
    settle,
    settle_debt,
)
from core.collection.terms import ADVANCE
from core.entities import Debt
from core.handlers.base import Context
from core.ledger import CUSTOMER_CREDIT, Entry
from core.money import half_up

#: A debt that was never a document: if it is taken back later, that is our loss.
_NO_LINES = "expense:bad-debt"


def unpaid(ctx: Context, case: Case, service: Service) -> int:
    """What is open on the agreement's documents that no plan holds, or is paid there by money that
    may still come back (minor units). What the change itself costs has a due day of its own."""
    waits: int = ctx.stage.linked("uncleared-of", service.id) or 0
    return waits + sum(
        item.open
        for item in items_of(ctx, service.account_id)
        if item.agreement_id == service.id
        and not item.plan_id
        and (item.kind, item.message_id) != ("fee", case.change.settle_id)
    )


def finally_paid(ctx: Context, case: Case, service: Service) -> None:
    """Nothing of the bills is owed before purchases begin, where that is declared."""
    owed = unpaid(ctx, case, service) if case.terms.final_bill == "paid" else 0
    if owed:
        what = f"{owed} minor units of agreement {service.id} are owed: pay them first"
        raise wrong(case.change.account, what)


def reopen_items(ctx: Context, service: Service) -> dict[str, Any]:
    """What purchases have not paid yet is open again on the document that it came from: there will
    be no purchases. A debt without a document stays a debt."""
    back = 0
    for debt in _debts(ctx, service):
        item_id = ctx.stage.linked("item-of-debt", debt.id)
        item = ctx.stage.get(OpenItem, item_id) if item_id else None
        if item is None or item.state != "live":
            continue
        settle(ctx, item, -debt.outstanding, "recovery", debt.id)
        ctx.stage.put(debt.id, msgspec.structs.replace(debt, outstanding=0))
        back += debt.outstanding
    return {"reopened": back} if back else {}


def pay_advances(ctx: Context, service: Service, credited: int) -> dict[str, Any]:
    """Units on credit are paid out of what the units left in the meter are worth: no purchase comes
    that would pay them first, and nobody is paid out what he has not paid for."""
    used = 0
    for debt in _debts(ctx, service):
        part = min(debt.outstanding, credited - used) if debt.code == ADVANCE else 0
        if part:
            settle_debt(ctx, debt, part, "credit", service.account_id)
            used += part
    if not used:
        return {}
    owner = service.account_id
    paid = Entry(receivable(ADVANCE), -used, owner)
    book(ctx, "credit", [Entry(CUSTOMER_CREDIT, used, owner), paid])
    return {"advance_paid": used}


def move_debts(ctx: Context, case: Case) -> dict[str, Any]:
    """What the last agreement at the point owes is owed by who comes: one posting, both sides.

    The documents of the one who left are closed by it; those of the other have the same code,
    class and due day, and the open part of each line. Refused while a plan holds one of them.
    """
    last = last_service(ctx, case)
    if last is None or last.account_id == case.change.to_account_id:
        return {}
    items = [i for i in items_of(ctx, last.account_id) if i.agreement_id == last.id and i.open]
    debts = _debts(ctx, last)
    if any(item.plan_id for item in items):
        raise wrong(case.change.account, "a plan holds what is owed there: end the plan first")
    if len(items) + len(debts) > MAX_ITEMS:
        raise wrong(case.change.account, f"more than {MAX_ITEMS} debts are owed there")
    drafts = [_moved_item(ctx, item) for item in items] + [_moved_debt(ctx, d) for d in debts]
    if not drafts:
        return {}
    contra = [Entry(receivable(d.code), -d.amount, last.account_id) for d in drafts]
    account = need_account(ctx, case.change.to_account_id)
    raise_items(ctx, account, drafts, "debt-transfer", contra)
    for item in items:
        settle(ctx, item, item.open, "transfer", case.change.id)
    for debt in debts:
        ctx.stage.link("account-of-debt", debt.id, last.account_id)
        settle_debt(ctx, debt, debt.outstanding, "transfer", case.change.id)
    return {"debts_moved": sum(draft.amount for draft in drafts)}


def last_service(ctx: Context, case: Case) -> Service | None:
    id_ = ctx.stage.linked("last-service-at", case.change.service_point_id)
    found = ctx.stage.get(Service, id_) if id_ else None
    if found is not None:
        need_account(ctx, found.account_id)
    return found


def _debts(ctx: Context, service: Service) -> list[Debt]:
    return [
        debt
        for debt in debts_of(ctx, service.account_id)
        if debt.agreement_id == service.id and debt.outstanding
    ]


def _moved_item(_ctx: Context, item: OpenItem) -> Draft:
    lines = msgspec.json.decode(item.lines, type=list[tuple[str, int]])
    rest = [(ledger, half_up(part * item.open, item.amount)) for ledger, part in lines[1:]]
    first = item.open - sum(part for _, part in rest)
    return Draft(
        kind="moved",
        code=item.code,
        item_class=item.item_class,
        label=f"{item.label} (taken over with the service point)",
        due=item.due,
        lines=((lines[0][0], first), *rest),
        period=item.period,
        identity=f"moved/{item.id}",
    )


def _moved_debt(ctx: Context, debt: Debt) -> Draft:
    return Draft(
        kind="moved",
        code=debt.code,
        item_class="energy",
        label=f"{debt.code} (taken over with the service point)",
        due=due_day(ctx, 0),
        lines=((_NO_LINES, debt.outstanding),),
        identity=f"moved-debt/{debt.id}",
    )
