"""One purchase decided: checks, price, token, postings, receipt, notices. Pure.

With the built-in security module a sale is accepted, issuing and issued in one transaction (see
``states``): either all of it is written, or nothing happened.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from core.book import Stage
from core.commodity import subclass_of
from core.entities import Account, Agreement, AgreementState, Debt, Meter, PastSale, Phone
from core.handlers.base import Context
from core.ledger import Transaction, post
from core.messages import Answer, CreditVend, Outcome, Recipient, SendNotice
from core.queries.views import SaleView
from core.refusals import Refusal, refuse
from core.store.load_key_changes import shown_with
from core.sts.errors import (
    DefaultKeyCreditError,
    StsError,
    SupplyGroupUnknownError,
    TestKeyError,
    TidExhaustedError,
    TidRunAheadError,
    TimeBeforeBaseError,
    VendingKeyExpiredError,
)
from core.sts.meter_id import meter_pan
from core.sts.module import CreditRequest, IssuedToken, MeterKey
from core.sts.tid import next_tid, tid_at
from core.vending import checks, free_units, key_change
from core.vending.price import Price, price_purchase
from core.vending.receipt import entries, lines_json, sale_view
from core.vending.states import Move, SaleState, moved

#: A sale tells at most so many recipients: the buyer, the holder, and some to spare.
MAX_RECIPIENTS = 4

#: Where a sale comes to when the built-in module has answered: all its moves in one transaction.
_ISSUED = str(moved(SaleState.QUOTED, Move.CONFIRM, Move.ASK_MODULE, Move.TOKEN))
_DONE = Outcome.DONE

_NO_KEY = (
    SupplyGroupUnknownError,
    VendingKeyExpiredError,
    TestKeyError,
    DefaultKeyCreditError,
    TidExhaustedError,
    TimeBeforeBaseError,
)

#: What is told of a sale, by what it shows of a key change.
_TEMPLATES = {
    "": "token",
    "due": "token-key-due",
    "first": "token-key-change",
    "again": "token-key-change-again",
}


def decide_vend(ctx: Context, command: CreditVend) -> Answer:
    """Sell, or refuse with a code. Raises Refusal; any other exception is a fault of ours."""
    terms, stage, now = ctx.terms, ctx.stage, ctx.now_us
    if command.tender <= 0:
        raise refuse("tender-not-positive", tender=command.tender)
    meter, agreement = checks.sellable(terms, stage, command.meter)
    payer = checks.payer_of(stage, command, agreement)
    if command.currency != payer.currency or payer.currency != terms.currency:
        raise refuse(
            "currency-wrong",
            currency=command.currency,
            account=payer.number,
            expected=payer.currency,
        )
    _ask_about_repeat(ctx, command, meter, payer)
    if not command.holder_confirmed and not checks.is_own(stage, command.phone, agreement):
        raise _ask_about_holder(ctx, command, agreement)
    checks.within_limits(terms, stage, command, meter)
    if payer.spendable < command.tender:
        raise refuse(
            "credit-insufficient",
            account=payer.number,
            credit=payer.spendable,
            tender=command.tender,
            currency=payer.currency,
        )
    price = price_purchase(terms, stage, meter, agreement, command.tender, now)
    _ask_about_quote(command, price, meter.commodity)
    return _issue(ctx, command, Bought(meter, agreement, payer, price))


class Bought(msgspec.Struct, frozen=True, gc=False):
    """A purchase that nothing stands against."""

    meter: Meter
    agreement: Agreement
    payer: Account
    price: Price


def _ask_about_repeat(ctx: Context, command: CreditVend, meter: Meter, payer: Account) -> None:
    if command.another:
        return
    earlier = checks.likely_repeat(
        ctx.terms, ctx.stage, meter, command.tender, payer.id, ctx.now_us
    )
    if earlier is None:
        return
    key = key_change.newest(ctx.stage, meter)
    minutes = max(1, (ctx.now_us - earlier.priced_at) // checks.MINUTE_US)
    raise Refusal(
        "likely-repeat",
        {"receipt": earlier.receipt, "minutes": minutes, "meter": meter.drn},
        msgspec.to_builtins(
            sale_view(ctx.terms, shown_with(key, earlier), ctx.stage.get(Phone, command.phone))
        ),
    )


def _ask_about_holder(ctx: Context, command: CreditVend, agreement: Agreement) -> Refusal:
    """Another's meter: the buyer sees the masked name, and away from a menu he gets a code."""
    args: dict[str, Any] = {
        "meter": command.meter,
        "holder": checks.masked(agreement.holder),
        "tender": command.tender,
        "currency": command.currency,
    }
    if command.answer_by_notice:
        args["code"] = ctx.draw.code
        ctx.stage.add(
            "confirmation",
            id=ctx.new_id("confirmation"),
            company=ctx.terms.code,
            phone=command.phone,
            code=ctx.draw.code,
            state="waiting",
            command=msgspec.json.encode(command).decode(),
            expires=ctx.now_us + ctx.terms.confirm_minutes * checks.MINUTE_US,
        )
    return refuse("confirm-holder", **args)


def _ask_about_quote(command: CreditVend, price: Price, commodity: str) -> None:
    if command.quoted_tenths is not None and command.quoted_tenths != price.units_tenths:
        raise refuse(
            "quote-changed",
            quoted=command.quoted_tenths,
            units=price.units_tenths,
            meter=command.meter,
            commodity=commodity,
        )


def _issue(ctx: Context, command: CreditVend, bought: Bought) -> Answer:
    agreement, payer, price = bought.agreement, bought.payer, bought.price
    priced = price.priced
    at_sale = key_change.at_sale(ctx, bought.meter, price.tariff.tariff.ti)
    meter = at_sale.meter
    token = make_token(ctx, meter, price.units_tenths)
    sale_id = ctx.new_id("sale")
    sale = PastSale(
        id=sale_id,
        receipt=f"{ctx.terms.receipt_series}{ctx.new_id(receipt_ids(ctx.terms.code)):08d}",
        phone=command.phone,
        payer_account_id=payer.id,
        meter_id=meter.id,
        drn=meter.drn,
        account_number=payer.number,
        currency=payer.currency,
        tender=command.tender,
        units_tenths=price.units_tenths,
        carried_forward=priced.carried_forward,
        lines=lines_json(priced.lines),
        priced_at=ctx.now_us,
        token=token.digits,
        sgc=meter.sgc,
        krn=meter.krn,
        ti=meter.ti,
        key_change=at_sale.mark,
        kct=at_sale.tokens,
        commodity=meter.commodity,
    )
    posted = entries(
        priced.lines, payer.id, agreement.account_id, command.tender, priced.carried_forward
    )
    txn = Transaction(
        ctx.new_id("ledger_txn"), ctx.terms.code, "sale", payer.currency, ctx.message_id, ctx.now_us
    )
    post(ctx.stage, txn, posted)
    _remember(ctx.stage, sale, bought)
    _write_sale(ctx, sale, bought)
    _write_token(ctx, sale, token)
    sale = free_units.with_purchase(ctx, agreement, sale, make_token)
    view = msgspec.to_builtins(sale_view(ctx.terms, sale, ctx.stage.get(Phone, command.phone)))
    tell(ctx, command.reply, _TEMPLATES[sale.key_change], view, sale_id)
    return Answer(outcome=_DONE, data=view)


def receipt_ids(company: str) -> str:
    """The series that a company's receipt numbers are drawn from."""
    return f"receipt/{company}"


def make_token(ctx: Context, meter: Meter, tenths: int, place: str = "") -> IssuedToken:
    """Ask the built-in module for one credit token. Refusals: no key, clock ahead.

    The meter remembers the TID and the base date that it counts from: after a change of base date
    the next token of the same minute must not have the same TID. ``place``: which one of the tokens
    that this message makes.
    """
    key = MeterKey(
        ctx.terms.code, meter_pan(meter.drn), meter.ea, meter.sgc, meter.krn, meter.ti, meter.kt
    )
    try:
        base = ctx.terms.module.describe(key).base_date
        last = meter.last_tid if meter.last_tid >= 0 and base == meter.base_year else None
        tid = next_tid(tid_at(ctx.now_us, base), last, ctx.terms.token_ahead_minutes)
        subclass = subclass_of(meter.commodity, meter.drn)
        request = CreditRequest(key, tid, ctx.draw.rnd, tenths, subclass)
        (result,) = ctx.terms.module.issue_credit([request], ctx.now_us)
        if isinstance(result, StsError):
            raise result
    except _NO_KEY as error:
        raise refuse("key-missing", sgc=meter.sgc, krn=meter.krn, why=str(error)) from error
    except TidRunAheadError as error:
        raise refuse("tokens-too-fast", meter=meter.drn, why=str(error)) from error
    ctx.stage.put(meter.drn, replace(meter, last_tid=tid, base_year=int(base)))
    ctx.stage.link("made", f"{ctx.message_id}{place}", result)
    return result


def _remember(stage: Stage, sale: PastSale, bought: Bought) -> None:
    """The evolving state: what the next message of the batch must see."""
    price = bought.price
    state = stage.need(AgreementState, bought.agreement.id)
    stage.put(
        bought.agreement.id,
        replace(
            state,
            period=price.period,
            units_milli=price.priced.units_this_period,
            fixed_through=price.priced.fixed_through or 0,
        ),
    )
    for debt_id, after in zip(price.debt_ids, price.priced.debts, strict=True):
        before = stage.need(Debt, debt_id)
        assert before.code == after.code, "debts come back in their order"
        if before.outstanding != after.outstanding:
            stage.put(debt_id, replace(before, outstanding=after.outstanding))
    recent = stage.linked("recent-sales", bought.meter.id) or ()
    stage.link("recent-sales", bought.meter.id, (sale, *recent))
    last = stage.linked("last-sales", sale.phone)
    if last is not None:
        stage.link("last-sales", sale.phone, (sale, *last))
    for name, key in (("spent-meter_id", sale.meter_id), ("spent-phone", sale.phone)):
        stage.link(name, key, (stage.linked(name, key) or 0) + sale.tender)


def _write_sale(ctx: Context, sale: PastSale, bought: Bought) -> None:
    ctx.stage.add(
        "sale",
        id=sale.id,
        company=ctx.terms.code,
        message_id=ctx.message_id,
        state=_ISSUED,
        channel=ctx.channel,
        phone=sale.phone,
        payer_account_id=sale.payer_account_id,
        account_id=bought.agreement.account_id,
        agreement_id=bought.agreement.id,
        meter_id=sale.meter_id,
        currency=sale.currency,
        tender=sale.tender,
        units_tenths=sale.units_tenths,
        carried_forward=sale.carried_forward,
        period=bought.price.period,
        tariff=bought.price.tariff_name,
        lines=sale.lines,
        receipt=sale.receipt,
        priced_at=sale.priced_at,
    )


def _write_token(ctx: Context, sale: PastSale, token: IssuedToken) -> None:
    data = token.data
    ctx.stage.add(
        "token",
        **{"class": int(data.token_class)},
        id=ctx.new_id("token"),
        company=ctx.terms.code,
        digits=token.digits,
        cause="sale",
        cause_id=sale.id,
        meter_id=sale.meter_id,
        subclass=data.subclass,
        tid=data.tid,
        rnd=ctx.draw.rnd,
        value=sale.units_tenths,
        sgc=sale.sgc,
        krn=sale.krn,
        ti=sale.ti,
        made_at=sale.priced_at,
    )


def tell(
    ctx: Context,
    recipients: tuple[Recipient, ...],
    template: str,
    args: dict[str, Any],
    sale_id: int = 0,
) -> None:
    """One notice, one row and one message per recipient and way."""
    for recipient in recipients[:MAX_RECIPIENTS]:
        notice_id = ctx.new_id("notice")
        ctx.stage.emit(
            SendNotice(
                way=recipient.way,
                recipient=recipient.address,
                template=template,
                args=args,
                language=_language_of(ctx.stage, recipient),
                notice_id=notice_id,
                channel=recipient.channel,
            ),
            party=recipient.address,
        )
        ctx.stage.add(
            "notice",
            id=notice_id,
            company=ctx.terms.code,
            message_id=ctx.message_id,
            sale_id=sale_id,
            way=recipient.way,
            recipient=recipient.address,
            template=template,
            state="queued",
            detail="",
            queued_at=ctx.now_us,
            updated_at=ctx.now_us,
        )


def _language_of(stage: Stage, recipient: Recipient) -> str:
    """The language registered with the phone, else the one that he used."""
    phone = stage.get(Phone, recipient.address)
    return phone.language if phone is not None and phone.language else recipient.language


__all__ = ["SaleView", "decide_vend", "make_token", "tell"]
