"""The exact solution again, slowly and in the plainest way: the judge of ``solving``.

Everything is a Fraction of minor units and nothing is compiled, ordered or rounded. It shares the
shapes with the engine and no arithmetic, so that a mistake would have to be made twice.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

import msgspec

from core.calendars import first_day
from core.money import currency
from core.tariffs.reference_bill import applies, season_on
from core.tariffs.reference_charges import breaks_of, levied, metered_cost
from core.tariffs.sale import DeductionPolicy, SaleState
from core.tariffs.shapes import (
    E8,
    MILLI,
    Credit,
    Energy,
    Fixed,
    Levy,
    Percent,
    Premium,
    Tariff,
    TariffVersion,
    TaxInTender,
    TaxOnLines,
)

#: Units after those of before: from, to (None: no end), the cost just above, the cost of one more.
Piece = tuple[Fraction, Fraction | None, Fraction, Fraction]


def exact_units(
    tariff: Tariff,
    tender: Fraction | int,
    state: SaleState,
    policy: DeductionPolicy,
    sold_before: Fraction | None = None,
) -> Fraction:
    """Whole units that a tender buys if nothing is rounded; 0 if it does not reach.

    ``sold_before`` (whole units) replaces the state's own count, for chains of exact sales.
    """
    version = in_force(tariff, state)
    before = Fraction(state.units_milli, MILLI) if sold_before is None else sold_before
    rest = exact_rest(version, Fraction(tender), state, policy)
    bare = exact_cost(tariff, state, before, Fraction(0))
    if rest < bare:
        return Fraction(0)
    if not _is_plain(version):
        return largest_in(pieces_of(tariff, state, before, rest), rest)
    done, spent = Fraction(0), bare
    for block in _energy(version).blocks:
        if block.up_to_milli is None:
            step = Fraction(1)  # the last block is a straight line: one unit gives its slope
            slope = exact_cost(tariff, state, before, done + step) - spent
            return done + (rest - spent) / slope
        end = Fraction(block.up_to_milli, MILLI) - before
        if end <= done:
            continue
        at_end = exact_cost(tariff, state, before, end)
        if at_end > rest:
            return done + (end - done) * (rest - spent) / (at_end - spent)
        done, spent = end, at_end
    raise AssertionError("the last block has no end")


def exact_cost(tariff: Tariff, state: SaleState, before: Fraction, units: Fraction) -> Fraction:
    """Minor units of ``units`` whole units after ``before``, with the month charges and every
    percentage, unrounded; the tax inside the tender is not part of it."""
    version = in_force(tariff, state)
    scale = currency(tariff.currency).scale
    amounts: dict[str, Fraction] = {}
    for charge, rate, quantity in _month_charges(tariff, state):
        amounts[charge] = amounts.get(charge, Fraction(0)) + rate * quantity * scale
    for component in version.components:
        if isinstance(component, Energy | Premium):
            cost = metered_cost(component, before + units) - metered_cost(component, before)
            amounts[component.code] = cost * scale
        elif isinstance(component, Credit):
            amounts[component.code] = units
        elif isinstance(component, Levy):
            count = levied(component, before + units) - levied(component, before)
            amounts[component.code] = Fraction(component.rate_e8, E8) * count * scale
    waiting = [c for c in version.components if isinstance(c, Percent | TaxOnLines)]
    late = {c.code for c in waiting}
    while waiting:
        item = waiting.pop(0)
        if late.intersection(item.of):
            waiting.append(item)
            continue
        base = sum((amounts.get(code, Fraction(0)) for code in item.of), Fraction(0))
        amounts[item.code] = base * Fraction(item.rate_e8, E8)
        late.remove(item.code)
    return sum(amounts.values(), Fraction(0))


def exact_rest(
    version: TariffVersion, tender: Fraction, state: SaleState, policy: DeductionPolicy
) -> Fraction:
    """What fee, debts and the tax inside the tender leave. The fee is a whole number by law of
    ``DeductionPolicy``: it is another's money, taken before the tariff sees the tender."""
    net = tender
    if policy.fee is not None:
        fee = policy.fee.amount + _half_up(tender * policy.fee.rate_e8 / E8)
        net -= _least(
            tender, Fraction(fee), Fraction(fee if policy.fee.cap is None else policy.fee.cap)
        )
    net -= _least(net, Fraction(sum(debt.outstanding for debt in state.debts if debt.first)))
    tax = next((c for c in version.components if isinstance(c, TaxInTender)), None)
    wanted = _debts(net, state, policy)
    if tax is None or not tax.on_debts:
        share = Fraction(E8, E8 + tax.rate_e8) if tax is not None else Fraction(1)
        return max(net - sum(wanted.values()), Fraction(0)) * share
    before = sum((want for taxed, want in wanted.items() if not taxed), Fraction(0))
    left = max(net - before, Fraction(0)) * Fraction(E8, E8 + tax.rate_e8)
    return max(left - wanted.get(True, Fraction(0)), Fraction(0))


def _debts(net: Fraction, state: SaleState, policy: DeductionPolicy) -> dict[bool, Fraction]:
    """What debts want, by whether a tax on debts lies on them; what comes first is off already."""
    cap = Fraction(sum(debt.outstanding for debt in state.debts))
    if policy.debts_cap is not None:
        cap = _least(cap, Fraction(policy.debts_cap))
    if policy.debts_cap_rate_e8 is not None:
        cap = _least(cap, net * Fraction(policy.debts_cap_rate_e8, E8))
    found: dict[bool, Fraction] = {}
    others = [debt for debt in state.debts if not debt.first]
    for debt in sorted(others, key=lambda debt: (debt.priority, debt.code)):
        share = Fraction(debt.value, E8)
        wanted = {
            "percent_of_tender": share * net,
            "percent_of_outstanding": Fraction(_half_up(share * debt.outstanding)),
            "fixed": Fraction(debt.value),
            "all": Fraction(debt.outstanding),
        }[debt.method]
        caps = [Fraction(debt.outstanding), cap]
        if debt.cap_per_sale is not None:
            caps.append(Fraction(debt.cap_per_sale))
        want = _least(wanted, *caps)
        cap -= want
        found[debt.taxed] = found.get(debt.taxed, Fraction(0)) + want
    return found


def _month_charges(tariff: Tariff, state: SaleState) -> list[tuple[str, Fraction, Fraction]]:
    """(code, rate, quantity) of each charge of each due month."""
    charges = []
    for period in state.fixed_due:
        for item in charges_of_month(tariff, state, period):
            milli = MILLI if item.quantity == "one" else state.attributes[item.quantity]
            charges.append((item.code, Fraction(item.rate_e8, E8), Fraction(milli, MILLI)))
    return charges


def charges_of_month(tariff: Tariff, state: SaleState, period: int) -> list[Fixed]:
    """The month charges in force on the first day of a month (at the tariff's own beginning, if
    that is later), in its season, for the customer's category."""
    day = first_day(period)
    began = [v for v in tariff.versions if v.valid_from <= day]
    version = began[-1] if began else tariff.versions[0]
    season = season_on(version, max(day, version.valid_from))
    category = state.category or (version.category.default if version.category else "")
    fixed = [c for c in version.components if isinstance(c, Fixed)]
    return [charge for charge in fixed if applies(charge, season, category)]


def _is_plain(version: TariffVersion) -> bool:
    counting = [c for c in version.components if isinstance(c, Energy | Premium | Levy)]
    metered = [c for c in counting if not isinstance(c, Levy)]
    whole = all(c.part is None for c in counting)
    return whole and len(metered) == 1 and metered[0].structure == "graduated"


def pieces_of(tariff: Tariff, state: SaleState, before: Fraction, rest: Fraction) -> list[Piece]:
    """The straight pieces of the cost after ``before`` units, as far as ``rest`` may reach.

    Between two breaks the cost is a straight line, which two points inside give. Where crossing a
    limit gives money back, that buys packages too.
    """
    version = in_force(tariff, state)
    counting = [c for c in version.components if isinstance(c, Energy | Premium | Levy)]
    limits = [point for c in counting for point in breaks_of(c, before, before, Fraction(0))]
    top = max([before, *limits])
    back = max(Fraction(0), -exact_cost(tariff, state, before, top + 1 - before))
    # rebates can make packages cheaper
    major = 2 * (rest + back) / currency(tariff.currency).scale
    breaks = {point for c in counting for point in breaks_of(c, before, top, major)}
    starts = [before, *sorted(point for point in breaks if point > before)]
    pieces: list[Piece] = []
    for i, low in enumerate(starts):
        high = starts[i + 1] if i + 1 < len(starts) else None
        width = (high - low) / 3 if high is not None else Fraction(1)
        one = exact_cost(tariff, state, before, low + width - before)
        two = exact_cost(tariff, state, before, low + 2 * width - before)
        slope = (two - one) / width
        pieces.append((low - before, None if high is None else high - before, one - slope * width,
                       slope))  # fmt: skip
    return pieces


def largest_in(pieces: list[Piece], rest: Fraction) -> Fraction:
    """The largest number of units that the rest pays for, whatever lies below."""
    for i in range(len(pieces) - 1, -1, -1):
        low, high, right, slope = pieces[i]
        if right >= rest and not (right == rest and (i == 0 or not slope)):
            continue
        if not slope:
            assert high is not None
            return high
        end = low + (rest - right) / slope
        return end if high is None else min(end, high)
    return Fraction(0)


def _least(first: Fraction, *more: Fraction) -> Fraction:
    return min((first, *more))


def _half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))  # only of what is not negative


def _energy(version: TariffVersion) -> Energy:
    return next(c for c in version.components if isinstance(c, Energy))


def in_force(tariff: Tariff, state: SaleState) -> TariffVersion:
    """The version of the day, with the components of its season and of the customer's category."""
    version = [v for v in tariff.versions if v.valid_from <= state.on][-1]
    category = state.category or (version.category.default if version.category else "")
    season = season_on(version, state.on)
    active = tuple(c for c in version.components if applies(c, season, category))
    return msgspec.structs.replace(version, components=active)
