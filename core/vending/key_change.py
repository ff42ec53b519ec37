"""Key changes decided: a change that is needed, its set in front of a sale, how it ends. Pure.

The set is made once, when the first sale prints it; from then on the meter on file has its new key
and every credit is under it. Repeats show the stored digits. If the change fails, the meter on file
has its old key again, with the last TID that belongs to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from core.book import Stage
from core.commodity import by_token
from core.company import Terms
from core.entities import Coding, KeyChange, Meter
from core.handlers.base import Context
from core.refusals import refuse
from core.store.load_key_changes import row_of
from core.sts.errors import StsError
from core.sts.key_change import check_order
from core.sts.keys import check_algorithms
from core.sts.layouts import CREDIT
from core.sts.meter_id import meter_pan
from core.sts.module import IssuedToken, KeyChangeRequest, MeterKey
from core.sts.tid import MINUTE_US, base_date, tid_at
from core.vending.key_change_states import (
    LATER_US,
    MOVES,
    PRINTED,
    UNSURE,
    Event,
    KeyChangeState,
)

#: A set has at most so many tokens (EA11).
MAX_SET = 4
NEW = KeyChangeState.NEEDED


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a change is for: the key's address (``ti`` and ``kt`` may stay: "" and 0), and who
    wants it. ``campaign`` is empty for a single meter."""

    sgc: str
    krn: int
    ti: str = ""
    kt: int = 0
    three_tokens: bool = False
    campaign: str = ""
    operator: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AtSale:
    """What a sale shows of a key change, and the meter as the credit shall see it.

    ``mark``: ``due``, ``first``, ``again`` or nothing; ``tokens``: the digits to key in first.
    ``ordered``: the change whose set is made together with the credit, by a module on the network.
    """

    meter: Meter
    mark: str = ""
    tokens: tuple[str, ...] = ()
    ordered: KeyChange | None = None


def newest(stage: Stage, meter: Meter) -> KeyChange | None:
    """The meter's newest change, in whatever state."""
    return stage.get(KeyChange, meter.key_change_id) if meter.key_change_id else None


def key_of(company: str, drn: str, ea: int, coding: Coding) -> MeterKey:
    """The address of a decoder key."""
    return MeterKey(company, meter_pan(drn), ea, coding.sgc, coding.krn, coding.ti, coding.kt)


def moved(change: KeyChange, event: Event, drn: str) -> KeyChange:
    """The change after an event; a refusal where the table says no."""
    after = MOVES[KeyChangeState(change.state), event]
    if not isinstance(after, KeyChangeState):
        raise refuse(after, meter=drn, state=change.state)
    return replace(change, state=str(after))


# --- a change is needed --------------------------------------------------------------------------


def _refuse_if_ordered(stage: Stage, meter: Meter) -> None:
    """A set that may be on its way from a module on the network is as good as out."""
    agreement = stage.linked("agreement-of", meter.id)
    sale = agreement is not None and stage.linked("open-order", agreement) is not None
    if sale or stage.linked("open-act-order", meter.drn) is not None:
        raise refuse("key-change-open", meter=meter.drn)


def need(ctx: Context, meter: Meter, wanted: Wanted) -> bool:
    """Put a change on file; False when the very same one is wanted already. Raises Refusal."""
    by_token(meter.commodity, meter.drn)
    _refuse_if_ordered(ctx.stage, meter)
    known = newest(ctx.stage, meter)
    after = moved(known, Event.NEED, meter.drn) if known is not None else None
    old, new = _codings(ctx.terms, meter, wanted)
    if known is not None and known == after:  # it waits for the next sale: its aim may change
        three, ro = int(wanted.three_tokens), _ro(old, new)
        changed = replace(
            known, campaign=wanted.campaign, new=new, ro=ro, three_tokens=three, note=""
        )
        ctx.stage.put(known.id, changed)
        return changed != replace(known, note="")
    change = KeyChange(
        id=ctx.new_id("key_change"),
        company=ctx.terms.code,
        meter_id=meter.id,
        campaign=wanted.campaign,
        state=str(NEW),
        old=old,
        new=new,
        ro=_ro(old, new),
        three_tokens=int(wanted.three_tokens),
        operator=wanted.operator,
        reason=wanted.reason,
        needed_at=ctx.now_us,
        previous=known.id if known is not None and known.state in UNSURE else 0,
    )
    ctx.stage.add("key_change", **row_of(change))
    ctx.stage.put(change.id, change)
    ctx.stage.put(meter.drn, replace(meter, key_change_id=change.id))
    return True


def check_need(ctx: Context, meter: Meter, wanted: Wanted) -> None:
    """Whether :func:`need` would say yes now. Raises Refusal."""
    known = newest(ctx.stage, meter)
    if known is not None:
        moved(known, Event.NEED, meter.drn)
    _codings(ctx.terms, meter, wanted)


def _ro(old: Coding, new: Coding) -> int:
    return int(old.base != new.base)


def _codings(terms: Terms, meter: Meter, wanted: Wanted) -> tuple[Coding, Coding]:
    """The meter's key as it is on file and as it shall be, each as its vending key's record says.

    The expiry number of the old one is the meter's own: its vending key's may be another by now,
    and then the same key with the new number is a change too. Refusals: the same key, no such key,
    a key that this meter cannot take.
    """
    at = Coding(meter.sgc, meter.krn, meter.ti, meter.kt, meter.ken, meter.dkga, meter.base_year)
    to = replace(
        at, sgc=wanted.sgc, krn=wanted.krn, ti=wanted.ti or meter.ti, kt=wanted.kt or meter.kt
    )
    old, new = (_recorded(terms, meter, each) for each in (at, to))
    old = replace(old, ken=meter.ken)
    if new == old:
        raise refuse("key-change-same", meter=meter.drn)
    try:
        check_order(old.kt, new.kt)
        check_algorithms(new.dkga, meter.ea)
    except StsError as error:
        raise refuse("key-change-impossible", meter=meter.drn, why=str(error)) from error
    return old, new


def _recorded(terms: Terms, meter: Meter, coding: Coding) -> Coding:
    try:
        record = terms.describe(key_of(terms.code, meter.drn, meter.ea, coding))
    except StsError as error:
        raise refuse("key-missing", sgc=coding.sgc, krn=coding.krn, why=str(error)) from error
    return replace(coding, ken=record.ken, dkga=record.dkga, base=record.base)


# --- at a sale -----------------------------------------------------------------------------------


def at_sale(ctx: Context, meter: Meter, tariff_ti: str) -> AtSale:
    """What this sale does about the meter's key, by its state and the supply group's policy."""
    change = _with_tariff(ctx, meter, tariff_ti)
    if change is None:
        return AtSale(meter)
    meter = ctx.stage.need(Meter, meter.drn)  # it may have been given a change just now
    if change.state in UNSURE:
        return _repeat(ctx, meter, change)
    if change.state != NEW:
        return AtSale(meter)
    policy = ctx.terms.key_change_policy(meter.sgc)
    if policy == "do":
        return _first(ctx, meter, change)
    return AtSale(meter, "due" if policy == "tell" else "")


def _with_tariff(ctx: Context, meter: Meter, ti: str) -> KeyChange | None:
    """The meter's change; a tariff that fixes another TI than the meter's makes one needed.

    Not while a set is out, and not where the same has failed: that is for an operator to try again.
    """
    change = newest(ctx.stage, meter)
    waits = change is not None and change.state == NEW
    if not ti or ti == (change.new.ti if change is not None and waits else meter.ti):
        return change
    if change is not None:
        if waits:
            change = replace(change, new=replace(change.new, ti=ti))
            ctx.stage.put(change.id, change)
            return change
        failed = change.state == KeyChangeState.FAILED and change.new.ti == ti
        if failed or _is_out(change):
            return change
    wanted = Wanted(meter.sgc, meter.krn, ti, operator="tariff", reason=f"tariff index {ti}")
    need(ctx, meter, wanted)
    return newest(ctx.stage, ctx.stage.need(Meter, meter.drn))


def _is_out(change: KeyChange) -> bool:
    """Whether sales still print the set."""
    return change.state in UNSURE and (
        change.state == KeyChangeState.ISSUED or change.issued < PRINTED
    )


def _repeat(ctx: Context, meter: Meter, change: KeyChange) -> AtSale:
    """A sale after the first: it presumes if it comes later, and repeats the set twice in all."""
    later = ctx.now_us - change.issued_at >= LATER_US
    after = moved(change, Event.PURCHASE if later else Event.PRINT, meter.drn)
    if after.state != change.state:
        after = replace(after, presumed_at=ctx.now_us)
    again = change.issued < PRINTED
    if again:
        after = replace(after, issued=change.issued + 1)
    if after != change:
        ctx.stage.put(change.id, after)
    return AtSale(meter, "again", change.tokens) if again else AtSale(meter)


def _first(ctx: Context, meter: Meter, change: KeyChange) -> AtSale:
    """Make the set: from here on the meter on file has its new key.

    A set that cannot be made does not keep the light from anybody: the sale is under the old key,
    and the row says why.
    """
    terms = ctx.terms
    if ctx.stage.linked("open-act-order", meter.drn) is not None:
        return AtSale(meter, "due")  # a token under the old key is on its way
    old, new = (key_of(terms.code, meter.drn, meter.ea, side) for side in (change.old, change.new))
    remote = terms.remotes.get(old.sgc)
    try:
        if remote is not None and terms.remotes.get(new.sgc) == remote:
            record = terms.describe(new)
            remote.check(record, CREDIT, tid_at(ctx.now_us, record.base_date), ctx.now_us)
            return AtSale(meter, "first", ordered=change)
        request = KeyChangeRequest(old, new, bool(change.three_tokens))
        made = terms.module.issue_key_change(request, ctx.now_us)
    except StsError as error:
        ctx.stage.put(change.id, replace(change, note=str(error)))
        return AtSale(meter, "due")
    meter = printed(ctx, meter, change, made)
    return AtSale(meter, "first", tuple(token.digits for token in made))


def printed(
    ctx: Context, meter: Meter, change: KeyChange, made: Sequence[IssuedToken], module: str = ""
) -> Meter:
    """The set was made, by the company's own module or by ``module``: the meter with its new key.

    Of a set that was ordered the change may be called off by now, or newer: what was made counts.
    """
    tokens = tuple(token.digits for token in made)
    issued = replace(
        moved(change, Event.PRINT, meter.drn),
        issued=1,
        issued_at=ctx.now_us,
        old_last_tid=meter.last_tid if meter.base_year == change.old.base else -1,
        tokens=tokens,
        note="",
    )
    ctx.stage.put(change.id, issued)
    meter = coded(meter, change.new)
    ctx.stage.put(meter.drn, meter)
    _write_set(ctx, change, made, module)
    return meter


def coded(meter: Meter, coding: Coding) -> Meter:
    """The meter with another key on file, and its last TID counted from that key's base date.

    The minute stays the same, though a meter that changes its base date forgets all: after a change
    that failed the same key may come again, and what was sold under it is still on paper.
    """
    apart_us = base_date(meter.base_year).start_us - base_date(coding.base).start_us
    last_tid = meter.last_tid
    if last_tid >= 0:
        last_tid = max(-1, last_tid + apart_us // MINUTE_US)
    return replace(
        meter,
        sgc=coding.sgc,
        krn=coding.krn,
        ti=coding.ti,
        kt=coding.kt,
        ken=coding.ken,
        dkga=coding.dkga,
        base_year=coding.base,
        last_tid=last_tid,
    )


def _write_set(ctx: Context, change: KeyChange, made: Sequence[IssuedToken], module: str) -> None:
    """A row for each token of the set, under the key that encrypts it: the old one."""
    old = change.old
    for place, token in enumerate(made):
        key = f"{ctx.message_id}/{place}"
        if module:
            ctx.stage.link("made-by", (module, key), token)
        else:
            ctx.stage.link("made", key, token)
        ctx.stage.add(
            "token",
            **{"class": int(token.data.token_class)},
            id=ctx.new_id("token"),
            company=ctx.terms.code,
            digits=token.digits,
            cause="key-change",
            cause_id=change.id,
            meter_id=change.meter_id,
            subclass=token.data.subclass,
            tid=-1,
            rnd=0,
            value=0,
            sgc=old.sgc,
            krn=old.krn,
            ti=old.ti,
            made_at=ctx.now_us,
        )


# --- how it ends ---------------------------------------------------------------------------------


def confirm(ctx: Context, meter: Meter, how: str, operator: str, reason: str) -> KeyChange:
    """The meter has its new key, and somebody knows. Raises Refusal."""
    change = _there(ctx.stage, meter)
    after = moved(change, Event.CONFIRM, meter.drn)
    if after.state == change.state:
        return change
    return _closed(ctx, replace(after, how=how), operator, reason)


def fail(ctx: Context, meter: Meter, operator: str, reason: str) -> KeyChange:
    """The meter has its old key: on file too from here on. Raises Refusal.

    What was not issued yet is called off, and the presumed change before it is the newest again.
    """
    _refuse_if_ordered(ctx.stage, meter)
    change = _there(ctx.stage, meter)
    after = moved(change, Event.FAIL, meter.drn)
    if after.state == change.state:
        return change
    if change.state != NEW:
        back = coded(meter, change.old)
        # what was sold under the old key may be older than the new key's base date
        last_tid = max(back.last_tid, change.old_last_tid)
        ctx.stage.put(meter.drn, replace(back, last_tid=last_tid))
    elif change.previous:
        # only presumed: whether that key is in the meter is still to be said
        ctx.stage.put(meter.drn, replace(meter, key_change_id=change.previous))
    return _closed(ctx, after, operator, reason)


def _there(stage: Stage, meter: Meter) -> KeyChange:
    change = newest(stage, meter)
    if change is None:
        raise refuse("key-change-none", meter=meter.drn)
    return change


def _closed(ctx: Context, change: KeyChange, operator: str, reason: str) -> KeyChange:
    after = replace(change, operator=operator, reason=reason, closed_at=ctx.now_us)
    ctx.stage.put(change.id, after)
    return after
