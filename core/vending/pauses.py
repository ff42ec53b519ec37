"""Times without service: they begin and end, and whole months of them bear no charge. Pure."""

from datetime import date

from msgspec.structs import asdict, replace

from core.book import Stage
from core.calendars import local_date, start_of_day
from core.entities import Agreement, AgreementPause, AgreementState, Meter
from core.handlers.base import Context
from core.refusals import Refusal, refuse

#: What lies further back has been charged, billed and closed long since.
MAX_BACK_DAYS = 400


def pauses_of(stage: Stage, agreement_id: int) -> list[AgreementPause]:
    """All slices of an agreement, as this message sees them."""
    ids = stage.linked("pauses-of", agreement_id) or ()
    return [stage.need(AgreementPause, id_) for id_ in ids]


def open_pause(stage: Stage, agreement_id: int, why: str = "") -> AgreementPause | None:
    """The slice that goes on (of that kind, if one is named), or None."""
    for pause in pauses_of(stage, agreement_id):
        if not pause.to_us and why in ("", pause.why):
            return pause
    return None


def begin_pause(
    ctx: Context, meter: Meter, agreement: Agreement, asked: tuple[str, str, str], on: str = ""
) -> AgreementPause:
    """No service from now, or from the local day ``on``. ``asked``: why, operator, reason.

    What was charged already stays charged. Refused where such a slice goes on or lies there.
    """
    why, operator, reason = asked
    begin = _instant(ctx, meter, on)
    if on and date.fromisoformat(on) < date.fromisoformat(agreement.since):
        raise wrong(meter, f"the agreement began on {agreement.since}")
    for pause in pauses_of(ctx.stage, agreement.id):
        if pause.why == why and (not pause.to_us or pause.to_us > begin):
            raise wrong(meter, f"it is {why} already")
    pause = AgreementPause(
        id=ctx.new_id("agreement_pause"),
        company=ctx.terms.code,
        agreement_id=agreement.id,
        why=why,
        operator=operator,
        reason=reason,
        from_us=begin,
        to_us=0,
    )
    ctx.stage.add("agreement_pause", **asdict(pause))
    ctx.stage.put(pause.id, pause)
    known = ctx.stage.linked("pauses-of", agreement.id) or ()
    ctx.stage.link("pauses-of", agreement.id, (*known, pause.id))
    state = ctx.stage.need(AgreementState, agreement.id)
    ctx.stage.put(agreement.id, replace(state, pauses=state.pauses + 1))
    return pause


def end_pause(
    ctx: Context, meter: Meter, agreement: Agreement, why: str, on: str = ""
) -> AgreementPause:
    """Service again from now, or from the local day ``on``. Refused where nothing goes on."""
    pause = open_pause(ctx.stage, agreement.id, why)
    if pause is None:
        raise wrong(meter, f"it is not {why}")
    end = _instant(ctx, meter, on)
    if end <= pause.from_us:
        began = local_date(pause.from_us, ctx.terms.zone)
        raise wrong(meter, f"it is {why} since {began}: it cannot end before")
    after = replace(pause, to_us=end)
    ctx.stage.put(pause.id, after)
    return after


def end_open(ctx: Context, agreement_id: int) -> list[int]:
    """Service again from now, whatever there was not for; the slices that went on until now."""
    ended = []
    for pause in pauses_of(ctx.stage, agreement_id):
        if not pause.to_us:
            ctx.stage.put(pause.id, replace(pause, to_us=ctx.now_us))
            ended.append(pause.id)
    return ended


def wrong(meter: Meter, what: str) -> Refusal:
    """A pause that does not fit."""
    return refuse("service-wrong", meter=meter.drn, what=what)


def _instant(ctx: Context, meter: Meter, on: str) -> int:
    """The beginning of a local day that has come; none said: now."""
    if not on:
        return ctx.now_us
    try:
        day = date.fromisoformat(on)
    except ValueError:
        raise wrong(meter, f"{on!r} is no day as 2026-11-21") from None
    today = local_date(ctx.now_us, ctx.terms.zone)
    if not 0 <= (today - day).days <= MAX_BACK_DAYS:
        raise wrong(meter, f"{on} is not one of the last {MAX_BACK_DAYS} days")
    return start_of_day(day, ctx.terms.zone)
