"""Units on credit: a token without money, worth what it would have cost. Pure.

The books are as if the units had been sold: income and taxes are posted, but against
``receivable:advance``, and what is owed is a debt that the next purchase pays before any other. The
month's blocks go on as after a sale. Month charges and other debts are not taken: they wait for the
purchase that brings money. At a module on the network the token comes later: ``ordered_advance``.
"""

from typing import Final

import msgspec
from msgspec.structs import asdict, replace

from core.calendars import local_date, period_of
from core.collection.charges import fee_of
from core.collection.items import book, receivable
from core.collection.tenders import wrong
from core.collection.terms import ADVANCE, AdvanceTerms
from core.commodity import units_only
from core.entities import Account, Agreement, AgreementState, Debt, Meter
from core.handlers.base import Context
from core.ledger import Entry
from core.messages import Recipient
from core.refusals import refuse
from core.sts.amounts import encodable_floor
from core.sts.module import IssuedToken
from core.tariffs.sale import Line, Priced, SaleState
from core.tariffs.shapes import TAX_AUTHORITY
from core.tariffs.solving import price, solve
from core.vending.owed import debts_of, refuse_if_blocked
from core.vending.pauses import open_pause
from core.vending.price import MILLI_PER_TENTH, NO_PRICE, Known, known, no_price, sale_state, sold
from core.vending.receipt import ledger_of, lines_json, stored_lines
from core.vending.sale_rows import new_receipt

CAUSE: Final = "advance"
#: Below any that a company can declare: it is paid first.
PRIORITY: Final = -1


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks for what: a ``phone``, or an ``operator`` with his ``reason``."""

    meter: str
    amount: int = 0
    phone: str = ""
    operator: str = ""
    reason: str = ""
    reply: tuple[Recipient, ...] = ()


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """What an advance is: its units, its receipt's lines (JSON), what they come to.

    ``amount`` and ``fee`` in minor units, taxes included. ``period`` and ``units_milli`` are what
    the agreement's blocks remember afterwards.
    """

    units_tenths: int
    lines: str
    amount: int
    fee: int
    tariff: str
    period: int
    units_milli: int

    @property
    def owed(self) -> int:
        """What the next purchase pays."""
        return self.amount + self.fee


def worth(ctx: Context, meter: Meter, agreement: Agreement, amount: int) -> Worth:
    """Check everything and price the advance; raises Refusal, and changes nothing."""
    terms, stage = ctx.terms, ctx.stage
    units_only(meter.commodity, meter.drn)
    rule = terms.collection.advances
    if rule is None:
        raise refuse("advance-not-offered", meter=meter.drn, company=terms.name)
    _may_have_one(ctx, meter, agreement, rule)
    limits = {"limit": rule.limit, "currency": terms.currency}
    if not 0 <= amount <= rule.limit:
        raise refuse("advance-above", tender=amount, **limits)
    left = known(terms, stage, agreement, ctx.now_us)
    try:
        state, priced = _priced(ctx, (meter, agreement), left, amount or rule.limit)
    except NO_PRICE as error:
        raise no_price(meter, agreement, error) from error
    lines = tuple(line for line in priced.lines if line.amount)
    fee = _fee_lines(ctx, rule)
    return Worth(
        units_tenths=priced.units_milli // MILLI_PER_TENTH,
        lines=lines_json((*fee, *lines)),
        amount=sum(line.amount for line in lines),
        fee=sum(line.amount for line in fee),
        tariff=f"{agreement.tariff}@{priced.valid_from.isoformat()}",
        period=max(period_of(state.on), left.state.period),
        units_milli=priced.units_this_period,
    )


def _priced(
    ctx: Context, at: tuple[Meter, Agreement], left: Known, amount: int
) -> tuple[SaleState, Priced]:
    """The units that ``amount`` buys, at what they cost and not a coin more: nothing is carried
    forward on credit."""
    (meter, agreement), terms = at, ctx.terms
    policy = msgspec.structs.replace(terms.deductions, fee=None)
    state = replace(sale_state(terms, meter, agreement, left, ctx.now_us), debts=(), fixed_due=())
    tariff = terms.tariffs[agreement.tariff]
    found = sold(terms, meter, solve(tariff, amount, state, policy, encodable_floor))
    return state, price(tariff, found.units_milli, state, policy)


def _may_have_one(ctx: Context, meter: Meter, agreement: Agreement, rule: AdvanceTerms) -> None:
    terms, stage = ctx.terms, ctx.stage
    account = stage.need(Account, agreement.account_id)
    if account.state != "active":
        raise refuse("account-closed", account=account.number)
    if account.currency != terms.currency:
        raise refuse(
            "currency-wrong",
            currency=terms.currency,
            account=account.number,
            expected=account.currency,
        )
    pause = open_pause(stage, agreement.id)
    if pause is not None:
        why = {"why": pause.why, "help_line": terms.help_line}
        raise refuse("advance-blocked", meter=meter.drn, **why)
    owed = sum(debt.outstanding for debt in debts_of(stage, agreement) if debt.code == ADVANCE)
    if owed:
        raise refuse("advance-open", meter=meter.drn, owed=owed, currency=terms.currency)
    if (stage.linked("advances-of", agreement.id) or 0) >= rule.per_month:
        raise refuse("advance-count", meter=meter.drn, most=rule.per_month)
    refuse_if_blocked(terms, stage, meter, agreement, local_date(ctx.now_us, terms.zone))


def _fee_lines(ctx: Context, rule: AdvanceTerms) -> tuple[Line, ...]:
    """The fee and its tax as lines of the receipt."""
    if not rule.fee:
        return ()
    fee, today = fee_of(ctx, rule.fee), local_date(ctx.now_us, ctx.terms.zone)
    version = fee.at(today)
    if version is None:
        raise wrong(f"fee {fee.code} has no price on {today}")
    net, tax = version.parts()
    lines = [Line("fee", fee.code, fee.label, net, "none", fee.payee)]
    if tax:
        lines.append(
            Line(
                "tax", fee.tax_code, fee.tax_code, tax, "standard", TAX_AUTHORITY,
                rate_e8=version.tax_e8, base=net,
            )
        )  # fmt: skip
    return tuple(line for line in lines if line.amount)


def give(
    ctx: Context,
    wish: Wish,
    at: tuple[Meter, Agreement],
    granted: tuple[int, Worth],
    token: tuple[IssuedToken, int],
) -> str:
    """Everything that an advance leaves behind; its receipt. ``granted``: its id and its worth,
    ``token``: as made, with its random bits (0 where a module keeps them)."""
    (meter, agreement), (advance_id, what) = at, granted
    debt = _owe(ctx, agreement, what)
    entries = [Entry(receivable(ADVANCE), what.owed, agreement.account_id)]
    entries += [Entry(ledger_of(line), -line.amount) for line in stored_lines(what.lines)]
    txn_id = book(ctx, CAUSE, entries)
    receipt = new_receipt(ctx)
    ctx.stage.add(
        "advance",
        id=advance_id,
        company=ctx.terms.code,
        message_id=ctx.message_id,
        channel=ctx.channel,
        phone=wish.phone,
        operator=wish.operator,
        reason=wish.reason,
        currency=ctx.terms.currency,
        tariff=what.tariff,
        lines=what.lines,
        receipt=receipt,
        account_id=agreement.account_id,
        agreement_id=agreement.id,
        meter_id=meter.id,
        amount=what.amount,
        fee=what.fee,
        units_tenths=what.units_tenths,
        period=what.period,
        debt_id=debt.id,
        txn_id=txn_id,
        issued_at=ctx.now_us,
    )
    _write_token(ctx, meter, token, advance_id, what.units_tenths)
    _carry_on(ctx, agreement, what)
    count = ctx.stage.linked("advances-of", agreement.id) or 0
    ctx.stage.link("advances-of", agreement.id, count + 1)
    return receipt


def _owe(ctx: Context, agreement: Agreement, what: Worth) -> Debt:
    debt = Debt(
        id=ctx.new_id("debt"),
        agreement_id=agreement.id,
        code=ADVANCE,
        priority=PRIORITY,
        method="all",
        value=0,
        cap_per_sale=0,
        outstanding=what.owed,
    )
    ctx.stage.add("debt", **asdict(debt), company=ctx.terms.code)
    ctx.stage.put(debt.id, debt)
    open_ = ctx.stage.linked("debts-of", agreement.id) or ()
    ctx.stage.link("debts-of", agreement.id, (*open_, debt.id))
    return debt


def _carry_on(ctx: Context, agreement: Agreement, what: Worth) -> None:
    """The month's blocks, as after a sale; a month that has begun meanwhile counts for itself."""
    state = ctx.stage.need(AgreementState, agreement.id)
    if state.period > what.period:
        units = state.units_milli + what.units_tenths * MILLI_PER_TENTH
        ctx.stage.put(agreement.id, replace(state, units_milli=units))
        return
    ctx.stage.put(agreement.id, replace(state, period=what.period, units_milli=what.units_milli))


def _write_token(
    ctx: Context, meter: Meter, token: tuple[IssuedToken, int], advance_id: int, tenths: int
) -> None:
    made, rnd = token
    ctx.stage.add(
        "token",
        **{"class": int(made.data.token_class)},
        id=ctx.new_id("token"),
        company=ctx.terms.code,
        digits=made.digits,
        cause=CAUSE,
        cause_id=advance_id,
        meter_id=meter.id,
        subclass=made.data.subclass,
        tid=made.data.tid,
        rnd=rnd,
        value=tenths,
        sgc=meter.sgc,
        krn=meter.krn,
        ti=meter.ti,
        made_at=ctx.now_us,
    )
