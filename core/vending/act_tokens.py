"""The tokens of operators' acts: made by the module, written with the act as their one cause."""

import msgspec
from msgspec.structs import replace

from core.entities import Meter, TokenAct, TokenOnFile
from core.handlers.base import Context
from core.messages import RequestTokenAct
from core.refusals import Refusal, refuse
from core.sts.errors import (
    StsError,
    SupplyGroupUnknownError,
    TestKeyError,
    TidExhaustedError,
    TidRunAheadError,
    TimeBeforeBaseError,
    VendingKeyExpiredError,
)
from core.sts.layouts import Management
from core.sts.meter_id import meter_pan
from core.sts.module import IssuedToken, MeterKey, TokenRequest
from core.sts.tid import next_tid, tid_at
from core.sts.token import TokenData, extended_set, management
from core.vending.act_kinds import KINDS, Kind
from core.vending.sale import make_token

#: Class 1 tokens carry no TID; this stands in their row.
NO_TID = -1
_command = msgspec.json.Decoder(RequestTokenAct)

_NO_KEY = (
    SupplyGroupUnknownError,
    VendingKeyExpiredError,
    TestKeyError,
    TidExhaustedError,
    TimeBeforeBaseError,
)


def key_of(ctx: Context, meter: Meter) -> MeterKey:
    """The decoder key that a meter has by the data on file."""
    return MeterKey(
        ctx.terms.code, meter_pan(meter.drn), meter.ea, meter.sgc, meter.krn, meter.ti, meter.kt
    )


def refused(kind: str, meter: Meter, error: StsError) -> Refusal:
    """The module's no in our words."""
    if isinstance(error, TidRunAheadError):
        return refuse("tokens-too-fast", meter=meter.drn, why=str(error))
    if isinstance(error, _NO_KEY):
        return refuse("key-missing", sgc=meter.sgc, krn=meter.krn, why=str(error))
    return refuse("act-not-possible", kind=kind, meter=meter.drn, why=error.sentence.rstrip("."))


def issue_setting(
    ctx: Context, act: TokenAct, command: RequestTokenAct, meter: Meter
) -> IssuedToken:
    """A token of class 1 or 2 as its kind says. Refusals: no key, clock, not for this meter."""
    kind = KINDS[act.kind]
    try:
        if kind.of_class_1 is not None:
            return _keep(ctx, act, meter, _ask(ctx, meter, kind.of_class_1(command)))
        base = ctx.terms.module.describe(key_of(ctx, meter)).base_date
        last = meter.last_tid if meter.last_tid >= 0 and base == meter.base_year else None
        tid = next_tid(tid_at(ctx.now_us, base), last, ctx.terms.token_ahead_minutes)
        token = _ask(ctx, meter, _data(kind, command, tid, ctx.draw.rnd))
    except StsError as error:
        raise refused(act.kind, meter, error) from error
    ctx.stage.put(meter.drn, replace(meter, last_tid=tid, base_year=int(base)))
    return _keep(ctx, act, meter, token)


def _data(kind: Kind, command: RequestTokenAct, tid: int, rnd: int) -> TokenData:
    if kind.subclass == Management.EXTENDED_SET:
        return extended_set(tid, rnd, command.index, kind.coded(command))
    assert kind.subclass is not None
    return management(kind.subclass, tid, rnd, kind.coded(command))


def _ask(ctx: Context, meter: Meter, data: TokenData) -> IssuedToken:
    (result,) = ctx.terms.module.issue([TokenRequest(key_of(ctx, meter), data)], ctx.now_us)
    if isinstance(result, StsError):
        raise result
    return result


def _keep(ctx: Context, act: TokenAct, meter: Meter, token: IssuedToken) -> IssuedToken:
    ctx.stage.link("made", ctx.message_id, token)
    command = command_of(act)
    _write(ctx, act, meter, token, KINDS[act.kind].shown(command))
    return token


def issue_units(ctx: Context, act: TokenAct, meter: Meter, tenths: int) -> IssuedToken:
    """A credit token, made as for a sale; no price, no blocks. Refusals as for a sale."""
    if tenths > meter.max_credit_tenths:
        most = f"{meter.max_credit_tenths // 10}.{meter.max_credit_tenths % 10}"
        why = f"it takes at most {most} units at once"
        raise refuse("act-not-possible", kind=act.kind, meter=meter.drn, why=why)
    try:
        token = make_token(ctx, meter, tenths)
    except StsError as error:
        raise refused(act.kind, meter, error) from error
    _write(ctx, act, meter, token, tenths)
    return token


def _write(ctx: Context, act: TokenAct, meter: Meter, token: IssuedToken, value: int) -> None:
    tid = token.data.tid
    ctx.stage.add(
        "token",
        **{"class": int(token.data.token_class)},
        id=ctx.new_id("token"),
        company=ctx.terms.code,
        digits=token.digits,
        cause=KINDS[act.kind].cause,
        cause_id=act.id,
        meter_id=meter.id,
        subclass=token.data.subclass,
        tid=NO_TID if tid is None else tid,
        rnd=0 if tid is None else ctx.draw.rnd,
        value=value,
        sgc=meter.sgc,
        krn=meter.krn,
        ti=meter.ti,
        made_at=ctx.now_us,
    )


def make_void(ctx: Context, act: TokenAct, token: TokenOnFile) -> None:
    """From now on the token is neither printed nor replaced again."""
    ctx.stage.add(
        "token_void", token_id=token.id, company=ctx.terms.code, act_id=act.id, at=ctx.now_us
    )
    void = replace(token, void_by=act.id)
    for reference in filter(None, (token.digits, token.receipt)):
        ctx.stage.put((token.drn, reference), void)


def is_good(ctx: Context, meter: Meter, digits: str) -> bool:
    """Whether the meter, with the data on file, can read these digits."""
    try:
        ctx.terms.module.decode(key_of(ctx, meter), digits)
    except StsError:
        return False
    return True


def command_of(act: TokenAct) -> RequestTokenAct:
    """What was asked for."""
    return _command.decode(act.command)
