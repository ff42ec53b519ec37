"""What a customer's own phone may see: his meters, a quote, his last tokens, his balance.

Each query is a plain function of a reader and the company's terms; a business no is *returned*.
Nothing is locked and nothing is written: a quote is information, not a promise.
"""

from collections.abc import Sequence

from core.book import Stage, Wants
from core.company import Terms
from core.entities import Account, Agreement, Meter, Phone
from core.messages import CreditVend
from core.queries.views import AccountView, BalanceView, MeterView, PhoneView, QuoteView, SaleView
from core.refusals import Refusal, refuse
from core.registration.entities import PhoneGuard
from core.registration.guard import in_use, unused
from core.store.load import load
from core.store.load_key_changes import shown_with
from core.store.load_sales import Horizon
from core.store.tx import Reader
from core.vending import checks
from core.vending.balance import balance_view
from core.vending.key_change import newest
from core.vending.price import price_purchase, tender_of
from core.vending.receipt import line_views, lines_json, sale_view


def phone_view(reader: Reader, terms: Terms, msisdn: str) -> PhoneView:
    """Who calls: his accounts with what they can spend, his saved meters, his language."""
    wants = Wants(phones=(msisdn,), meters_of=(msisdn,))
    stage = Stage(load(reader, terms.code, wants, Horizon(), lock=False))
    phone = stage.get(Phone, msisdn)
    wallet = _label(terms, msisdn)
    if phone is None:
        return PhoneView(msisdn=msisdn, registered=False, wallet=wallet)
    accounts = [stage.need(Account, id_) for id_ in phone.account_ids]
    return PhoneView(
        msisdn=msisdn,
        registered=bool(accounts),
        language=phone.language,
        name=_holder_name(reader, phone.account_ids),
        accounts=tuple(AccountView(number=a.number, credit=a.spendable, currency=a.currency)
                       for a in accounts if a.state == "active"),
        meters=tuple(
            _meter_view(stage, msisdn, own.drn, own.name) for own in phone.meters
        ),
        wallet=wallet,
        seen_at=phone.seen_at,
    )  # fmt: skip


def _label(terms: Terms, msisdn: str, amount: int = 0) -> str:
    """What customers call the wallet that can ask this phone (for this amount); empty: none."""
    wallet = terms.wallets.serving(msisdn)
    if wallet is None or wallet.currency != terms.currency:
        return ""
    fits = wallet.least <= amount <= (wallet.most or amount)
    return wallet.label if fits or not amount else ""


def pin_state(reader: Reader, terms: Terms, msisdn: str) -> str:
    """``set``, ``unset``; or ``stranger``: a phone that may spend no account has no PIN."""
    wants = Wants(phones=(msisdn,), guards=(msisdn,))
    stage = Stage(load(reader, terms.code, wants, Horizon(), lock=False))
    phone, guard = stage.get(Phone, msisdn), stage.get(PhoneGuard, msisdn)
    if phone is None or not phone.account_ids:
        return "stranger"
    return "set" if guard is not None and guard.pin_proof else "unset"


def phone_languages(reader: Reader, terms: Terms, phones: Sequence[str]) -> dict[str, str]:
    """Phone -> its registered language, of those that are registered; one statement."""
    rows = reader.rows(
        "SELECT msisdn, language FROM phone WHERE company = :company AND msisdn IN :phones",
        company=terms.code,
        phones=list(phones),
    )
    return {str(phone): str(language) for phone, language in rows}


def _holder_name(reader: Reader, account_ids: tuple[int, ...]) -> str:
    rows = reader.rows(
        "SELECT c.name FROM account a JOIN customer c ON c.id = a.customer_id "
        "WHERE a.id IN :ids ORDER BY a.id",
        ids=list(account_ids),
    )
    return str(rows[0][0]) if rows else ""


def _meter_view(stage: Stage, msisdn: str, drn: str, name: str) -> MeterView:
    meter = stage.get(Meter, drn)
    agreement = stage.get(Agreement, stage.linked("agreement-of", meter.id)) if meter else None
    if agreement is None:
        return MeterView(drn=drn, name=name)
    own = checks.is_own(stage, msisdn, agreement)
    holder = agreement.holder if own else checks.masked(agreement.holder)
    return MeterView(drn=drn, name=name, holder=holder, own=own)


def quote(
    reader: Reader, terms: Terms, msisdn: str, meter: str, tender: int, account: str, now_us: int
) -> QuoteView | Refusal:
    """What the purchase would give now, or why it would be refused."""
    wants = Wants(phones=(msisdn,), meters=(meter,), guards=(msisdn,))
    stage = Stage(load(reader, terms.code, wants, checks.horizon(terms, now_us), lock=False))
    command = CreditVend(
        meter=meter, tender=tender, currency=terms.currency, phone=msisdn, account=account
    )
    try:
        return _quote(terms, stage, command, now_us)
    except Refusal as refusal:
        return refusal


def quote_units(
    reader: Reader, terms: Terms, msisdn: str, meter: str, tenths: int, account: str, now_us: int
) -> QuoteView | Refusal:
    """How much must be paid for so many tenths of the meter's unit: the least tender that gives at
    least them now, debts and charges included, as a quote; or why it would be refused."""
    wants = Wants(phones=(msisdn,), meters=(meter,), guards=(msisdn,))
    stage = Stage(load(reader, terms.code, wants, checks.horizon(terms, now_us), lock=False))
    if tenths <= 0:
        return refuse("tender-not-positive", tender=tenths)
    try:
        at = checks.sellable(terms, stage, meter)
        tender = tender_of(terms, stage, at, tenths, now_us)
        command = CreditVend(
            meter=meter, tender=tender, currency=terms.currency, phone=msisdn, account=account
        )
        return _quote(terms, stage, command, now_us)
    except Refusal as refusal:
        return refusal


def _quote(terms: Terms, stage: Stage, command: CreditVend, now_us: int) -> QuoteView:
    meter, agreement = checks.sellable(terms, stage, command.meter)
    wallet = _label(terms, command.phone, max(0, command.tender)) if command.tender > 0 else ""
    payer, own = _payer(stage, command, agreement, wallet, now_us)
    if command.tender <= 0:
        raise refuse("tender-not-positive", tender=command.tender)
    checks.within_limits(terms, stage, command, meter, by_phone=own)
    price = price_purchase(terms, stage, meter, agreement, command.tender, now_us)
    earlier = checks.likely_repeat(terms, stage, meter, command.tender, (payer.id, 0), now_us)
    if own and payer.spendable < command.tender and (earlier is None or wallet):
        if not wallet:
            raise refuse(
                "credit-insufficient",
                account=payer.number,
                credit=payer.spendable,
                tender=command.tender,
                currency=payer.currency,
            )
        own = False
    if not own and earlier is None:
        # by wallet it is the meter's own account that the sale belongs to, and that would refuse
        theirs = checks.account_of(stage, agreement).id
        earlier = checks.likely_repeat(terms, stage, meter, command.tender, (theirs, 0), now_us)
    key = newest(stage, meter)
    phone = stage.get(Phone, command.phone)
    names = {saved.drn: saved.name for saved in phone.meters} if phone else {}
    return QuoteView(
        meter=_meter_view(stage, command.phone, meter.drn, names.get(meter.drn, "")),
        tender=command.tender,
        currency=terms.currency,
        units_tenths=price.units_tenths,
        lines=line_views(lines_json(price.priced.lines)),
        carried_forward=price.priced.carried_forward,
        account=payer.number if own else "",
        credit=payer.spendable if own else 0,
        earlier=sale_view(terms, shown_with(key, earlier)) if earlier else None,
        commodity=meter.commodity,
        wallet=wallet,
        pin=_pin(terms, stage, command) if own else "",
    )


def _payer(
    stage: Stage, command: CreditVend, agreement: Agreement, wallet: str, now_us: int
) -> tuple[Account, bool]:
    """The account that the phone may spend, and True; where there is none and a wallet can pay, the
    meter's own, and False."""
    try:
        payer = checks.payer_of(stage, command, agreement)
        in_use(stage, command.phone, now_us)
    except Refusal:
        if not wallet:
            raise
        return checks.account_of(stage, agreement), False
    return payer, True


def _pin(terms: Terms, stage: Stage, command: CreditVend) -> str:
    limit = terms.limits.pin_above
    if not limit or command.tender <= limit:
        return ""
    guard = stage.get(PhoneGuard, command.phone)
    return "needed" if guard is not None and guard.pin_proof else "unset"


def last_sales(reader: Reader, terms: Terms, msisdn: str, limit: int) -> tuple[SaleView, ...]:
    """The last sales bought by this phone, newest first."""
    wants = Wants(last_sales_of=(msisdn,))
    book = load(reader, terms.code, wants, Horizon(), lock=False)
    sales = book.links.get(("last-sales", msisdn), ())
    return tuple(sale_view(terms, sale) for sale in sales[:limit])


def balance(reader: Reader, terms: Terms, msisdn: str, now_us: int) -> BalanceView | Refusal:
    """Credit, debts and what is left of the month's first block."""
    wants = Wants(phones=(msisdn,), meters_of=(msisdn,))
    horizon = Horizon(facts=checks.horizon(terms, now_us).facts)
    stage = Stage(load(reader, terms.code, wants, horizon, lock=False))
    phone = stage.get(Phone, msisdn)
    if phone is None or not phone.account_ids:
        return refuse("phone-not-registered", phone=msisdn)
    if unused(phone, now_us):
        return refuse("registration-unused", phone=msisdn)
    return balance_view(terms, stage, phone, now_us)
