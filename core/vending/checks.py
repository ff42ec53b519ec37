"""What is checked before a purchase is priced: the meter, the payer, the repeat, the limits."""

from core.book import Stage
from core.calendars import local_date, period_of, start_of_day, start_of_period
from core.commodity import by_token, wrong_unit
from core.company import Terms
from core.entities import Account, Agreement, Meter, PastSale, Phone
from core.messages import CreditVend
from core.refusals import Refusal, refuse
from core.store.load_sales import Horizon
from core.sts.errors import DrnCheckDigitError, StsError
from core.sts.meter_id import parse_drn
from core.tariffs.compiling import CompiledTariff
from core.tariffs.frames import ONE
from core.tariffs.shapes import Fixed

MINUTE_US = 60_000_000


def masked(name: str) -> str:
    """A holder's name as a stranger may see it: ``Okello Daniel`` is ``O***** D*****``."""
    return " ".join(word[0] + "*" * 5 for word in name.split() if word)


def sellable(terms: Terms, stage: Stage, drn: str) -> tuple[Meter, Agreement]:
    """The meter and its agreement, if a sale to it is possible at all."""
    try:
        parse_drn(drn)
    except DrnCheckDigitError:
        raise refuse("meter-check-digit", meter=drn) from None
    except StsError:
        raise refuse("meter-length", meter=drn, length=len(drn)) from None
    meter = stage.get(Meter, drn)
    if meter is None:
        raise refuse("meter-unknown", meter=drn, company=terms.name)
    if meter.state == "blocked":
        raise refuse(
            "meter-blocked", meter=drn, reason=meter.block_reason, help_line=terms.help_line
        )
    if meter.state == "exchanged":
        raise refuse("meter-being-exchanged", meter=drn)
    agreement = stage.get(Agreement, stage.linked("agreement-of", meter.id))
    if agreement is not None and agreement.state == "changing":
        raise refuse("meter-changing", meter=drn, help_line=terms.help_line)
    if agreement is None or agreement.state != "active":
        raise refuse("agreement-missing", meter=drn)
    by_token(meter.commodity, drn)
    tariff = terms.tariffs.get(agreement.tariff)
    if agreement.mode != "prepaid" or tariff is None:
        raise refuse("meter-not-prepaid", meter=drn)
    wrong = wrong_unit(meter.commodity, drn, agreement.tariff, tariff.tariff.unit)
    if wrong is not None:
        raise wrong
    return meter, agreement


def payer_of(stage: Stage, command: CreditVend, agreement: Agreement) -> Account:
    """The account that the phone may spend: the named one, the meter's own, or the only one."""
    phone = stage.get(Phone, command.phone)
    if phone is None or not phone.account_ids:
        raise Refusal(
            "phone-not-registered",
            {"phone": command.phone, "holder": masked(agreement.holder), "meter": command.meter},
        )
    accounts = [stage.need(Account, id_) for id_ in phone.account_ids]
    if command.account:
        named = [account for account in accounts if account.number == command.account]
        if not named:
            raise refuse("account-not-yours", phone=command.phone, account=command.account)
        return _active(named[0])
    own = [account for account in accounts if account.id == agreement.account_id]
    if not own and len(accounts) > 1:
        raise refuse("account-ambiguous", phone=command.phone)
    return _active((own or accounts)[0])


def account_of(stage: Stage, agreement: Agreement) -> Account:
    """The account of the meter's own holder."""
    return _active(stage.need(Account, agreement.account_id))


def _active(account: Account) -> Account:
    if account.state != "active":
        raise refuse("account-closed", account=account.number)
    return account


def is_own(stage: Stage, phone: str, agreement: Agreement) -> bool:
    """Whether the meter's account is one that the phone may spend."""
    known = stage.get(Phone, phone)
    return known is not None and agreement.account_id in known.account_ids


def likely_repeat(
    terms: Terms, stage: Stage, meter: Meter, tender: int, payer: tuple[int, int], now_us: int
) -> PastSale | None:
    """A sale that this one looks like: same meter, amount and payer, minutes ago, any channel.

    ``payer``: the account, and the agent whose float pays (0: none).
    """
    since = now_us - terms.repeat_minutes * MINUTE_US
    for sale in stage.linked("recent-sales", meter.id) or ():
        same = (sale.payer_account_id, sale.agent_id) == payer
        if sale.priced_at > since and sale.tender == tender and same:
            found: PastSale = sale
            return found
    return None


def within_limits(
    terms: Terms, stage: Stage, command: CreditVend, meter: Meter, *, by_phone: bool = True
) -> None:
    """Limits of one sale, and of the day for the meter and for the phone that buys."""
    limits, tender = terms.limits, command.tender
    if limits.per_sale and tender > limits.per_sale:
        raise refuse(
            "limit-per-sale", tender=tender, limit=limits.per_sale, currency=terms.currency
        )
    if limits.per_day_meter:
        spent = stage.linked("spent-meter_id", meter.id) or 0
        if spent + tender > limits.per_day_meter:
            raise refuse(
                "limit-per-day-meter",
                meter=meter.drn,
                limit=limits.per_day_meter,
                currency=terms.currency,
            )
    if limits.per_day_phone and by_phone:
        spent = stage.linked("spent-phone", command.phone) or 0
        if spent + tender > limits.per_day_phone:
            raise refuse(
                "limit-per-day-phone",
                phone=command.phone,
                limit=limits.per_day_phone,
                currency=terms.currency,
            )


def horizon(terms: Terms, now_us: int) -> Horizon:
    """How far back this company's checks look."""
    day = local_date(now_us, terms.zone)
    today = start_of_day(day, terms.zone)
    return Horizon(
        repeats=now_us - terms.repeat_minutes * MINUTE_US,
        day_meter=today if terms.limits.per_day_meter else None,
        day_phone=today if terms.limits.per_day_phone else None,
        # a day more: a rerun after midnight decides by the instant that was drawn before it
        acts=today - 1_440 * MINUTE_US,
        orders=bool(terms.remotes or terms.boxes),
        items=bool(terms.collection.purchases),
        month=start_of_period(period_of(day), terms.zone) if terms.collection.advances else None,
        tells=terms.agents.tells,
        zone=terms.zone,
        references=terms.wallets.references,
        facts=day if any(map(_asks_facts, terms.tariffs.values())) else None,
    )


def _asks_facts(tariff: CompiledTariff) -> bool:
    """Whether its sales are priced by what agreements state beside what was sold to them."""
    return any(
        version.category is not None
        or any(isinstance(each, Fixed) and each.quantity != ONE for each in version.components)
        for version in tariff.tariff.versions
    )
