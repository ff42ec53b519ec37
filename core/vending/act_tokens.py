"""The tokens of operators' acts: made by the module, written with the act as their one cause."""

import msgspec
from msgspec.structs import replace

from core.commodity import subclass_of
from core.entities import Meter, TokenAct, TokenOnFile
from core.handlers.base import Context
from core.messages import RequestTokenAct
from core.refusals import Refusal, refuse
from core.sts.errors import FieldRangeError, StsError
from core.sts.layouts import CREDIT, MANAGEMENT, Management
from core.sts.module import IssuedToken, TokenRequest
from core.sts.token import TokenData, extended_set, management
from core.units import quantity
from core.vending import tokens
from core.vending.act_kinds import KINDS, Kind
from core.vending.token_orders import Asked
from core.vending.tokens import key_of, make_token, on_token

#: Class 1 tokens carry no TID; this stands in their row.
NO_TID = -1
_command = msgspec.json.Decoder(RequestTokenAct)
#: The address of a vending key: supply group, revision, tariff index.
Under = tuple[str, int, str]


class Elsewhere(Exception):  # noqa: N818 - not a fault
    """The token is not made here: it is to be ordered at a module on the network."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self.asked = asked


def _came(ctx: Context, act: TokenAct) -> IssuedToken | None:
    """The token that a module on the network has made for this act."""
    came: IssuedToken | None = ctx.stage.linked("came", act.id)
    return came


def refused(kind: str, meter: Meter, error: StsError) -> Refusal:
    """The module's no in our words."""
    known = tokens.refused(meter, error)
    if known is not None:
        return known
    return refuse("act-not-possible", kind=kind, meter=meter.drn, why=error.sentence.rstrip("."))


def issue_setting(
    ctx: Context, act: TokenAct, command: RequestTokenAct, meter: Meter
) -> IssuedToken:
    """A token of class 1 or 2 as its kind says. Refusals: no key, clock, not for this meter."""
    kind = KINDS[act.kind]
    came = _came(ctx, act)
    if came is not None:
        _write(ctx, act, meter, came, kind.shown(command))
        return came
    try:
        if kind.subclass is not None and meter.sgc in ctx.terms.remotes:
            raise Elsewhere(_setting_asked(kind, command))
        if kind.of_class_1 is not None:
            return _keep(ctx, act, meter, _ask(ctx, meter, kind.of_class_1(command)))
        base = ctx.terms.module.describe(key_of(ctx.terms.code, meter)).base_date
        tid = tokens.tid_for(ctx, meter, base)
        token = _ask(ctx, meter, _data(kind, command, tid, ctx.draw.rnd))
    except StsError as error:
        raise refused(act.kind, meter, error) from error
    ctx.stage.put(meter.drn, replace(meter, last_tid=tid, base_year=int(base)))
    return _keep(ctx, act, meter, token)


def _setting_asked(kind: Kind, command: RequestTokenAct) -> Asked:
    """What the module is asked for; the value is in its unit, and must be one that a token holds.

    Errors: StsError.
    """
    assert kind.subclass is not None
    if kind.subclass == Management.EXTENDED_SET:
        raise FieldRangeError("This security module makes no extended settings.", where="index")
    kind.coded(command)
    return Asked(token_class=MANAGEMENT, subclass=kind.subclass, amount=kind.shown(command))


def _data(kind: Kind, command: RequestTokenAct, tid: int, rnd: int) -> TokenData:
    if kind.subclass == Management.EXTENDED_SET:
        return extended_set(tid, rnd, command.index, kind.coded(command))
    assert kind.subclass is not None
    return management(kind.subclass, tid, rnd, kind.coded(command))


def _ask(ctx: Context, meter: Meter, data: TokenData) -> IssuedToken:
    request = TokenRequest(key_of(ctx.terms.code, meter), data)
    (result,) = ctx.terms.module.issue([request], ctx.now_us)
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
        most = quantity(meter.max_credit_tenths, meter.commodity, ctx.terms.currency)
        why = f"it takes at most {most} at once"
        raise refuse("act-not-possible", kind=act.kind, meter=meter.drn, why=why)
    came = _came(ctx, act)
    if came is not None:
        _write(ctx, act, meter, came, tenths)
        return came
    if meter.sgc in ctx.terms.remotes:
        subclass = subclass_of(meter.commodity, meter.drn)
        amount = on_token(ctx.terms, meter, tenths)
        raise Elsewhere(Asked(token_class=CREDIT, subclass=subclass, amount=amount))
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
        rnd=0 if tid is None or _came(ctx, act) else ctx.draw.rnd,
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


def is_good(ctx: Context, meter: Meter, digits: str, under: Under | None = None) -> bool:
    """Whether the meter, with the data on file, can read these digits.

    Where the key is in a module on the network, the address of the key that they are ``under``
    says so; where that is not known either, they are taken for good.
    """
    if meter.sgc in ctx.terms.remotes:
        return under is None or under == (meter.sgc, meter.krn, meter.ti)
    try:
        ctx.terms.module.decode(key_of(ctx.terms.code, meter), digits)
    except StsError:
        return False
    return True


def command_of(act: TokenAct) -> RequestTokenAct:
    """What was asked for."""
    return _command.decode(act.command)
