"""The money of a change, in one transaction of the store: by two people, and once.

What is left in the meter becomes credit as declared, charges that no sale collected are owed, a
final bill is paid or recovered by purchases, securities pay what is owed, debts go where they are
declared to go. Each part is a posting of its own; nothing is sold until the change goes on.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from core.changes.cases import (
    Case,
    meter_at,
    moved,
    need_account,
    put_service,
    service_now,
    with_tariff,
)
from core.changes.dates import due_day
from core.changes.debts import finally_paid, move_debts, pay_advances, reopen_items
from core.changes.entities import Raised, Service
from core.changes.fees import of_leaving, of_others
from core.changes.settling_checks import (
    can_be_billed,
    can_be_prepaid,
    finally_billed,
    nothing_in_flight,
    reading_holds,
)
from core.changes.states import ChangeMove
from core.changes.worth import accrued_charges, units_entries
from core.collection.act_held import DEPOSITS
from core.collection.business import told
from core.collection.charges import hand_over
from core.collection.entities import Allocated, Deposit, OpenItem
from core.collection.items import Draft, book, items_of, raise_items
from core.collection.payments import pay_from, rule_of
from core.entities import Account, Agreement, AgreementState, Meter
from core.handlers.base import Context
from core.ledger import CUSTOMER_CREDIT, Entry
from core.vending.accrued import Accrued, settled_through
from core.vending.receipt import ledger_of

ACCRUED = "accrued-charges"
Facts = dict[str, Any]


def check_settle(ctx: Context, case: Case) -> int:
    """Everything that could stand against it; what the customer gets (minor units)."""
    moved(case.change, ChangeMove.SETTLE)
    if not case.change.agreement_id:
        return 0
    service = service_now(ctx, case.change)
    meter = meter_at(ctx, service.service_point_id)
    nothing_in_flight(ctx, service.id, meter)
    reading_holds(ctx, case, meter)
    if service.mode == "postpaid" and (case.kind.closes or case.kind.to_mode):
        finally_billed(ctx, case, service)
    if case.kind.to_mode == "postpaid":
        can_be_billed(ctx, case, service)
    if case.kind.to_mode == "prepaid":
        can_be_prepaid(ctx, case.change.account, with_tariff(case, service))
        finally_paid(ctx, case, service)
    if _ends_purchases(case, service):
        _accrued(ctx, case, service)  # what has no price is said to who asks, not to who approves
    return sum(entry.amount for entry in _left(ctx, case, service, meter))


def settle(ctx: Context, case: Case) -> Facts:
    """Move the money; nothing is sold at the place from now on, until it is switched or undone."""
    before, facts = len(ctx.stage.rows), dict[str, Any]()
    undo_of: Facts = {}
    change = case.change
    if change.agreement_id:
        service = service_now(ctx, change)
        state = ctx.stage.need(AgreementState, service.id)
        undo_of = {"fixed_through": state.fixed_through}
        facts = _settle_service(ctx, case, service)
        put_service(ctx, replace(service_now(ctx, change), state="changing"))
        ctx.stage.link("changing-by", service.id, change.id)
    if case.kind.opens and case.terms.debts_follow == "service-point":
        facts |= move_debts(ctx, case)
    facts |= told([*facts.pop("fees", ()), *of_others(ctx, case)])
    _remember(ctx, before)
    done = moved(
        change, ChangeMove.SETTLE, valued=facts.get("credited", 0), settle_id=ctx.message_id,
        settled_at=ctx.now_us, before=msgspec.json.encode(undo_of).decode(),
        did=msgspec.json.encode(facts).decode(),
    )  # fmt: skip
    ctx.stage.put(done.id, done)
    return facts


def _left(ctx: Context, case: Case, service: Service, meter: Meter | None) -> list[Entry]:
    """What the units left in the meter are paid for with."""
    if service.mode != "prepaid" or meter is None:
        return []
    how = case.terms.exchange_credit if case.kind.exchanges else case.terms.remaining_credit
    return units_entries(ctx, meter, service, case.change.remaining_tenths, how)


def _settle_service(ctx: Context, case: Case, service: Service) -> Facts:
    facts: Facts = {}
    account = need_account(ctx, service.account_id)
    meter = meter_at(ctx, service.service_point_id)
    entries = _left(ctx, case, service, meter)
    credited = sum(entry.amount for entry in entries)
    if credited and meter is not None:
        book(ctx, "change-credit", [*entries, Entry(CUSTOMER_CREDIT, -credited, account.id)])
        ctx.stage.link("refundable", meter.drn, ())
        facts["credited"] = credited
    if _ends_purchases(case, service):
        facts |= _accrue(ctx, case, service, account)
        facts |= pay_advances(ctx, service, credited)
        facts |= reopen_items(ctx, service)
    if case.kind.to_mode == "prepaid" and case.terms.final_bill == "recovered":
        facts |= _recover(ctx, case, service)
    facts["fees"] = of_leaving(ctx, case, service, account)
    if case.kind.closes and case.terms.deposits == "set-off":
        facts |= _set_off(ctx, service)
    return facts


def _ends_purchases(case: Case, service: Service) -> bool:
    return service.mode == "prepaid" and bool(case.kind.closes or case.kind.to_mode)


def _accrued(ctx: Context, case: Case, service: Service) -> Accrued:
    return accrued_charges(ctx, service, whole_month=case.kind.to_mode != "postpaid")


def _accrue(ctx: Context, case: Case, service: Service, account: Account) -> Facts:
    """Monthly charges that no sale has collected are owed; the month of a change to bills is the
    bill's."""
    accrued = _accrued(ctx, case, service)
    settled_through(ctx.stage, ctx.stage.need(Agreement, service.id), accrued)
    if not accrued.total:
        return {}
    sums: dict[str, int] = {}
    for line in accrued.lines:
        sums[ledger_of(line)] = sums.get(ledger_of(line), 0) + line.amount
    (item,) = raise_items(ctx, account, [Draft(
        kind="accrued",
        code=ACCRUED,
        item_class="fee",
        label=f"Monthly charges up to {accrued.through // 100}-{accrued.through % 100:02d}",
        due=due_day(ctx, case.terms.due_days),
        lines=tuple(sums.items()),
        agreement_id=service.id,
        period=accrued.through,
        identity=f"accrued/{service.id}/{accrued.through}",
    )], ACCRUED)  # fmt: skip
    return {"accrued": item.amount, "accrued_item": item.id}


def _recover(ctx: Context, case: Case, service: Service) -> Facts:
    """Purchases will pay what is open; what is in a plan stays in it."""
    handed = [
        hand_over(ctx, item, service.id, case.terms.recovery)
        for item in items_of(ctx, service.account_id)
        if item.agreement_id == service.id and item.open and not item.plan_id
    ]
    return {"recovered": sum(debt.outstanding for debt in handed)} if handed else {}


def _set_off(ctx: Context, service: Service) -> Facts:
    """Securities pay what is open; what is left of them is paid back by its own act."""
    used = 0
    for kind in DEPOSITS:
        deposit = ctx.stage.get(Deposit, (service.account_id, kind))
        if deposit is None or not deposit.held:
            continue
        account = need_account(ctx, service.account_id)
        part = pay_from(ctx, account, f"deposit:{kind}", deposit.held, rule_of(ctx, ""))
        after = replace(deposit, held=deposit.held - part)
        ctx.stage.put((account.id, kind), after)
        used += part
    return {"deposit_used": used} if used else {}


def _remember(ctx: Context, before: int) -> None:
    """What an undoing in the same batch must see of it."""
    rows = ctx.stage.rows[before:]
    items = [row["id"] for table, row in rows if table == "open_item"]
    made: dict[str, tuple[Any, ...]] = {
        "settled-txns": tuple(row["id"] for table, row in rows if table == "ledger_txn"),
        "settled-rows": tuple(
            Allocated(**{name: row[name] for name in Allocated.__struct_fields__})
            for table, row in rows
            if table == "allocation"
        ),
        "settled-items": tuple(
            Raised(id_) for id_ in items if ctx.stage.get(OpenItem, id_) is not None
        ),
    }
    for name, values in made.items():
        ctx.stage.link(name, ctx.message_id, values)
