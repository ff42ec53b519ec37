"""What operators' acts post: units given away, a tamper fee, money for units given back.

Every transaction sums to zero; nothing is changed, what undoes is posted beside it.
"""

from collections.abc import Iterable, Sequence

import msgspec

from core.calendars import local_date, period_of
from core.commodity import wrong_unit
from core.entities import Account, Agreement, AgreementState, Debt, Meter
from core.handlers.base import Context
from core.ledger import CUSTOMER_CREDIT, Entry, Transaction, post
from core.messages import RequestTokenAct
from core.refusals import refuse
from core.store.load_acts import Refundable
from core.store.load_facts import NOTHING
from core.tariffs.compiling import NoTariffError
from core.tariffs.pricing import unit_lines
from core.tariffs.shapes import OWN
from core.vending.price import MILLI_PER_TENTH, same_limits
from core.vending.receipt import ledger_of, stored_lines

#: The receipt's code of a tamper fee that is recovered from purchases, and its place among debts.
FINE, FINE_PRIORITY = "fine", 5


def book(ctx: Context, kind: str, entries: Iterable[Entry]) -> None:
    """Post a transaction of this message."""
    id_, terms = ctx.new_id("ledger_txn"), ctx.terms
    txn = Transaction(id_, terms.code, kind, terms.currency, ctx.message_id, ctx.now_us)
    post(ctx.stage, txn, entries)


def agreement_at(ctx: Context, meter: Meter) -> Agreement:
    """The meter's active agreement; a refusal where there is none."""
    found = ctx.stage.get(Agreement, ctx.stage.linked("agreement-of", meter.id))
    if found is None or found.state != "active":
        raise refuse("agreement-missing", meter=meter.drn)
    return found


def worth(ctx: Context, meter: Meter, tenths: int) -> list[Entry]:
    """Our own income that these units would have been at the price of the day: per receipt code.

    They are priced on top of what was sold in the month, without charges, levies for others and
    tax, for nothing is sold; and they do not count in the month's blocks.
    """
    agreement = agreement_at(ctx, meter)
    tariff = ctx.terms.tariffs.get(agreement.tariff)
    today = local_date(ctx.now_us, ctx.terms.zone)
    try:
        if tariff is None:
            raise NoTariffError(f"no tariff {agreement.tariff}")
        version = tariff.at(today, (ctx.stage.linked("facts-of", agreement.id) or NOTHING).category)
        wrong = wrong_unit(meter.commodity, meter.drn, agreement.tariff, tariff.tariff.unit)
    except NoTariffError as error:
        why = str(error)
        raise refuse("tariff-missing", meter=meter.drn, tariff=agreement.tariff, why=why) from error
    if wrong is not None:
        raise wrong
    state = ctx.stage.need(AgreementState, agreement.id)
    period = max(period_of(today), state.period)
    before = state.units_milli if same_limits(tariff, today, state.period, period) else 0
    lines = unit_lines(version, before, tenths * MILLI_PER_TENTH, (), tariff.tariff.unit)
    own = [line for line in lines if line.step == "energy" and line.payee == OWN]
    return [Entry(ledger_of(line), -line.amount) for line in own]


def give_away(ctx: Context, kind: str, ledger: str, income: Sequence[Entry]) -> int:
    """Units given away: the expense against the income that they would have been; its amount."""
    amount = -sum(entry.amount for entry in income)
    if amount:
        book(ctx, kind, [Entry(ledger, amount), *income])
    return amount


def can_charge(ctx: Context, command: RequestTokenAct, meter: Meter) -> None:
    """Whether a fee can be taken: from the credit, or as a debt if that was asked for."""
    if not command.fee:
        return
    account = ctx.stage.need(Account, agreement_at(ctx, meter).account_id)
    if account.spendable < command.fee and not command.as_debt:
        raise refuse(
            "credit-insufficient",
            account=account.number,
            credit=account.spendable,
            tender=command.fee,
            currency=account.currency,
        )


def charge(ctx: Context, command: RequestTokenAct, meter: Meter) -> int:
    """Take the fee; returns it. What the credit does not cover becomes a debt as a whole."""
    if not command.fee:
        return 0
    can_charge(ctx, command, meter)
    agreement = agreement_at(ctx, meter)
    account = ctx.stage.need(Account, agreement.account_id)
    income = Entry("revenue:tamper-fee", -command.fee)
    if account.spendable >= command.fee:
        book(ctx, "tamper-fee", [Entry(CUSTOMER_CREDIT, command.fee, account.id), income])
        return command.fee
    book(ctx, "tamper-fee", [Entry(f"receivable:{FINE}", command.fee, account.id), income])
    debt = Debt(
        id=ctx.new_id("debt"),
        agreement_id=agreement.id,
        code=FINE,
        priority=FINE_PRIORITY,
        method="all",
        value=0,
        cap_per_sale=0,
        outstanding=command.fee,
    )
    ctx.stage.add("debt", **msgspec.structs.asdict(debt), company=ctx.terms.code)
    ctx.stage.put(debt.id, debt)
    known = ctx.stage.linked("debts-of", agreement.id) or ()
    ctx.stage.link("debts-of", agreement.id, (*known, debt.id))
    return command.fee


def refund_entries(ctx: Context, meter: Meter, tenths: int, until_us: int) -> list[Entry]:
    """What the last sales posted for these units, the other way round: energy and its taxes.

    The units left in a meter are those bought last. Monthly charges, fees and debts stay paid.
    Refused when fewer units were sold since the last refund.
    """
    left, entries = tenths, []
    for sale in ctx.stage.linked("refundable", meter.drn) or ():
        if sale.priced_at <= until_us and left:
            taken = min(left, sale.units_tenths)
            entries += _back(sale, taken)
            left -= taken
    if left:
        sold = tenths - left
        why = f"only {sold // 10}.{sold % 10} units were sold since the last refund"
        raise refuse("act-not-possible", kind="refund", meter=meter.drn, why=why)
    return entries


def _back(sale: Refundable, taken: int) -> list[Entry]:
    """The share of a sale's lines that ``taken`` of its units are; rounded half up, once a line."""
    lines = stored_lines(sale.lines)
    energy = sum(line.amount for line in lines if line.step == "energy")
    entries = []
    for line in lines:
        # a tax also lies upon charges that stay: only the part of it upon the energy goes back,
        # and nothing of one that does not lie upon the energy
        if line.step not in ("energy", "tax") or (line.step == "tax" and line.base < energy):
            continue
        upon = line.base if line.step == "tax" else energy
        over, under = line.amount * energy * taken, upon * sale.units_tenths
        if under:
            entries.append(Entry(ledger_of(line), (2 * over + under) // (2 * under)))
    return entries


def pay_back(ctx: Context, meter: Meter, entries: Sequence[Entry]) -> int:
    """Money for units given back becomes credit of the meter's account; returns the amount."""
    amount = sum(entry.amount for entry in entries)
    if amount:
        owner = agreement_at(ctx, meter).account_id
        book(ctx, "refund", [*entries, Entry(CUSTOMER_CREDIT, -amount, owner)])
    return amount
