"""What units left in a meter are worth, and the monthly charges that no purchase has paid."""

from collections.abc import Sequence
from datetime import date, timedelta

from core.calendars import local_date, period_of
from core.changes.cases import wrong
from core.changes.entities import Service
from core.entities import Agreement, AgreementState, Meter
from core.handlers.base import Context
from core.ledger import Entry
from core.money import half_up
from core.refusals import refuse
from core.store.load_facts import NOTHING
from core.tariffs.compiling import CompiledTariff, CompiledVersion
from core.tariffs.errors import NoTariffError
from core.tariffs.pricing import unit_lines
from core.tariffs.sale import Line
from core.tariffs.shapes import E8
from core.vending.accrued import Accrued, accrued_of
from core.vending.act_money import refund_entries
from core.vending.price import MILLI_PER_TENTH, NO_PRICE, same_limits
from core.vending.receipt import ledger_of


def units_entries(
    ctx: Context, meter: Meter, service: Service, tenths: int, how: str
) -> list[Entry]:
    """What is posted when ``tenths`` left in the meter are paid for: the income and tax, back.

    ``how``: as the last sales had posted it, at today's tariff as the last units of the month, or
    (``lost``, ``moved``) nothing.
    """
    if not tenths or how in ("lost", "moved"):
        return []
    if how == "last-sales":
        return refund_entries(ctx, meter, tenths, ctx.now_us)
    tariff, version = _version(ctx, service)
    state, today = ctx.stage.need(AgreementState, service.id), _today(ctx)
    period = max(period_of(today), state.period)
    counts = same_limits(tariff, today, state.period, period, _category(ctx, service))
    sold = state.units_milli if counts else 0
    units = tenths * MILLI_PER_TENTH
    lines = unit_lines(version, max(0, sold - units), units, (), tariff.tariff.unit)
    lines += _tender_tax(version, lines)
    return [Entry(ledger_of(line), line.amount) for line in lines if line.amount]


def accrued_charges(ctx: Context, service: Service, *, whole_month: bool) -> Accrued:
    """The charges of the months that no sale has collected; ``whole_month`` False: up to the month
    before, for what comes is billed by the day."""
    tariff, _ = _version(ctx, service)
    agreement, today = ctx.stage.need(Agreement, service.id), _today(ctx)
    until = today if whole_month else today.replace(day=1) - timedelta(days=1)
    if until < max(date.fromisoformat(service.since), tariff.days[0]):
        through = ctx.stage.need(AgreementState, service.id).fixed_through
        return Accrued(lines=(), total=0, months=(), through=through)
    try:
        return accrued_of(ctx.terms, ctx.stage, agreement, until)
    except NO_PRICE as error:
        raise _no_price(service, error) from error


def _tender_tax(version: CompiledVersion, lines: Sequence[Line]) -> list[Line]:
    """The tax that would have lain inside the money that buys this: upon all of it."""
    tax, net = version.tender_tax, sum(line.amount for line in lines)
    if tax is None or not net:
        return []
    amount = half_up(net * tax.rate_e8, E8)
    return [Line("tax", tax.code, tax.label, amount, tax.tax_class, tax.payee, base=net)]


def _version(ctx: Context, service: Service) -> tuple[CompiledTariff, CompiledVersion]:
    tariff = ctx.terms.tariffs.get(service.tariff)
    if tariff is None:
        raise wrong(str(service.id), f"there is no tariff {service.tariff}")
    try:
        return tariff, tariff.at(_today(ctx), _category(ctx, service))
    except NoTariffError as error:
        raise _no_price(service, error) from error


def _category(ctx: Context, service: Service) -> str:
    return (ctx.stage.linked("facts-of", service.id) or NOTHING).category


def _no_price(service: Service, error: Exception) -> Exception:
    return refuse("tariff-missing", meter="", tariff=service.tariff, why=str(error))


def _today(ctx: Context) -> date:
    return local_date(ctx.now_us, ctx.terms.zone)
