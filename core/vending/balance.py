"""What a customer may know of his account: credit, debts, what is left of the first block."""

from core.book import Stage
from core.calendars import local_date, period_of
from core.company import Terms
from core.entities import Account, Agreement, AgreementState, Meter, Phone
from core.queries.views import BalanceView
from core.store.load_facts import NOTHING
from core.units import ELECTRICITY
from core.vending.price import debts_of


def balance_view(terms: Terms, stage: Stage, phone: Phone, now_us: int) -> BalanceView:
    """The balance of the first account that the phone may spend."""
    account = stage.need(Account, phone.account_ids[0])
    debt, left, commodity = 0, None, ELECTRICITY
    for meter, agreement in _agreements(stage, phone, account.id):
        debt += sum(d.outstanding for d in debts_of(stage, agreement))
        if left is None and agreement.tariff in terms.tariffs:
            left = _block_left(terms, stage, agreement, now_us)
            commodity = meter.commodity
    return BalanceView(
        account=account.number,
        credit=account.spendable,
        currency=account.currency,
        debt=debt,
        block_left_milli=left,
        commodity=commodity,
    )


def _agreements(stage: Stage, phone: Phone, account_id: int) -> list[tuple[Meter, Agreement]]:
    found = []
    for own in phone.meters:
        meter = stage.get(Meter, own.drn)
        if meter is None:
            continue
        agreement = stage.get(Agreement, stage.linked("agreement-of", meter.id))
        if agreement is not None and agreement.account_id == account_id:
            found.append((meter, agreement))
    return found


def _block_left(terms: Terms, stage: Stage, agreement: Agreement, now_us: int) -> int | None:
    today = local_date(now_us, terms.zone)
    tariff = terms.tariffs[agreement.tariff]
    category = (stage.linked("facts-of", agreement.id) or NOTHING).category
    if today < tariff.days[0]:
        return None
    limit = tariff.at(today, category).energy.blocks[0].up_to_milli
    if limit is None:
        return None
    state = stage.need(AgreementState, agreement.id)
    # as a sale would count: a clock set back does not reopen a month
    used = state.units_milli if state.period >= period_of(today) else 0
    return max(0, limit - used)
