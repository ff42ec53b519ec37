"""Instalments: what is owed is moved to items of its own, due one after the other."""

from datetime import date

from msgspec.structs import asdict, replace

from core.calendars import add_months, first_day, local_date, period_of
from core.collection.allocation import CLASSES
from core.collection.entities import OpenItem, PayPlan
from core.collection.items import (
    MAX_ITEMS,
    Draft,
    items_of,
    raise_items,
    receivable,
    settle,
)
from core.collection.states import PLAN_MOVES, PlanMove, PlanState
from core.collection.tenders import not_now, unknown, wrong
from core.entities import Account
from core.handlers.base import Context
from core.ledger import Entry
from core.messages import RequestMoneyAct
from core.money import allocate

INSTALMENT = "instalment"
#: Days from an agreement to its first instalment: later than a year it is no plan but a gift.
MOST_AHEAD = 366


def due_days(first: date, count: int) -> list[str]:
    """The same day of each month from ``first`` on; the last day of a month that is too short."""
    days = []
    for number in range(count):
        month = add_months(period_of(first), number)
        after = first_day(add_months(month, 1))
        last = date.fromordinal(after.toordinal() - 1)
        days.append(last.replace(day=min(first.day, last.day)).isoformat())
    return days


def check_plan(ctx: Context, command: RequestMoneyAct, account: Account) -> int:
    """What the plan would be about; a refusal where there is nothing to plan."""
    items = _covered(ctx, command, account)
    total = sum(item.open for item in items)
    most = min(MAX_ITEMS // len({item.item_class for item in items}), total)
    if not 2 <= command.instalments <= most:
        raise wrong(f"instalments are 2 to {most} of {total} minor units")
    first, today = day_of(command.on), local_date(ctx.now_us, ctx.terms.zone)
    if not 0 <= (first - today).days <= MOST_AHEAD:
        raise wrong(f"the first instalment is due from {today} on, within a year")
    return total


def day_of(text: str) -> date:
    """A local day of a command; refused when it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise wrong(f"{text or 'nothing'} is no day: write YYYY-MM-DD") from None


def _covered(ctx: Context, command: RequestMoneyAct, account: Account) -> list[OpenItem]:
    """The items named, or all that are open and not instalments yet."""
    found = [i for i in items_of(ctx, account.id) if i.open and not i.plan_id]
    if command.items:
        strange = set(command.items) - {item.id for item in found}
        if strange:
            raise not_now(f"item {min(strange)} is not open, or an instalment")
        found = [item for item in found if item.id in command.items]
    if not found:
        raise not_now(f"account {account.number} owes nothing that could be paid in instalments")
    return found


def make_plan(ctx: Context, command: RequestMoneyAct, account: Account) -> PayPlan:
    """Close the items and raise the instalments, in one transaction."""
    items = _covered(ctx, command, account)
    total = sum(item.open for item in items)
    plan = PayPlan(
        id=ctx.new_id("pay_plan"),
        company=ctx.terms.code,
        account_id=account.id,
        state=PlanState.ACTIVE.value,
        total=total,
        instalments=command.instalments,
        operator=command.operator,
        reason=command.reason.strip(),
        made_at=ctx.now_us,
        closed_at=0,
    )
    ctx.stage.add("pay_plan", **asdict(plan))
    ctx.stage.put(plan.id, plan)
    contra = [Entry(receivable(item.code), -item.open, account.id) for item in items]
    parts = by_class(items, plan.instalments)
    agreements = {item.agreement_id for item in items}
    agreement = agreements.pop() if len(agreements) == 1 else 0
    for item in items:
        settle(ctx, item, item.open, "plan", plan.id)
    days = due_days(day_of(command.on), plan.instalments)
    drafts = [
        Draft(
            kind=INSTALMENT,
            code=INSTALMENT,
            item_class=item_class,
            label=f"Instalment {number} of {plan.instalments}",
            due=day,
            lines=((receivable(INSTALMENT), amount),),
            agreement_id=agreement,
            plan_id=plan.id,
        )
        for number, (day, shares) in enumerate(zip(days, parts, strict=True), start=1)
        for item_class, amount in shares
    ]
    raise_items(ctx, account, drafts, "plan", contra)
    return plan


def by_class(items: list[OpenItem], count: int) -> list[list[tuple[str, int]]]:
    """What of each instalment is of which class: a penalty stays one, and bears no late fee.

    The instalments are equal but for the remainder; each is of all classes in the proportion of
    what is left of them, so that together they are exactly what was owed of each.
    """
    left: dict[str, int] = {
        name: sum(i.open for i in items if i.item_class == name) for name in CLASSES
    }
    left = {name: amount for name, amount in left.items() if amount}
    found: list[list[tuple[str, int]]] = []
    for amount in allocate(sum(left.values()), [1] * count):
        shares = allocate(amount, list(left.values()))
        found.append([(name, part) for name, part in zip(left, shares, strict=True) if part])
        left = {name: left[name] - part for name, part in zip(left, shares, strict=True)}
        left = {name: amount for name, amount in left.items() if amount}
    return found


def plan_of(ctx: Context, command: RequestMoneyAct, account: Account, move: PlanMove) -> PayPlan:
    """The plan that is to end, a refusal where it cannot."""
    plan = ctx.stage.get(PayPlan, command.plan)
    if plan is None or plan.account_id != account.id:
        raise unknown(f"account {account.number} has no plan {command.plan}")
    if (PlanState(plan.state), move) not in PLAN_MOVES:
        raise not_now(f"plan {plan.id} is {plan.state}: {move} is not possible")
    return plan


def end_plan(ctx: Context, plan: PayPlan, move: PlanMove) -> int:
    """What is left of it is due today; returns how much that is."""
    today = local_date(ctx.now_us, ctx.terms.zone).isoformat()
    left = 0
    for item in items_of(ctx, plan.account_id):
        if item.plan_id == plan.id and item.open:
            left += item.open
            ctx.stage.put(item.id, replace(item, due=min(item.due, today)))
    after = PLAN_MOVES[PlanState(plan.state), move]
    ctx.stage.put(plan.id, replace(plan, state=after.value, closed_at=ctx.now_us))
    return left
