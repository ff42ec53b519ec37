"""Ordering tokens at a security module on the network, and reading what it made. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from core.entities import Agreement, Coding, Meter, TokenOrder
from core.handlers.base import Context
from core.messages import KeyAim, MadeToken, OrderTokens
from core.refusals import refuse
from core.store.load_orders import row_of
from core.sts.errors import StsError
from core.sts.meter_id import meter_pan
from core.sts.module import IssuedToken, MeterKey
from core.sts.module_log import token_digest
from core.sts.token import TokenData
from core.vending import tokens
from core.vending.order_states import OrderState


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One token: class, subclass, amount in its unit; ``change``: the meter's new key before it."""

    token_class: int
    subclass: int
    amount: int
    change: Coding | None = None
    three_tokens: bool = False


class For(msgspec.Struct, frozen=True, kw_only=True):
    """What an order is for; agreement and payer are 0 where no money waits."""

    cause: str
    cause_id: int
    plan: Any
    agreement_id: int = 0
    payer_account_id: int = 0


def order(ctx: Context, meter: Meter, asked: Asked, purpose: For) -> TokenOrder:
    """Put an order on file and on its way. Refusals: no key, clock ahead.

    The TID is the order's own from here on: should a module ever make the order twice, a meter
    takes one of the two.
    """
    terms = ctx.terms
    remote = terms.remotes[meter.sgc]
    coded = _under(terms.code, meter, asked.change)
    try:
        terms.describe(tokens.key_of(terms.code, meter))
        record = terms.describe(coded)
        tid = tokens.tid_for(ctx, meter, record.base_date)
        remote.check(record, asked.token_class, tid, ctx.now_us)
    except StsError as error:
        no = tokens.refused(meter, error)
        raise no or refuse("module-refused", meter=meter.drn, why=str(error)) from error
    made = TokenOrder(
        id=ctx.new_id("token_order"),
        company=terms.code,
        module=remote.name,
        cause=purpose.cause,
        cause_id=purpose.cause_id,
        meter=meter.drn,
        agreement_id=purpose.agreement_id,
        payer_account_id=purpose.payer_account_id,
        state=str(OrderState.ORDERED),
        reference=ctx.message_id,
        asked="",
        plan=msgspec.json.encode(purpose.plan).decode(),
        ordered_at=ctx.now_us,
    )
    message = _message(made, meter, asked, (tid, record.base))
    made = replace(made, asked=msgspec.json.encode(message).decode())
    ctx.stage.add("token_order", **row_of(made))
    if asked.change is None:
        ctx.stage.put(meter.drn, replace(meter, last_tid=tid, base_year=int(record.base_date)))
    if purpose.agreement_id:
        ctx.stage.link("open-order", purpose.agreement_id, made)
    ctx.stage.emit(message, key=key_of_order(ctx, meter))
    return made


def key_of_order(ctx: Context, meter: Meter) -> str:
    """What orders are ordered by: whom they are for, not who asked, as a report is."""
    agreement = ctx.stage.get(Agreement, ctx.stage.linked("agreement-of", meter.id))
    about = agreement.account_number if agreement is not None else f"meter/{meter.drn}"
    return f"{ctx.terms.code}/{about}"


def _under(company: str, meter: Meter, change: Coding | None) -> MeterKey:
    """The key that the token will be under."""
    key = tokens.key_of(company, meter)
    if change is None:
        return key
    return MeterKey(company, key.pan, key.ea, change.sgc, change.krn, change.ti, change.kt)


def _message(made: TokenOrder, meter: Meter, asked: Asked, at: tuple[int, int]) -> OrderTokens:
    change = asked.change
    return OrderTokens(
        module=made.module,
        order=made.id,
        reference=made.reference,
        meter=meter.drn,
        pan=meter_pan(meter.drn),
        ea=meter.ea,
        tct=int(meter.tct),
        sgc=meter.sgc,
        krn=meter.krn,
        ti=meter.ti,
        ken=meter.ken,
        token_class=asked.token_class,
        subclass=asked.subclass,
        amount=asked.amount,
        tid=at[0],
        base=at[1],
        change=KeyAim(sgc=change.sgc, krn=change.krn, ti=change.ti) if change else None,
        three_tokens=asked.three_tokens,
    )


def issued(ctx: Context, meter: str, made: MadeToken, sgc: str) -> IssuedToken:
    """A token of the module as the business knows tokens; ``sgc`` is of the key it is under."""
    pan = meter_pan(meter)
    remote = ctx.terms.remotes.get(sgc)
    test = remote is not None and any(
        record.test for (group, _, _), record in remote.keys.items() if group == sgc
    )
    fields = {"tid": made.tid} if made.tid >= 0 else {}
    data = TokenData(made.token_class, made.subclass, fields)
    return IssuedToken(pan, made.digits, data, made.kcv, test, token_digest(pan, made.digits))


def split(
    ctx: Context, order_: TokenOrder, made: Sequence[MadeToken], sgcs: tuple[str, str]
) -> tuple[list[IssuedToken], list[IssuedToken]]:
    """What came: the sections of a key change, and the other tokens. ``sgcs``: old and new."""
    sections = [issued(ctx, order_.meter, each, sgcs[0]) for each in made if each.tid < 0]
    others = [issued(ctx, order_.meter, each, sgcs[1]) for each in made if each.tid >= 0]
    return sections, others
