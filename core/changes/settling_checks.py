"""What must be so before money moves: nothing in flight, a reading of today, the final bill."""

from datetime import date, timedelta

from core.calendars import local_date
from core.changes.cases import Case, billed_days, meter_at, wrong
from core.changes.entities import Service, Used
from core.commodity import by_token, wrong_unit
from core.entities import Meter
from core.handlers.base import Context
from core.refusals import refuse
from core.sts.errors import StsError
from core.tariffs.errors import NoTariffError
from core.vending.checks import MINUTE_US
from core.vending.tokens import key_of


def nothing_in_flight(ctx: Context, agreement: int, meter: Meter | None) -> None:
    """A token that a security module still makes belongs to the life before."""
    orders = [ctx.stage.linked("open-order", agreement)]
    if meter is not None:
        orders.append(ctx.stage.linked("open-act-order", meter.drn))
    for order in orders:
        if order is not None:
            minutes = max(1, (ctx.now_us - order.ordered_at) // MINUTE_US)
            raise refuse("sale-pending", meter=order.meter, minutes=minutes)


def reading_holds(ctx: Context, case: Case, meter: Meter | None) -> None:
    """The reading is of these days; no units came to the meter since, and none were paid back."""
    change = case.change
    if not case.kind.reads:
        return
    age = local_date(ctx.now_us, ctx.terms.zone) - date.fromisoformat(change.read_on)
    if age > timedelta(days=case.terms.reading_days):
        raise wrong(change.account, f"the reading is of {change.read_on}: read again")
    if meter is not None and credited_at(ctx, meter) >= change.read_at:
        what = f"meter {meter.drn} got a token since it was read: read again"
        raise wrong(change.account, what)
    if meter is not None and (ctx.stage.linked("last-refund", meter.drn) or 0) >= change.read_at:
        what = f"a refund clears meter {meter.drn}: end it (confirm or fail), then read again"
        raise wrong(change.account, what)


def credited_at(ctx: Context, meter: Meter) -> int:
    """When the meter got its last credit token, from us; 0: never. Of this batch too."""
    made: list[int] = [
        row["made_at"]
        for row in ctx.stage.book.rows.get("token", ())
        if row["meter_id"] == meter.id and row["class"] == 0
    ]
    return max((*made, ctx.stage.linked("last-credit", meter.id) or 0))


def newest_used(ctx: Context, agreement: int) -> Used | None:
    """The usage of the newest period in which there is some."""
    periods = ctx.stage.linked("used-in", agreement) or ()
    found: Used | None = ctx.stage.linked("used", (agreement, max(periods))) if periods else None
    return found


def finally_billed(ctx: Context, case: Case, service: Service) -> Used:
    """The bill of the days up to the reading is out: of exactly the newest usage."""
    account, used = case.change.account, newest_used(ctx, service.id)
    if used is None or used.last != case.change.read_on:
        raise wrong(account, f"no usage up to {case.change.read_on} is on file: read again")
    month = f"{used.period // 100}-{used.period % 100:02d}"
    if not used.bill_id:
        how = f"wattbus billrun plan {month} --agreement {service.id}"
        raise wrong(account, f"the final bill up to {used.last} is not made: {how}")
    if used.billed_usage != used.usage_id:
        how = f"wattbus billrun plan {month} --rebill --agreement {service.id}"
        raise wrong(account, f"bill {used.bill_id} is not of the final reading: {how}")
    if used.bill_state != "issued":
        raise wrong(account, f"the final bill {used.bill_id} is {used.bill_state}, not issued")
    _none_before(ctx, account, service)
    return used


def _none_before(ctx: Context, account: str, service: Service) -> None:
    """Runs bill who is billed: what no bill is of now, none would ever be of. Usage of days by
    token is not billed, nor is that of a period that was closed without it."""
    days = billed_days(ctx, service.id)
    for period in ctx.stage.linked("used-in", service.id) or ():
        used: Used = ctx.stage.linked("used", (service.id, period))
        ours = days is None or used.first >= days.first
        if ours and used.bill_state != "issued" and ctx.stage.linked("open-period", period):
            month = f"{period // 100}-{period % 100:02d}"
            how = f"wattbus billrun plan {month} --agreement {service.id}"
            raise wrong(account, f"what was used up to {used.last} is not billed: {how}")


def can_be_billed(ctx: Context, case: Case, service: Service) -> None:
    """Days that tokens have paid must not be on a bill, nor two bills be in one period."""
    used, account = newest_used(ctx, service.id), case.change.account
    if used is not None and used.last >= case.change.read_on:
        what = f"usage up to {used.last} is on file of days that tokens have paid"
        raise wrong(account, what)
    month = int(case.change.read_on[:4] + case.change.read_on[5:7])
    if used is not None and used.period == month and used.bill_id:
        what = f"bill {used.bill_id} of this month is up to {used.last}: switch next month"
        raise wrong(account, what)
    days = billed_days(ctx, service.id)
    if days is not None and not days.last:
        raise AssertionError(f"prepaid agreement {service.id} is billed since {days.first}")


def fits_mode(ctx: Context, account: str, tariff: str, mode: str) -> None:
    """The tariff is there, and says how this mode is priced."""
    found = ctx.terms.tariffs.get(tariff)
    if found is None:
        known = ", ".join(sorted(ctx.terms.tariffs))
        raise wrong(account, f"no tariff {tariff or '(name one)'}; there are: {known}")
    if found.tariff.mode not in (mode, "both"):
        raise wrong(account, f"tariff {tariff} is {found.tariff.mode}: name one that is {mode}")


def can_be_prepaid(ctx: Context, account: str, service: Service) -> Meter:
    """Purchases will be possible: one meter, by token, a key for it, a tariff in its unit."""
    meter = meter_at(ctx, service.service_point_id)
    if meter is None:
        raise wrong(account, "there is not exactly one meter at the service point")
    if meter.state != "active":
        raise wrong(account, f"meter {meter.drn} is {meter.state}")
    by_token(meter.commodity, meter.drn)
    fits_mode(ctx, account, service.tariff, "prepaid")
    tariff = ctx.terms.tariffs[service.tariff]
    try:
        tariff.at(local_date(ctx.now_us, ctx.terms.zone))
    except NoTariffError as error:
        raise wrong(account, str(error)) from error
    strange = wrong_unit(meter.commodity, meter.drn, service.tariff, tariff.tariff.unit)
    if strange is not None:
        raise strange
    try:
        ctx.terms.describe(key_of(ctx.terms.code, meter))
    except StsError as error:
        raise refuse("key-missing", sgc=meter.sgc, krn=meter.krn, why=str(error)) from error
    return meter
