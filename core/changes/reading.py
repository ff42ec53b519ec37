"""The meter is read: what is left in it, what was used, what a new one shows."""

from datetime import date, timedelta

import msgspec

from core.calendars import first_day, local_date, period_of
from core.changes.cases import Case, billed_days, keep, meter_at, moved, service_now, today, wrong
from core.changes.entities import Service, Used
from core.changes.settling_checks import nothing_in_flight
from core.changes.states import ChangeMove
from core.commodity import units_only
from core.entities import Meter
from core.handlers.base import Context
from core.messages import MoveChange
from core.refusals import refuse
from core.sts.amounts import UNITS_MAX
from core.vending.act_kinds import READ

#: A register above this is a slip of the finger: a million units in milli-units, a thousand times.
MOST = 10**12


def read(ctx: Context, case: Case, command: MoveChange) -> dict[str, object]:
    """Put the reading on file; of a bill's agreement its usage, which the final bill is made of."""
    change = moved(case.change, ChangeMove.READ)
    service = service_now(ctx, change)
    meter = meter_at(ctx, service.service_point_id)
    _evident(command, case, meter)
    nothing_in_flight(ctx, service.id, meter)
    for registers in (command.readings, command.opening, command.usage):
        if any(not 0 <= value <= MOST for value in registers.values()):
            raise wrong(change.account, f"a register shows 0 to {MOST} milli-units")
    if case.kind.exchanges and not command.opening:
        raise wrong(change.account, "say what the new meter shows (opening)")
    left = _left(command, case, service, meter)
    readings = {"closing": command.readings, "opening": command.opening, "usage": command.usage}
    facts: dict[str, object] = {"read_on": today(ctx), "remaining_tenths": left}
    if service.mode == "postpaid" and (case.kind.closes or case.kind.to_mode):
        facts["period"] = _use(ctx, case, command, service)
    keep(ctx, msgspec.structs.replace(
        change, read_on=today(ctx), read_at=ctx.now_us, remaining_tenths=left,
        readings=msgspec.json.encode(readings, order="sorted").decode(),
        evidence=command.evidence.strip() or change.evidence,
    ))  # fmt: skip
    return facts


def _evident(command: MoveChange, case: Case, meter: Meter | None) -> None:
    words = command.evidence.split(maxsplit=1)
    if not words or words[0].rstrip(":").lower() not in READ:
        needs = f"beginning with one of: {', '.join(READ)}"
        drn = meter.drn if meter else ""
        raise refuse("act-evidence-missing", kind=case.kind.name, meter=drn, needs=needs)


def _left(command: MoveChange, case: Case, service: Service, meter: Meter | None) -> int:
    """Tenths of a unit that are left in a prepaid meter."""
    if service.mode != "prepaid":
        if command.remaining_tenths > 0:
            raise wrong(case.change.account, "nothing is left in a meter that takes no tokens")
        return 0
    if not 0 <= command.remaining_tenths <= UNITS_MAX:
        what = f"say how many units are left in the meter, 0 to {UNITS_MAX // 10}"
        raise wrong(case.change.account, what)
    if command.remaining_tenths and meter is not None:
        units_only(meter.commodity, meter.drn)  # money cannot be valued or moved: use it up first
    return command.remaining_tenths


def _use(ctx: Context, case: Case, command: MoveChange, service: Service) -> int:
    """Write the usage up to today; the next version of its period. The period.

    It begins after what earlier periods have, and not before the agreement's billed days. A run
    that has frozen an earlier version bills that; the final reading then corrects the bill. So a
    day is on one bill: bills of a period replace each other, and no period has days of another.
    """
    account, last = case.change.account, local_date(ctx.now_us, ctx.terms.zone)
    period = period_of(last)
    if not command.usage:
        raise wrong(account, "say what was used since the last bill (usage)")
    if not ctx.stage.linked("open-period", period):
        month = f"{period // 100}-{period % 100:02d}"
        raise wrong(account, f"billing period {month} is not open: wattbus billrun open {month}")
    first = _first(ctx, service, period)
    if first > last:
        raise wrong(account, f"days up to {last} are billed already")
    now: Used | None = ctx.stage.linked("used", (service.id, period))
    used = Used(
        ctx.new_id("bill_usage"), period, now.version + 1 if now else 1, first.isoformat(),
        last.isoformat(), *((now.bill_id, now.billed_usage, now.bill_state) if now else ()),
    )  # fmt: skip
    ctx.stage.add(
        "bill_usage",
        id=used.usage_id,
        company=ctx.terms.code,
        agreement_id=service.id,
        period=period,
        version=used.version,
        first=used.first,
        last=used.last,
        registers=msgspec.json.encode(command.usage, order="sorted").decode(),
        source=f"change/{case.change.id}",
        estimated=0,
        recorded_at=ctx.now_us,
    )
    ctx.stage.link("used", (service.id, period), used)
    periods = {*(ctx.stage.linked("used-in", service.id) or ()), period}
    ctx.stage.link("used-in", service.id, tuple(sorted(periods)))
    return period


def _first(ctx: Context, service: Service, period: int) -> date:
    """The first day that the final bill is for."""
    days = [first_day(period), date.fromisoformat(service.since)]
    billed = billed_days(ctx, service.id)
    if billed is not None:
        days.append(date.fromisoformat(billed.first))
    earlier = [each for each in ctx.stage.linked("used-in", service.id) or () if each < period]
    if earlier:
        before: Used = ctx.stage.linked("used", (service.id, max(earlier)))
        days.append(date.fromisoformat(before.last) + timedelta(days=1))
    return max(days)
