"""One token for a meter: its key, its TID, its row. Pure."""

from msgspec.structs import replace

from core.commodity import subclass_of
from core.entities import Meter, PastSale
from core.handlers.base import Context
from core.refusals import Refusal, refuse
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
from core.sts.tid import BaseDate, next_tid, tid_at

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
        subclass = subclass_of(meter.commodity, meter.drn)
        request = CreditRequest(key, tid, ctx.draw.rnd, tenths, subclass)
        (result,) = ctx.terms.module.issue_credit([request], ctx.now_us)
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
