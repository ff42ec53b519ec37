"""The change becomes true: mode, meter, agreement or holder are others, in one transaction.

No money moves here: it has moved, or it is undone. After it there is no way back but another
change.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from core.calendars import local_period
from core.changes.cases import (
    Case,
    billed_days,
    installs,
    is_taken,
    keep,
    meter_at,
    moved,
    need_account,
    put_service,
    service_now,
    today,
    with_tariff,
    wrong,
)
from core.changes.debts import finally_paid, last_service
from core.changes.entities import BilledDays, Holding, Service
from core.changes.fees import recover_fees
from core.changes.phones import add_phones, end_phones, saved_anew
from core.changes.requesting import check_new_meter
from core.changes.settling_checks import (
    can_be_prepaid,
    finally_billed,
    nothing_in_flight,
    reading_holds,
)
from core.changes.shares import end_shares, pass_shares
from core.changes.states import ChangeMove
from core.collection.charges import hand_over
from core.collection.items import items_of
from core.entities import Agreement, AgreementState, Meter
from core.handlers.base import Context
from core.messages.accounts import MeterLink
from core.sts.amounts import encodable_floor
from core.vending.act_checks import MAX_WORDS
from core.vending.pauses import end_open

Facts = dict[str, Any]


def switch(ctx: Context, case: Case) -> Facts:
    """Check once more, then do what the kind says."""
    change = moved(case.change, ChangeMove.SWITCH, switched_at=ctx.now_us)
    facts: Facts = msgspec.json.decode(case.change.did)
    if change.agreement_id:
        service = service_now(ctx, change)
        meter = meter_at(ctx, service.service_point_id)
        nothing_in_flight(ctx, service.id, meter)
        reading_holds(ctx, case, meter)
        facts |= _switch_service(ctx, case, replace(service, state="active"))
    if case.kind.opens:
        facts |= _open(ctx, case)
    if case.kind.renames:
        facts |= _rename(ctx, case)
    recover_fees(ctx, case, facts["agreement"] if case.kind.opens else 0)
    keep(ctx, replace(change, did=msgspec.json.encode(facts).decode()))
    return facts


def _switch_service(ctx: Context, case: Case, service: Service) -> Facts:
    if case.kind.exchanges:
        put_service(ctx, service)
        return _exchange(ctx, case, service)
    if case.kind.to_mode == "postpaid":
        put_service(ctx, replace(with_tariff(case, service), mode="postpaid"))
        _begin_billing(ctx, case, service.id, case.change.read_on)
        ended = end_open(ctx, service.id) if case.terms.pauses == "ended" else []
        return {"mode": "postpaid", **({"pauses_ended": ended} if ended else {})}
    if case.kind.to_mode == "prepaid":
        return _to_prepaid(ctx, case, service)
    if service.mode == "postpaid":
        finally_billed(ctx, case, service)
        _end_billing(ctx, case, service)
    put_service(ctx, replace(service, state="closed", to_us=ctx.now_us))
    for install in installs(ctx, service.service_point_id):
        ctx.stage.link("agreement-of", install.meter_id, None)
    shares = end_shares(ctx, case, service)
    return {"closed": service.id, **({"shares_ended": shares} if shares else {})}


def _to_prepaid(ctx: Context, case: Case, service: Service) -> Facts:
    """The blocks go on with what the final bill has counted, and its month's charges are paid."""
    can_be_prepaid(ctx, case.change.account, with_tariff(case, service))
    finally_paid(ctx, case, service)
    used = finally_billed(ctx, case, service)
    _end_billing(ctx, case, service)
    put_service(ctx, replace(with_tariff(case, service), mode="prepaid"))
    state = ctx.stage.need(AgreementState, service.id)
    units = used.consumption if used.period == local_period(ctx.now_us, ctx.terms.zone) else 0
    if state.period == used.period:  # sold before he was billed, in the same month
        units += state.units_milli
    ctx.stage.put(
        service.id,
        replace(state, period=used.period, units_milli=units, fixed_through=used.period),
    )
    return {"mode": "prepaid"}


def _begin_billing(ctx: Context, case: Case, agreement: int, first: str) -> None:
    """Days from the reading on are billed; what the meter showed then stays on file."""
    readings = msgspec.json.decode(case.change.readings, type=dict[str, dict[str, int]])
    days = BilledDays(
        id=ctx.new_id("billed_days"),
        company=ctx.terms.code,
        agreement_id=agreement,
        first=first,
        last="",
        readings=msgspec.json.encode(readings.get("closing", {}), order="sorted").decode(),
        change_id=case.change.id,
    )
    ctx.stage.add("billed_days", **msgspec.structs.asdict(days))
    ctx.stage.put(days.id, days)
    ctx.stage.link("billed-days", agreement, days.id)


def _end_billing(ctx: Context, case: Case, service: Service) -> None:
    """No day after the reading is billed."""
    if billed_days(ctx, service.id) is None:
        _begin_billing(ctx, case, service.id, service.since)
    days = billed_days(ctx, service.id)
    assert days is not None
    ctx.stage.put(days.id, replace(days, last=case.change.read_on))


def _exchange(ctx: Context, case: Case, service: Service) -> Facts:
    """The old meter is out, the new one in; the agreement keeps what its tariff remembers."""
    link = case.asked.meter
    check_new_meter(ctx, case.change.account, link, service)
    assert link is not None
    old_install = installs(ctx, service.service_point_id)[0]
    old = meter_at(ctx, service.service_point_id)
    assert old is not None
    ctx.stage.put(old_install.id, replace(old_install, to_us=ctx.now_us))
    ctx.stage.put(old.drn, replace(old, state="exchanged"))
    ctx.stage.link("agreement-of", old.id, None)
    new = _new_meter(ctx, link, service)
    saved_anew(ctx, old, new)
    moved_on = case.terms.exchange_credit == "moved"
    left = encodable_floor(case.change.remaining_tenths) if moved_on else 0
    ctx.stage.link("left-in", old.drn, (case.change.id, left))
    return {"old_meter": old.drn, "new_meter": new.drn, "to_move_tenths": left}


def _new_meter(ctx: Context, link: MeterLink, service: Service) -> Meter:
    values = msgspec.structs.asdict(link)
    blocked = values.pop("blocked")
    meter = Meter(
        **values, id=ctx.new_id("meter"), company=ctx.terms.code, kt=2, last_tid=-1,
        state="blocked" if blocked else "active", block_reason=blocked,
    )  # fmt: skip
    ctx.stage.put(meter.drn, meter)
    ctx.stage.add("meter", **msgspec.structs.asdict(meter))
    install = ctx.new_id("meter_install")
    ctx.stage.add(
        "meter_install", id=install, meter_id=meter.id,
        service_point_id=service.service_point_id, from_us=ctx.now_us,
    )  # fmt: skip
    ctx.stage.link("installed-at", service.service_point_id, ())
    ctx.stage.link("agreement-of", meter.id, service.id)
    return meter


def _open(ctx: Context, case: Case) -> Facts:
    """The agreement of who comes, at the meter that is there."""
    asked, change = case.asked, case.change
    account = need_account(ctx, change.to_account_id)
    if is_taken(ctx, change.service_point_id):
        raise wrong(change.account, "the service point is not vacant any more")
    before = last_service(ctx, case)
    leaving = before if change.agreement_id else None
    service = Service(
        id=ctx.new_id("agreement"),
        account_id=account.id,
        service_point_id=change.service_point_id,
        tariff=asked.tariff or (leaving.tariff if leaving else ""),
        mode=asked.mode or (leaving.mode if leaving else ""),
        state="active",
        since=today(ctx),
    )
    meter = meter_at(ctx, change.service_point_id)
    if service.mode == "prepaid":
        meter = can_be_prepaid(ctx, change.account, service)
    _write_agreement(ctx, service, account.number, asked.name)
    if service.mode == "postpaid":
        _begin_billing(ctx, case, service.id, service.since)
    for install in installs(ctx, change.service_point_id):
        ctx.stage.link("agreement-of", install.meter_id, service.id)
    add_phones(ctx, asked, account.id, meter)
    _recover_moved(ctx, case, service)
    shares = pass_shares(ctx, case, before, service)
    facts: Facts = {"shares_passed": shares} if shares else {}
    return {"agreement": service.id, "mode": service.mode, **facts}


def _write_agreement(ctx: Context, service: Service, number: str, holder: str) -> None:
    row = {name: getattr(service, name) for name in
           ("account_id", "service_point_id", "tariff", "mode", "state", "since")}  # fmt: skip
    ctx.stage.add("agreement", id=service.id, company=ctx.terms.code, **row, from_us=ctx.now_us)
    owner = ctx.stage.get(Holding, service.account_id)
    known = ctx.stage.linked("customer-name", owner.customer_id) if owner else ""
    ctx.stage.put(service.id, Agreement(
        id=service.id, account_id=service.account_id, tariff=service.tariff, mode=service.mode,
        state=service.state, since=service.since, holder=known or holder, account_number=number,
    ))  # fmt: skip
    state = AgreementState(id=service.id, period=0, units_milli=0, fixed_through=0)
    ctx.stage.put(service.id, state)
    ctx.stage.add("agreement_state", agreement_id=service.id)
    put_service(ctx, service)


def _recover_moved(ctx: Context, case: Case, service: Service) -> None:
    """Debts that came with the service point are paid by purchases, where that is declared."""
    if service.mode != "prepaid" or case.terms.final_bill != "recovered":
        return
    for item in items_of(ctx, service.account_id):
        if item.message_id == case.change.settle_id and item.kind == "moved" and item.open:
            hand_over(ctx, item, service.id, case.terms.recovery)


def _rename(ctx: Context, case: Case) -> Facts:
    """Another holder: his customer number, his phones; the old ones may spend nothing any more."""
    account = need_account(ctx, case.change.account_id)
    customer = ctx.stage.linked("customer", case.asked.customer)
    ctx.stage.put(account.id, Holding(id=account.id, customer_id=customer))
    end_phones(ctx, account.id)
    add_phones(ctx, case.asked, account.id, None)
    name = ctx.stage.linked("customer-name", customer) or case.asked.name
    for id_ in ctx.stage.linked("services-of", account.id) or ():
        agreement = ctx.stage.need(Agreement, id_)
        ctx.stage.put(id_, replace(agreement, holder=name))
    return {"holder": case.asked.customer}


def confirm(ctx: Context, case: Case, evidence: str) -> Facts:
    """Somebody has seen that it is so; of units that move to a new meter, that they have."""
    words, account = evidence.strip(), case.change.account
    if not words or len(words) > MAX_WORDS:
        raise wrong(account, f"say what shows that it is so, in at most {MAX_WORDS} characters")
    facts: Facts = msgspec.json.decode(case.change.did)
    left, old = facts.get("to_move_tenths", 0), facts.get("old_meter", "")
    if left and not ctx.stage.linked("moved-from", old):
        what = (
            f"{left // 10}.{left % 10} units are still in meter {old}: "
            f"wattbus act request credit-transfer {facts['new_meter']} --from-meter {old}"
        )
        raise wrong(account, what)
    keep(ctx, moved(case.change, ChangeMove.CONFIRM, ended_at=ctx.now_us, evidence=words))
    return {}
