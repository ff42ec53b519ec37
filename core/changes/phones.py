"""Phones at a change: who may spend an account, and which meter a saved name stands for."""

from msgspec.structs import replace

from core.changes.entities import PhoneSlice, SavedMeter
from core.entities import Meter, OwnMeter, Phone
from core.handlers.base import Context
from core.messages import RequestChange


def add_phones(ctx: Context, asked: RequestChange, account_id: int, meter: Meter | None) -> None:
    """These phones may spend the account from now on, and have the meter saved by its name."""
    for link in asked.phones:
        phone = ctx.stage.get(Phone, link.msisdn)
        if phone is None:
            language = link.language or asked.language
            phone = Phone(
                id=ctx.new_id("phone"), msisdn=link.msisdn, language=language, account_ids=(),
                meters=(), seen_at=ctx.now_us,
            )  # fmt: skip
            ctx.stage.add(
                "phone", id=phone.id, company=ctx.terms.code, msisdn=phone.msisdn,
                language=language, seen_at=ctx.now_us,
            )  # fmt: skip
        if account_id not in phone.account_ids:
            ctx.stage.add(
                "phone_account", phone_id=phone.id, account_id=account_id, from_us=ctx.now_us
            )
            accounts = (*phone.account_ids, account_id)
            phone = replace(phone, account_ids=accounts, seen_at=ctx.now_us)
            _linked(ctx, phone, account_id)
        if meter is not None and all(own.drn != meter.drn for own in phone.meters):
            _save(ctx, phone.id, meter, link.meter_name)
            own = OwnMeter(meter.drn, link.meter_name)
            phone = replace(phone, meters=(*phone.meters, own))
        ctx.stage.put(phone.msisdn, phone)


def _linked(ctx: Context, phone: Phone, account_id: int) -> None:
    known = ctx.stage.linked("phones-of", account_id) or ()
    ctx.stage.link("phones-of", account_id, (*known, phone.id))
    slice_ = PhoneSlice(id=phone.id, msisdn=phone.msisdn, account_id=account_id, from_us=ctx.now_us)
    ctx.stage.put((phone.id, account_id), slice_)


def _save(ctx: Context, phone_id: int, meter: Meter, name: str) -> None:
    ctx.stage.add(
        "phone_meter", phone_id=phone_id, meter_id=meter.id, name=name, from_us=ctx.now_us
    )


def end_phones(ctx: Context, account_id: int) -> None:
    """No phone of before may spend the account any more."""
    for phone_id in ctx.stage.linked("phones-of", account_id) or ():
        slice_ = ctx.stage.need(PhoneSlice, (phone_id, account_id))
        ctx.stage.put((phone_id, account_id), replace(slice_, to_us=ctx.now_us))
        phone = ctx.stage.get(Phone, slice_.msisdn)
        if phone is not None:
            left = tuple(id_ for id_ in phone.account_ids if id_ != account_id)
            ctx.stage.put(phone.msisdn, replace(phone, account_ids=left))
    ctx.stage.link("phones-of", account_id, ())


def saved_anew(ctx: Context, old: Meter, new: Meter) -> None:
    """Whoever has saved the old meter by a name has the new one by it: menus go on as they were."""
    for phone_id in ctx.stage.linked("saved-by", old.id) or ():
        saved = ctx.stage.need(SavedMeter, (phone_id, old.id))
        ctx.stage.put((phone_id, old.id), replace(saved, to_us=ctx.now_us))
        _save(ctx, phone_id, new, saved.name)
        phone = ctx.stage.get(Phone, saved.msisdn)
        if phone is not None:
            meters = tuple(own for own in phone.meters if own.drn != old.drn)
            own = OwnMeter(new.drn, saved.name)
            ctx.stage.put(phone.msisdn, replace(phone, meters=(*meters, own)))
