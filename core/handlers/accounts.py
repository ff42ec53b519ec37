"""Taking on a customer, and what a customer asks of an account."""

from typing import Any

import msgspec

from core.book import Wants
from core.commodity import COMMODITIES, by_token, wrong_most, wrong_unit
from core.entities import Account, Agreement, AgreementState, Meter, OwnMeter, Phone
from core.handlers.base import Context, Handler
from core.messages import Answer, AskBalance, Enrol, MeterLink, Outcome, PhoneLink, SetLanguage
from core.refusals import refuse
from core.registration.guard import in_use
from core.sts.errors import StsError
from core.sts.meter_id import parse_drn
from core.vending.balance import balance_view
from core.vending.sale import MAX_RECIPIENTS, tell

#: A household's phones on one enrolment; more are added one by one.
MAX_PHONES = 8


def decide_enrol(ctx: Context, command: Enrol) -> Answer:
    """Write customer, account, service point, agreement, meter and phones, or refuse whole."""
    _check(ctx, command)
    customer = _known_or_new(ctx, "customer", command.customer, {
        "name": command.name, "language": command.language,
    })  # fmt: skip
    point = _known_or_new(ctx, "service_point", command.service_point, {"address": command.address})
    account = Account(
        id=ctx.new_id("account"),
        company=ctx.terms.code,
        number=command.account,
        currency=command.currency,
        state="active",
        credit=0,
        reserved=0,
    )
    ctx.stage.put(account.id, account)
    ctx.stage.link("account-number", account.number, account.id)
    row = msgspec.structs.asdict(account)
    ctx.stage.add("account", **row, customer_id=customer)
    agreement = _agreement(ctx, command, account.id, point)
    meter_id = _meter(ctx, command.meter, agreement.id, point) if command.meter else None
    for link in command.phones:
        _phone(ctx, link, account.id, meter_id, command)
    return Answer(outcome=Outcome.DONE, data={"account": account.number})


def _check(ctx: Context, command: Enrol) -> None:
    def conflict(what: str) -> Exception:
        return refuse("enrol-conflict", what=what)

    if ctx.stage.linked("account-number", command.account) is not None:
        raise conflict(f"account {command.account} exists")
    if command.tariff not in ctx.terms.tariffs:
        known = ", ".join(sorted(ctx.terms.tariffs))
        raise conflict(f"no tariff {command.tariff}; there are: {known}")
    if command.currency != ctx.terms.currency:
        raise conflict(f"currency {command.currency}; {ctx.terms.name} keeps {ctx.terms.currency}")
    numbers = [link.msisdn for link in command.phones]
    if len(set(numbers)) < len(numbers):
        raise conflict("a phone is named twice")
    if len(command.phones) > MAX_PHONES:
        raise conflict(f"{len(command.phones)} phones; at most {MAX_PHONES}")
    point = ctx.stage.linked("service_point", command.service_point)
    if point is not None and ctx.stage.linked("agreement-at", point) is not None:
        raise conflict(f"service point {command.service_point} has an agreement")
    if command.meter is not None:
        _check_commodity(ctx, command, command.meter)
        try:
            parse_drn(command.meter.drn)
        except StsError as error:
            raise conflict(str(error)) from error
        if ctx.stage.get(Meter, command.meter.drn) is not None:
            raise conflict(f"meter {command.meter.drn} is on file already")


def _check_commodity(ctx: Context, command: Enrol, meter: MeterLink) -> None:
    """What it measures is sold by token (or billed), and the tariff counts in its unit."""
    if meter.commodity not in COMMODITIES:
        known = ", ".join(COMMODITIES)
        what = f"meter {meter.drn} of {meter.commodity!r}; a commodity is one of: {known}"
        raise refuse("enrol-conflict", what=what)
    most = wrong_most(meter.commodity, meter.max_credit_tenths)
    if most:
        raise refuse("enrol-conflict", what=f"meter {meter.drn} {most}")
    if command.mode == "prepaid":
        by_token(meter.commodity, meter.drn)
    unit = ctx.terms.tariffs[command.tariff].tariff.unit
    wrong = wrong_unit(meter.commodity, meter.drn, command.tariff, unit)
    if wrong is not None:
        raise wrong


def _known_or_new(ctx: Context, table: str, number: str, values: dict[str, Any]) -> int:
    known = ctx.stage.linked(table, number)
    if known is not None:
        return int(known)
    new = ctx.new_id(table)
    ctx.stage.add(table, id=new, company=ctx.terms.code, number=number, **values)
    ctx.stage.link(table, number, new)
    return new


def _agreement(ctx: Context, command: Enrol, account_id: int, point: int) -> Agreement:
    agreement = Agreement(
        id=ctx.new_id("agreement"),
        account_id=account_id,
        tariff=command.tariff,
        mode=command.mode,
        state="active",
        since=command.since,
        holder=command.name,
        account_number=command.account,
    )
    ctx.stage.put(agreement.id, agreement)
    ctx.stage.add(
        "agreement",
        id=agreement.id,
        company=ctx.terms.code,
        account_id=account_id,
        service_point_id=point,
        tariff=command.tariff,
        mode=command.mode,
        state="active",
        since=command.since,
        from_us=ctx.now_us,
    )
    ctx.stage.link("agreement-at", point, agreement.id)
    state = AgreementState(id=agreement.id, period=0, units_milli=0, fixed_through=0)
    ctx.stage.put(agreement.id, state)
    ctx.stage.add("agreement_state", agreement_id=agreement.id)
    return agreement


def _meter(ctx: Context, link: MeterLink, agreement_id: int, point: int) -> int:
    values = msgspec.structs.asdict(link)
    blocked = values.pop("blocked")
    meter = Meter(
        **values,
        id=ctx.new_id("meter"),
        company=ctx.terms.code,
        state="blocked" if blocked else "active",
        block_reason=blocked,
        kt=2,
        last_tid=-1,
    )
    ctx.stage.put(meter.drn, meter)
    ctx.stage.add("meter", **msgspec.structs.asdict(meter))
    ctx.stage.add(
        "meter_install",
        id=ctx.new_id("meter_install"),
        meter_id=meter.id,
        service_point_id=point,
        from_us=ctx.now_us,
    )
    ctx.stage.link("agreement-of", meter.id, agreement_id)
    return meter.id


def _phone(
    ctx: Context, link: PhoneLink, account_id: int, meter_id: int | None, command: Enrol
) -> None:
    language = link.language or command.language
    known = ctx.stage.get(Phone, link.msisdn)
    drn = command.meter.drn if command.meter else ""
    saved = (OwnMeter(drn, link.meter_name),) if drn else ()
    if known is None:
        phone = Phone(
            id=ctx.new_id("phone"),
            msisdn=link.msisdn,
            language=language,
            account_ids=(account_id,),
            meters=saved,
            seen_at=ctx.now_us,
        )
        ctx.stage.add(
            "phone",
            id=phone.id,
            company=ctx.terms.code,
            msisdn=phone.msisdn,
            language=language,
            seen_at=ctx.now_us,
        )
    else:
        phone = msgspec.structs.replace(
            known,
            account_ids=(*known.account_ids, account_id),
            meters=(*known.meters, *saved),
            seen_at=ctx.now_us,
        )
    ctx.stage.put(phone.msisdn, phone)
    ctx.stage.add("phone_account", phone_id=phone.id, account_id=account_id, from_us=ctx.now_us)
    if meter_id is not None:
        ctx.stage.add(
            "phone_meter",
            phone_id=phone.id,
            meter_id=meter_id,
            name=link.meter_name,
            from_us=ctx.now_us,
        )


def _wants_enrol(command: Enrol) -> Wants:
    return Wants(
        meters=(command.meter.drn,) if command.meter else (),
        accounts=(command.account,),
        phones=tuple(link.msisdn for link in command.phones),
        customers=(command.customer, command.service_point),
    )


def decide_balance(ctx: Context, command: AskBalance) -> Answer:
    """``BALANCE``."""
    phone = ctx.stage.get(Phone, command.phone)
    if phone is None or not phone.account_ids:
        raise refuse("phone-not-registered", phone=command.phone)
    in_use(ctx.stage, command.phone, ctx.now_us)
    view = balance_view(ctx.terms, ctx.stage, phone, ctx.now_us)
    data = msgspec.to_builtins(view)
    tell(ctx, command.reply, "balance", data)
    return Answer(outcome=Outcome.DONE, data=data)


def _wants_balance(command: AskBalance) -> Wants:
    return Wants(phones=(command.phone,), meters_of=(command.phone,))


def decide_language(ctx: Context, command: SetLanguage) -> Answer:
    """What the phone's menus and texts are in from now on; a stranger's choice is not kept."""
    phone = ctx.stage.get(Phone, command.phone)
    if phone is None or not phone.account_ids:
        raise refuse("phone-not-registered", phone=command.phone)
    ctx.stage.put(phone.msisdn, msgspec.structs.replace(phone, language=command.language))
    return Answer(outcome=Outcome.DONE)


def _wants_language(command: SetLanguage) -> Wants:
    return Wants(phones=(command.phone,))


HANDLERS = (
    Handler(
        "accounts.enrol",
        Enrol,
        _wants_enrol,
        decide_enrol,
        {
            "customer": 1,
            "account": 1,
            "service_point": 1,
            "agreement": 1,
            "meter": 1,
            "meter_install": 1,
            "phone": MAX_PHONES,
        },
    ),
    Handler(
        "accounts.balance", AskBalance, _wants_balance, decide_balance, {"notice": MAX_RECIPIENTS}
    ),
    Handler("accounts.language", SetLanguage, _wants_language, decide_language, {}),
)
