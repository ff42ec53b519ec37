"""A sale computed the slow way, with Fractions and Decimals, one step after another.

It tries encodable values downwards from the exact solution until the rounded lines fit. It shares
with the engine the shapes and the exact reference, and no rounding and no order of computing.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from math import ceil, floor

from core.calendars import first_day
from core.money import currency
from core.tariffs.reference import exact_units
from core.tariffs.sale import DeductionPolicy, Encodable, SaleState
from core.tariffs.shapes import (
    E8,
    Energy,
    Fixed,
    Levy,
    Percent,
    Tariff,
    TariffVersion,
    TaxInTender,
    TaxOnLines,
)

MODES = {"half_up": ROUND_HALF_UP, "up": ROUND_CEILING, "down": ROUND_FLOOR}
Amounts = dict[tuple[str, int], int]  # (code, block) → minor units, in no order


def rounded(value: Fraction, mode: str = "half_up") -> int:
    with localcontext() as context:
        context.prec = 120
        quotient = Decimal(value.numerator) / Decimal(value.denominator)
        return int(quotient.quantize(Decimal(1), MODES[mode]))


def in_force(tariff: Tariff, state: SaleState) -> TariffVersion:
    return [v for v in tariff.versions if v.valid_from <= state.on][-1]


def fixed_amounts(tariff: Tariff, state: SaleState) -> dict[str, int]:
    """Month charges by code; months of the very same charge are one line."""
    scale = currency(tariff.currency).scale
    groups: list[tuple[Fixed, int]] = []
    for period in state.fixed_due:
        began = [v for v in tariff.versions if v.valid_from <= first_day(period)]
        for item in (began[-1] if began else tariff.versions[0]).components:
            if isinstance(item, Fixed):
                milli = 1000 if item.quantity == "one" else state.attributes[item.quantity]
                groups.append((item, milli))
    amounts: dict[str, int] = {}
    for item, milli in dict.fromkeys(groups):
        months = groups.count((item, milli))
        exact = Fraction(item.rate_e8, E8) * Fraction(milli, 1000) * months * scale
        amounts[item.code] = amounts.get(item.code, 0) + rounded(exact, item.rounding)
    return amounts


def lines_at(tariff: Tariff, state: SaleState, units: int) -> Amounts:
    """Rounded lines of ``units`` milli-units and of the month charges."""
    version = in_force(tariff, state)
    scale = currency(tariff.currency).scale
    by_code = fixed_amounts(tariff, state)
    amounts: Amounts = {(code, 0): amount for code, amount in by_code.items()}
    for item in version.components:
        if isinstance(item, Energy):
            total = 0
            low = 0
            for number, block in enumerate(item.blocks, 1):
                high = block.up_to_milli
                start = max(low, state.units_milli)
                end = state.units_milli + units
                end = end if high is None else min(end, high)
                low = high or 0
                if end > start:
                    exact = Fraction(block.rate_e8 * (end - start) * scale, E8 * 1000)
                    amounts[item.code, number] = rounded(exact, item.rounding)
                    total += amounts[item.code, number]
            by_code[item.code] = total
        elif isinstance(item, Levy) and units:
            exact = Fraction(item.rate_e8 * units * scale, E8 * 1000)
            amounts[item.code, 0] = by_code[item.code] = rounded(exact, item.rounding)
    _percentages(version, by_code, amounts)
    return amounts


def _percentages(version: TariffVersion, by_code: dict[str, int], amounts: Amounts) -> None:
    items = [c for c in version.components if isinstance(c, Percent | TaxOnLines)]
    late = {c.code for c in items}
    while items:
        item = next(c for c in items if not late.intersection(c.of))
        base = sum(by_code.get(code, 0) for code in item.of)
        amount = rounded(Fraction(base * item.rate_e8, E8), item.rounding)
        amounts[item.code, 0] = by_code[item.code] = amount
        items.remove(item)
        late.remove(item.code)


def deductions(
    tariff: Tariff, tender: int, state: SaleState, policy: DeductionPolicy
) -> tuple[Amounts, int]:
    """Rounded fee, debts and tax inside the tender, and what they leave."""
    amounts: Amounts = {}
    net = tender
    if policy.fee:
        fee = policy.fee.amount + rounded(Fraction(tender * policy.fee.rate_e8, E8))
        fee = min(tender, fee if policy.fee.cap is None else min(fee, policy.fee.cap))
        amounts[policy.fee.code, 0] = fee
        net -= fee
    tax = next((c for c in in_force(tariff, state).components if isinstance(c, TaxInTender)), None)
    share = Fraction(E8, E8 + tax.rate_e8) if tax else Fraction(1)
    if tax and tax.on_debts:
        rest, exact = rounded(net * share), net * share
        amounts[tax.code, 0] = net - rest
    else:
        rest, exact = net, Fraction(net)
    for code, want in _wants(net, state, policy):
        exact -= min(want, exact)
        on_debts = tax is not None and tax.on_debts
        left = floor(exact + Fraction(1, 2)) if on_debts else ceil(exact - Fraction(1, 2))
        amounts[code, 0] = rest - left
        rest = left
    if tax and not tax.on_debts:
        amounts[tax.code, 0] = rest - rounded(rest * share)
        rest = rounded(rest * share)
    return amounts, rest


def _wants(net: int, state: SaleState, policy: DeductionPolicy) -> list[tuple[str, Fraction]]:
    cap = Fraction(sum(debt.outstanding for debt in state.debts))
    if policy.debts_cap is not None:
        cap = min(cap, Fraction(policy.debts_cap))
    if policy.debts_cap_rate_e8 is not None:
        cap = min(cap, Fraction(policy.debts_cap_rate_e8 * net, E8))
    wants = []
    for debt in sorted(state.debts, key=lambda debt: (debt.priority, debt.code)):
        want = {
            "percent_of_tender": Fraction(debt.value * net, E8),
            "percent_of_outstanding": Fraction(
                rounded(Fraction(debt.value * debt.outstanding, E8))
            ),
            "fixed": Fraction(debt.value),
            "all": Fraction(debt.outstanding),
        }[debt.method]
        want = min(want, Fraction(debt.outstanding), cap)
        if debt.cap_per_sale is not None:
            want = min(want, Fraction(debt.cap_per_sale))
        cap -= want
        wants.append((debt.code, want))
    return wants


def sell(
    tariff: Tariff, tender: int, state: SaleState, policy: DeductionPolicy, encodable: Encodable
) -> tuple[int, Amounts, int]:
    """Milli-units (0: none), all rounded lines that are not zero, carried forward."""
    taken, rest = deductions(tariff, tender, state, policy)
    tenths = encodable(floor(exact_units(tariff, tender, state, policy) * 10))
    while tenths > 0:
        lines = lines_at(tariff, state, tenths * 100)
        if sum(lines.values()) <= rest:
            every = {key: amount for key, amount in (taken | lines).items() if amount}
            return tenths * 100, every, rest - sum(lines.values())
        tenths = encodable(tenths - 1)
    return 0, {}, rest
