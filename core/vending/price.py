"""The price of a purchase at one instant: which version, month, blocks, charges and debts apply."""

from collections.abc import Collection
from datetime import date
from functools import partial

import msgspec

from core.book import Stage
from core.calendars import local_date, period_of
from core.company import Terms
from core.entities import Agreement, AgreementPause, AgreementState, Meter
from core.refusals import Refusal, refuse
from core.store.load_facts import NOTHING, Facts
from core.sts.amounts import coins_floor, encodable_floor
from core.tariffs import sale as pricing
from core.tariffs.accrual import paused_months, periods_due
from core.tariffs.compiling import CompiledTariff, NoTariffError
from core.tariffs.pricing import MissingQuantityError
from core.tariffs.solving import solve, tender_for
from core.units import is_money
from core.vending.owed import Owing, debts_of, owing, paid_of, refuse_if_blocked

__all__ = [
    "MILLI_PER_TENTH",
    "NO_PRICE",
    "Known",
    "Price",
    "debts_of",
    "encodable",
    "known",
    "no_price",
    "paused",
    "price_purchase",
    "sale_state",
    "same_limits",
    "sold",
    "tender_of",
]

MILLI_PER_TENTH = 100


class Price(msgspec.Struct, frozen=True, gc=False):
    """A solved sale with what decided it."""

    priced: pricing.Priced
    tariff: CompiledTariff
    period: int
    paid_debts: tuple[tuple[int, int], ...] = ()  # (debt id, minor units)
    paid_items: tuple[tuple[int, int], ...] = ()  # (open item id, minor units)

    @property
    def units_tenths(self) -> int:
        """What the token carries, in tenths of the unit."""
        return self.priced.units_milli // MILLI_PER_TENTH

    @property
    def tariff_name(self) -> str:
        """The tariff and its version, as the sale remembers it."""
        return f"{self.tariff.tariff.code}@{self.priced.valid_from.isoformat()}"


class Known(msgspec.Struct, frozen=True, gc=False):
    """What the books know of an agreement at an instant: its state, and what its sale may pay.

    ``paused``: months without service; ``facts``: its attributes and category.
    """

    state: AgreementState
    owed: tuple[Owing, ...] = ()
    paused: Collection[int] = ()
    facts: Facts = NOTHING


def known(terms: Terms, stage: Stage, agreement: Agreement, at_us: int) -> Known:
    """What a sale of this instant goes by."""
    state = stage.need(AgreementState, agreement.id)
    return Known(
        state,
        owing(terms, stage, agreement, local_date(at_us, terms.zone)),
        paused(terms, stage, state, at_us),
        stage.linked("facts-of", agreement.id) or NOTHING,
    )


def paused(terms: Terms, stage: Stage, state: AgreementState, at_us: int) -> Collection[int]:
    """The months (YYYYMM) up to an instant in which the agreement had no service at all."""
    if not state.pauses:
        return ()
    found = [stage.need(AgreementPause, id_) for id_ in stage.linked("pauses-of", state.id) or ()]
    return paused_months([(pause.from_us, pause.to_us) for pause in found], terms.zone, at_us)


def sale_state(
    terms: Terms, meter: Meter, agreement: Agreement, left: Known, at_us: int
) -> pricing.SaleState:
    """What earlier sales ``left`` to this one, at an instant, in the company's calendar.

    Month charges begin with the agreement, or with the tariff where that is younger: what lies
    before belongs to whoever sold then.
    """
    state, facts = left.state, left.facts
    today = local_date(at_us, terms.zone)
    period = max(period_of(today), state.period)  # a clock set back does not reopen a month
    tariff = terms.tariffs[agreement.tariff]
    version = tariff.at(today, facts.category)
    began = max(date.fromisoformat(agreement.since), tariff.days[0])
    through = state.fixed_through or None
    counts = same_limits(tariff, today, state.period, period, facts.category)
    return pricing.SaleState(
        on=today,
        units_milli=state.units_milli if counts else 0,
        fixed_due=periods_due(through, period_of(began), period, version.catch_up, left.paused),
        fixed_through=through,
        debts=tuple([each.debt for each in left.owed]),
        limits=pricing.Limits(meter.max_credit_tenths * MILLI_PER_TENTH),
        attributes=facts.attributes,
        category=facts.category,
    )


def same_limits(
    tariff: CompiledTariff, today: date, before: int, now: int, category: str = ""
) -> bool:
    """Whether units sold in month ``before`` count for the limits of blocks in month ``now``."""
    yearly = tariff.at(today, category).period == "calendar_year"
    return before // 100 == now // 100 if yearly else before == now


def encodable(terms: Terms, meter: Meter) -> pricing.Encodable:
    """What a token for this meter can carry: units, or the company's money."""
    if is_money(meter.commodity):
        return partial(coins_floor, exponent=terms.exponent)
    return encodable_floor


def price_purchase(
    terms: Terms, stage: Stage, meter: Meter, agreement: Agreement, tender: int, at_us: int
) -> Price:
    """Price ``tender`` for this meter at ``at_us``. Refusals: blocked by what is owed, too small,
    above the meter, no price (no version in force, or one that needs a quantity which the
    agreement does not state)."""
    refuse_if_blocked(terms, stage, meter, agreement, local_date(at_us, terms.zone))
    left = known(terms, stage, agreement, at_us)
    tariff = terms.tariffs[agreement.tariff]
    try:
        state = sale_state(terms, meter, agreement, left, at_us)
        result = solve(tariff, tender, state, terms.deductions, encodable(terms, meter))
    except NO_PRICE as error:
        raise no_price(meter, agreement, error) from error
    priced = sold(terms, meter, result)
    period = max(period_of(state.on), left.state.period)
    paid = paid_of(left.owed, priced)
    if paid.items:
        priced = msgspec.structs.replace(priced, lines=paid.lines)
    return Price(priced, tariff, period, paid.debts, paid.items)


def tender_of(
    terms: Terms, stage: Stage, at: tuple[Meter, Agreement], tenths: int, at_us: int
) -> int:
    """The least tender that buys at least ``tenths`` for this meter now. Refusals as of a price."""
    meter, agreement = at
    left = known(terms, stage, agreement, at_us)
    tariff = terms.tariffs[agreement.tariff]
    units = tenths * MILLI_PER_TENTH
    try:
        state = sale_state(terms, meter, agreement, left, at_us)
        found = tender_for(tariff, units, state, terms.deductions, encodable(terms, meter))
    except NO_PRICE as error:
        raise no_price(meter, agreement, error) from error
    if isinstance(found, pricing.Overflow):
        sold(terms, meter, found)
        raise AssertionError("an overflow is refused")
    return found


#: What a tariff says when it has no price for an agreement or a day.
NO_PRICE = (NoTariffError, MissingQuantityError)


def no_price(meter: Meter, agreement: Agreement, error: Exception) -> Refusal:
    """A tariff that has no price for this agreement is a business no."""
    return refuse("tariff-missing", meter=meter.drn, tariff=agreement.tariff, why=str(error))


def sold(terms: Terms, meter: Meter, result: pricing.SaleResult) -> pricing.Priced:
    """The priced sale, or the refusal that the result is."""
    if isinstance(result, pricing.TooSmall):
        raise refuse(
            "tender-too-small",
            tender=result.tender,
            smallest=result.smallest_useful,
            currency=terms.currency,
            meter=meter.drn,
        )
    if isinstance(result, pricing.AtJump):
        raise refuse(
            "tender-at-step",
            tender=result.tender,
            largest=result.up_to,
            smallest=result.least,
            currency=terms.currency,
            meter=meter.drn,
        )
    if isinstance(result, pricing.Overflow):
        raise refuse(
            "credit-above-meter",
            meter=meter.drn,
            tender=result.tender,
            largest=result.largest_useful,
            currency=terms.currency,
            limit_tenths=meter.max_credit_tenths,
            commodity=meter.commodity,
        )
    return result
