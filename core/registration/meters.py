"""A phone's meters: asked for, confirmed by a code, named, removed, kept. Pure.

Who may spend the meter's account already saves it at once. Else a code goes by SMS to the phone on
file, whose owner hands it on if he agrees; an operator is asked where there is none. Of a phone's
requests one waits for a code: a new one ends the one before.
"""

import hmac
from typing import Any, Final

from msgspec.structs import asdict, replace

from core.changes.entities import PhoneSlice
from core.entities import Agreement, Meter, OwnMeter, Phone
from core.handlers.base import Context
from core.messages import AddMeter, Answer, ChangeMeter, ConfirmMeter, Outcome
from core.messages.vending import Recipient
from core.pins import TRIES
from core.refusals import refuse
from core.registration.entities import PhoneRequest, SavedAs
from core.registration.guard import (
    CODE_US,
    CODES_PER_DAY,
    registered,
    unused,
    wrong_code,
    wrong_request,
)
from core.registration.notes import phone_spends, tell
from core.registration.states import OPEN, RequestMove, RequestState, moved
from core.registration.years import DAY_US, YEAR_US
from core.vending import act_checks

#: What a screen lists; a landlord with more buys by number.
MAX_METERS: Final = 9
#: A line of a screen, with the meter's number behind it.
MAX_NAME: Final = 20
#: Times that a meter may be asked for in a day, by all phones: its holder is not to be flooded.
ASKED_PER_DAY: Final = 5
#: An operator looks within days; what is older is asked for again.
OPERATOR_US: Final = 14 * DAY_US


def add_meter(ctx: Context, command: AddMeter) -> Answer:
    """Save it, send a code to the phone on file, or let it wait for an operator."""
    meter = act_checks.meter_of(ctx.terms, ctx.stage, command.meter)
    agreement = ctx.stage.get(Agreement, ctx.stage.linked("agreement-of", meter.id))
    if agreement is None or agreement.state != "active":
        raise refuse("agreement-missing", meter=meter.drn)
    phone = ctx.stage.get(Phone, command.phone)
    name = _named(command.phone, command.name)
    _room(phone, meter)
    trusted = phone is not None and not unused(phone, ctx.now_us)
    if trusted and agreement.account_id in (phone.account_ids if phone else ()):
        _save(ctx, command.phone, command.language, meter, name)
        return Answer(outcome=Outcome.DONE, data={"meter": meter.drn, "state": "done"})
    _seldom(ctx, command.phone, meter.drn)
    holder = _holder(ctx, meter.drn, command.phone)
    request = PhoneRequest(
        id=0, company=ctx.terms.code, msisdn=command.phone, kind="add", meter=meter.drn,
        account_id=agreement.account_id, name=name, spends=int(command.spends),
        language=command.language,
        state=(RequestState.WAITING if holder else RequestState.OPERATOR).value,
        code=ctx.draw.code if holder else "", wrong=0, sent_to=holder.address if holder else "",
        asked_at=ctx.now_us, expires=ctx.now_us + (CODE_US if holder else OPERATOR_US),
    )  # fmt: skip
    request = _asked(ctx, request)
    data: dict[str, Any] = {"meter": meter.drn, "state": request.state, "request": request.id}
    if holder is None:
        return Answer(outcome=Outcome.DONE, data={**data, "waits": "operator"})
    args = {"code": request.code, "meter": meter.drn, "phone": command.phone}
    template = "register-spending" if command.spends else "register-meter"
    tell(ctx, holder, template, args)
    return Answer(outcome=Outcome.DONE, data={**data, "sent_to": shown(holder.address)})


def shown(msisdn: str) -> str:
    """A phone as another may see it: its last three digits."""
    return "*" * 6 + msisdn[-3:]


def _named(msisdn: str, name: str) -> str:
    name = " ".join(name.split())
    if len(name) > MAX_NAME or not name.isprintable():
        raise wrong_request(msisdn, f"a name has at most {MAX_NAME} characters")
    return name


def _room(phone: Phone | None, meter: Meter) -> None:
    if phone is None or any(own.drn == meter.drn for own in phone.meters):
        return
    if len(phone.meters) >= MAX_METERS:
        raise refuse("registration-full", phone=phone.msisdn, most=MAX_METERS)


def _seldom(ctx: Context, msisdn: str, drn: str) -> None:
    """Codes cost money and bother people: some a day for a phone, and for a meter."""
    since = ctx.now_us - DAY_US
    mine = sum(each.asked_at > since for each in requests_of(ctx, msisdn))
    of_meter = sum(at > since for at in ctx.stage.linked("asked-for", drn) or ())
    if mine >= CODES_PER_DAY or (drn and of_meter >= ASKED_PER_DAY):
        raise refuse("phone-codes-spent", phone=msisdn, most=CODES_PER_DAY)


def _holder(ctx: Context, drn: str, msisdn: str) -> Recipient | None:
    """The phone on file that is longest registered and was in use; never the one that asks."""
    for phone, language, seen_at in ctx.stage.linked("holders-of", drn) or ():
        if phone != msisdn and not 0 < seen_at < ctx.now_us - YEAR_US:
            return Recipient(way="sms", address=phone, language=language)
    return None


def _asked(ctx: Context, request: PhoneRequest) -> PhoneRequest:
    """On file, in the place of what this one replaces."""
    for other in requests_of(ctx, request.msisdn):
        same = (other.kind, other.meter) == (request.kind, request.meter)
        if other.state == RequestState.WAITING or (other.state in OPEN and same):
            move_request(ctx, other, RequestMove.END)
    request = replace(request, id=ctx.new_id("phone_request"))
    ctx.stage.add("phone_request", **asdict(request))
    ctx.stage.put(request.id, request)
    known = ctx.stage.linked("requests-of", request.msisdn) or ()
    ctx.stage.link("requests-of", request.msisdn, (*known, request.id))
    times = ctx.stage.linked("asked-for", request.meter) or ()
    ctx.stage.link("asked-for", request.meter, (*times, request.asked_at))
    return request


def requests_of(ctx: Context, msisdn: str) -> list[PhoneRequest]:
    """The phone's requests that are open or of late, oldest first."""
    ids = ctx.stage.linked("requests-of", msisdn) or ()
    return [ctx.stage.need(PhoneRequest, id_) for id_ in ids]


def move_request(ctx: Context, request: PhoneRequest, move: RequestMove) -> PhoneRequest:
    """The request after a move that its state has."""
    state = moved(request.state, move)
    assert state is not None, f"{request.state} has no {move}"
    request = replace(request, state=state.value, ended_at=ctx.now_us)
    ctx.stage.put(request.id, request)
    return request


def confirm_meter(ctx: Context, command: ConfirmMeter) -> Answer:
    """The right code does what was asked for. A wrong one is kept, so it is no Refusal."""
    waiting = [
        each
        for each in requests_of(ctx, command.phone)
        if each.state == RequestState.WAITING and each.expires > ctx.now_us
    ]
    if not waiting:
        raise refuse("phone-code-none", phone=command.phone)
    request = waiting[-1]
    if not hmac.compare_digest(request.code.encode(), command.code.encode()):
        wrong = request.wrong + 1
        ctx.stage.put(request.id, replace(request, wrong=wrong))
        if wrong >= TRIES:
            move_request(ctx, replace(request, wrong=wrong), RequestMove.END)
        return wrong_code(command.phone, TRIES - wrong)
    data = carry(ctx, request)
    move_request(ctx, request, RequestMove.CONFIRM)
    return Answer(outcome=Outcome.DONE, data=data)


def carry(ctx: Context, request: PhoneRequest) -> dict[str, Any]:
    """What was asked for, done; refused where the meter is another's by now."""
    if request.kind == "keep":
        phone = registered(ctx, request.msisdn)
        ctx.stage.put(phone.msisdn, replace(phone, seen_at=ctx.now_us))
        return {"state": "done", "kept": True}
    meter = act_checks.meter_of(ctx.terms, ctx.stage, request.meter)
    agreement = ctx.stage.get(Agreement, ctx.stage.linked("agreement-of", meter.id))
    if agreement is None or agreement.account_id != request.account_id:
        raise wrong_request(request.msisdn, f"meter {meter.drn} is another's now: ask again")
    known = ctx.stage.get(Phone, request.msisdn)
    _room(known, meter)
    phone = _save(ctx, request.msisdn, request.language, meter, request.name)
    if request.spends and request.account_id not in phone.account_ids:
        _spend(ctx, phone, request.account_id)
        phone_spends(ctx, phone.msisdn, meter.drn)
    return {"meter": meter.drn, "state": "done", "spends": bool(request.spends)}


def _save(ctx: Context, msisdn: str, language: str, meter: Meter, name: str) -> Phone:
    phone = ctx.stage.get(Phone, msisdn) or _new_phone(ctx, msisdn, language)
    if ctx.stage.linked("saved-as", (msisdn, meter.drn)) is not None:
        _end_slice(ctx, msisdn, meter.drn)
    meters = tuple(own for own in phone.meters if own.drn != meter.drn)
    phone = replace(phone, meters=(*meters, OwnMeter(meter.drn, name)))
    _new_slice(ctx, phone, meter.id, meter.drn, name)
    ctx.stage.put(msisdn, phone)
    return phone


def _new_phone(ctx: Context, msisdn: str, language: str) -> Phone:
    phone = Phone(
        id=ctx.new_id("phone"), msisdn=msisdn, language=language, account_ids=(), meters=(),
        seen_at=ctx.now_us,
    )  # fmt: skip
    ctx.stage.add(
        "phone", id=phone.id, company=ctx.terms.code, msisdn=msisdn, language=language,
        seen_at=ctx.now_us,
    )  # fmt: skip
    return phone


def _new_slice(ctx: Context, phone: Phone, meter_id: int, drn: str, name: str) -> None:
    # all messages of a batch may have one instant, and the instant tells slices apart
    last = ctx.stage.linked("last-saved", (phone.msisdn, drn))
    since = ctx.now_us if last is None else max(ctx.now_us, last + 1)
    key = (phone.id, meter_id, since)
    ctx.stage.add("phone_meter", phone_id=phone.id, meter_id=meter_id, name=name, from_us=since)
    saved = SavedAs(id=phone.id, meter_id=meter_id, drn=drn, name=name, from_us=since)
    ctx.stage.put(key, saved)
    ctx.stage.link("saved-as", (phone.msisdn, drn), key)


def _end_slice(ctx: Context, msisdn: str, drn: str) -> None:
    key = ctx.stage.linked("saved-as", (msisdn, drn))
    saved = ctx.stage.need(SavedAs, key)
    ended = replace(saved, to_us=max(ctx.now_us, saved.from_us))
    ctx.stage.put(key, ended)
    ctx.stage.link("saved-as", (msisdn, drn), None)
    ctx.stage.link("last-saved", (msisdn, drn), saved.from_us)


def _spend(ctx: Context, phone: Phone, account_id: int) -> None:
    if ctx.stage.get(PhoneSlice, (phone.id, account_id)) is not None:
        # taken away in this very batch: what ends there must be written first
        raise wrong_request(phone.msisdn, "it may not spend that account any more: ask again")
    phone = replace(phone, account_ids=(*phone.account_ids, account_id), seen_at=ctx.now_us)
    ctx.stage.put(phone.msisdn, phone)
    ctx.stage.add("phone_account", phone_id=phone.id, account_id=account_id, from_us=ctx.now_us)
    slice_ = PhoneSlice(id=phone.id, msisdn=phone.msisdn, account_id=account_id, from_us=ctx.now_us)
    ctx.stage.put((phone.id, account_id), slice_)


def change_meter(ctx: Context, command: ChangeMeter) -> Answer:
    """Name it, remove it from the phone; or ask for the code that keeps an old registration."""
    if command.change == "keep":
        return _keep(ctx, command)
    phone = saved_at(ctx, command.phone, command.meter)
    if command.change == "remove":
        remove_meter(ctx, phone, command.meter)
        return Answer(outcome=Outcome.DONE, data={"meter": command.meter, "state": "removed"})
    meter = act_checks.meter_of(ctx.terms, ctx.stage, command.meter)
    _save(ctx, command.phone, "", meter, _named(command.phone, command.name))
    return Answer(outcome=Outcome.DONE, data={"meter": meter.drn, "state": "named"})


def saved_at(ctx: Context, msisdn: str, drn: str) -> Phone:
    """The phone, if it has saved the meter."""
    phone = ctx.stage.get(Phone, msisdn)
    if phone is None or ctx.stage.linked("saved-as", (msisdn, drn)) is None:
        raise refuse("meter-not-saved", phone=msisdn, meter=drn)
    return phone


def remove_meter(ctx: Context, phone: Phone, drn: str) -> None:
    """It is not offered any more; what the phone may spend stays: an operator takes that away."""
    _end_slice(ctx, phone.msisdn, drn)
    meters = tuple(own for own in phone.meters if own.drn != drn)
    ctx.stage.put(phone.msisdn, replace(phone, meters=meters))


def remove_account(ctx: Context, phone: Phone, account_id: int) -> None:
    """The phone may not spend this account any more."""
    slice_ = ctx.stage.need(PhoneSlice, (phone.id, account_id))
    ctx.stage.put((phone.id, account_id), replace(slice_, to_us=max(ctx.now_us, slice_.from_us)))
    left = tuple(id_ for id_ in phone.account_ids if id_ != account_id)
    ctx.stage.put(phone.msisdn, replace(phone, account_ids=left))


def _keep(ctx: Context, command: ChangeMeter) -> Answer:
    phone = registered(ctx, command.phone)
    _seldom(ctx, command.phone, "")
    request = PhoneRequest(
        id=0, company=ctx.terms.code, msisdn=command.phone, kind="keep", meter="", account_id=0,
        name="", spends=0, language=phone.language, state=RequestState.WAITING.value,
        code=ctx.draw.code, wrong=0, sent_to=command.phone, asked_at=ctx.now_us,
        expires=ctx.now_us + CODE_US,
    )  # fmt: skip
    request = _asked(ctx, request)
    to = Recipient(way="sms", address=command.phone, language=phone.language)
    tell(ctx, to, "phone-code", {"code": request.code})
    data = {"state": request.state, "request": request.id, "sent_to": shown(command.phone)}
    return Answer(outcome=Outcome.DONE, data=data)
