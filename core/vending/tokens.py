"""One token for a meter: its key, its TID, its row. Pure."""

from msgspec.structs import replace

from core.commodity import subclass_of
from core.company import Terms
from core.entities import Meter, PastSale
from core.handlers.base import Context
from core.refusals import Refusal, refuse
from core.sts.amounts import coin_1e5, currency_floor
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
from core.sts.module import CreditRequest, IssuedToken, MeterKey, Result, TokenRequest
from core.sts.tid import BaseDate, next_tid, tid_at
from core.sts.token import currency_credit
from core.units import is_money

NO_KEY = (
    SupplyGroupUnknownError,
    VendingKeyExpiredError,
    TestKeyError,
    DefaultKeyCreditError,
    TidExhaustedError,
    TimeBeforeBaseError,
)


def key_of(company: str, meter: Meter) -> MeterKey:
    """The decoder key that a meter has by the data on file."""
    return MeterKey(
        company, meter_pan(meter.drn), meter.ea, meter.sgc, meter.krn, meter.ti, meter.kt
    )


def tid_for(ctx: Context, meter: Meter, base: BaseDate) -> int:
    """The TID of the meter's next token. Errors: TidRunAheadError, TidExhaustedError.

    The meter remembers the TID and the base date that it counts from: after a change of base date
    the next token of the same minute must not have the same TID.
    """
    last = meter.last_tid if meter.last_tid >= 0 and base == meter.base_year else None
    return next_tid(tid_at(ctx.now_us, base), last, ctx.terms.token_ahead_minutes)


def refused(meter: Meter, error: StsError) -> Refusal | None:
    """The no of a key or of the clock in our words; None for anything else."""
    if isinstance(error, NO_KEY):
        return refuse("key-missing", sgc=meter.sgc, krn=meter.krn, why=str(error))
    if isinstance(error, TidRunAheadError):
        return refuse("tokens-too-fast", meter=meter.drn, why=str(error))
    return None


def make_token(ctx: Context, meter: Meter, tenths: int, place: str = "") -> IssuedToken:
    """Ask the built-in module for one credit token. Refusals: no key, clock ahead.

    ``place``: which one of the tokens that this message makes.
    """
    key = key_of(ctx.terms.code, meter)
    try:
        base = ctx.terms.module.describe(key).base_date
        tid = tid_for(ctx, meter, base)
        result = _made(ctx, meter, (key, tid), tenths)
        if isinstance(result, StsError):
            raise result
    except StsError as error:
        no = refused(meter, error)
        if no is None:
            raise
        raise no from error
    ctx.stage.put(meter.drn, replace(meter, last_tid=tid, base_year=int(base)))
    ctx.stage.link("made", f"{ctx.message_id}{place}", result)
    return result


def on_token(terms: Terms, meter: Meter, tenths: int) -> int:
    """What a credit token carries exactly, as modules take it: tenths of a unit; of money
    10^-5 of the currency, never more than was paid for."""
    if is_money(meter.commodity):
        return currency_floor(tenths // 10 * coin_1e5(terms.exponent))
    return tenths


def _made(ctx: Context, meter: Meter, at: tuple[MeterKey, int], tenths: int) -> Result:
    module, subclass = ctx.terms.module, subclass_of(meter.commodity, meter.drn)
    (key, tid), amount = at, on_token(ctx.terms, meter, tenths)
    if is_money(meter.commodity):
        data = currency_credit(subclass, tid, amount)
        (result,) = module.issue([TokenRequest(key, data)], ctx.now_us)
    else:
        request = CreditRequest(key, tid, ctx.draw.rnd, amount, subclass)
        (result,) = module.issue_credit([request], ctx.now_us)
    return result


def write_token(ctx: Context, sale: PastSale, token: IssuedToken, rnd: int) -> None:
    """The token of a sale as a row. ``rnd`` is 0 where the module drew it and does not say."""
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
        rnd=rnd,
        value=sale.units_tenths,
        sgc=sale.sgc,
        krn=sale.krn,
        ti=sale.ti,
        made_at=ctx.now_us,
    )
