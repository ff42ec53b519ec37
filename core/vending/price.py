"""The price of a purchase at one instant: which version, month, blocks, charges and debts apply."""

from collections.abc import Sequence
from datetime import date

import msgspec

from core.book import Stage
from core.calendars import local_date, period_of
from core.company import Terms
from core.entities import Agreement, AgreementState, Debt, Meter
from core.refusals import refuse
from core.sts.amounts import encodable_floor
from core.tariffs import sale as pricing
from core.tariffs.accrual import periods_due
from core.tariffs.compiling import CompiledTariff, NoTariffError
from core.tariffs.pricing import MissingQuantityError
from core.tariffs.solving import solve

MILLI_PER_TENTH = 100


class Price(msgspec.Struct, frozen=True, gc=False):
    """A solved sale with what decided it."""

    priced: pricing.Priced
    tariff: CompiledTariff
    period: int
    debt_ids: tuple[int, ...]

    @property
    def units_tenths(self) -> int:
        """What the token carries, in tenths of the unit."""
        return self.priced.units_milli // MILLI_PER_TENTH

    @property
    def tariff_name(self) -> str:
        """The tariff and its version, as the sale remembers it."""
        return f"{self.tariff.tariff.code}@{self.priced.valid_from.isoformat()}"


def debts_of(stage: Stage, agreement: Agreement) -> list[Debt]:
    """The agreement's open debts, as this message sees them, by priority."""
    ids = stage.linked("debts-of", agreement.id)
    if not ids:
        return []
    found = [stage.need(Debt, id_) for id_ in ids]
    return sorted(
        (debt for debt in found if debt.outstanding > 0), key=lambda d: (d.priority, d.code, d.id)
    )


def sale_state(
    terms: Terms,
    meter: Meter,
    agreement: Agreement,
    left: tuple[AgreementState, Sequence[Debt]],
    at_us: int,
) -> pricing.SaleState:
    """What earlier sales ``left`` to this one, at an instant, in the company's calendar.

    Month charges begin with the agreement, or with the tariff where that is younger: what lies
    before belongs to whoever sold then.
    """
    state, debts = left
    today = local_date(at_us, terms.zone)
    period = max(period_of(today), state.period)  # a clock set back does not reopen a month
    tariff = terms.tariffs[agreement.tariff]
    began = max(date.fromisoformat(agreement.since), tariff.days[0])
    through = state.fixed_through or None
    return pricing.SaleState(
        on=today,
        units_milli=state.units_milli if same_limits(tariff, today, state.period, period) else 0,
        fixed_due=periods_due(through, period_of(began), period, tariff.at(today).catch_up),
        fixed_through=through,
        debts=tuple(
            pricing.Debt(
                code=debt.code,
                priority=debt.priority,
                method=debt.method,  # type: ignore[arg-type] # checked when the debt is made
                value=debt.value,
                outstanding=debt.outstanding,
                cap_per_sale=debt.cap_per_sale or None,
            )
            for debt in debts
        ),
        limits=pricing.Limits(meter.max_credit_tenths * MILLI_PER_TENTH),
    )


def same_limits(tariff: CompiledTariff, today: date, before: int, now: int) -> bool:
    """Whether units sold in month ``before`` count for the limits of blocks in month ``now``."""
    yearly = tariff.at(today).period == "calendar_year"
    return before // 100 == now // 100 if yearly else before == now


def price_purchase(
    terms: Terms, stage: Stage, meter: Meter, agreement: Agreement, tender: int, at_us: int
) -> Price:
    """Price ``tender`` for this meter at ``at_us``. Refusals: too small, above the meter, no price
    (no version in force, or one that needs a quantity which the agreement does not state)."""
    tariff = terms.tariffs[agreement.tariff]
    stored, debts = stage.need(AgreementState, agreement.id), debts_of(stage, agreement)
    try:
        state = sale_state(terms, meter, agreement, (stored, debts), at_us)
        result = solve(tariff, tender, state, terms.deductions, encodable_floor)
    except (NoTariffError, MissingQuantityError) as error:
        why = str(error)
        raise refuse("tariff-missing", meter=meter.drn, tariff=agreement.tariff, why=why) from error
    if isinstance(result, pricing.TooSmall):
        raise refuse(
            "tender-too-small",
            tender=tender,
            smallest=result.smallest_useful,
            currency=terms.currency,
            meter=meter.drn,
        )
    if isinstance(result, pricing.AtJump):
        raise refuse(
            "tender-at-step",
            tender=tender,
            largest=result.up_to,
            smallest=result.least,
            currency=terms.currency,
            meter=meter.drn,
        )
    if isinstance(result, pricing.Overflow):
        raise refuse(
            "credit-above-meter",
            meter=meter.drn,
            tender=tender,
            largest=result.largest_useful,
            currency=terms.currency,
            limit_tenths=meter.max_credit_tenths,
            commodity=meter.commodity,
        )
    period = max(period_of(state.on), stored.period)
    return Price(result, tariff, period, tuple([debt.id for debt in debts]))
