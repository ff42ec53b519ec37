"""A sale computed the slow way: every line a Fraction, every encodable amount tried downwards.

Written from docs/tariffs.md: fee, debts, tax inside the tender, month charges, units. It shares
with the engine the shapes, with ``reference`` the exact solution, and no search and no order of
computing: what is sold is found by trying, and what is refused by trying the neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from core.money import currency
from core.tariffs.reference import (
    Piece,
    charges_of_month,
    exact_cost,
    exact_rest,
    in_force,
    largest_in,
    pieces_of,
)
from core.tariffs.reference_charges import levied, metered_between, rounded
from core.tariffs.sale import Debt, DeductionPolicy, Encodable, SaleState
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

Amounts = dict[tuple[str, int], int]  # (code, block) → minor units, in no order
TENTH = 100  # milli-units
JUST_BELOW = Fraction(1, 10**15)  # units: nearer than any two limits


@dataclass(slots=True)
class SlowSale:
    """What is sold from: the tariff, what earlier sales left, the company's order, the coding."""

    tariff: Tariff
    state: SaleState
    policy: DeductionPolicy
    encodable: Encodable
    _pieces: list[Piece] = field(default_factory=list)
    _reach: Fraction = Fraction(-1)

    def exact(self, tender: int) -> Fraction:
        """Whole units without rounding; the pieces of the cost are kept for the next tender."""
        version = in_force(self.tariff, self.state)
        rest = exact_rest(version, Fraction(tender), self.state, self.policy)
        if rest < self._cost(Fraction(0)):
            return Fraction(0)
        if rest > self._reach:
            before = Fraction(self.state.units_milli, MILLI)
            self._reach = rest * 5 / 4
            self._pieces = pieces_of(self.tariff, self.state, before, self._reach)
        return largest_in(self._pieces, rest)

    def left(self, tender: int) -> Fraction:
        """Minor units that buy nothing because one more unit would make all of them dearer.

        At a limit that is exclusive the units themselves cost more already: what counts is the
        cost just below, which two points there give.
        """
        version = in_force(self.tariff, self.state)
        rest = exact_rest(version, Fraction(tender), self.state, self.policy)
        units = self.exact(tender)
        if units:
            near, nearer = (self._cost(units - n * JUST_BELOW) for n in (2, 1))
            return max(rest - (2 * nearer - near), Fraction(0))
        return max(rest - self._cost(units), Fraction(0))

    def _cost(self, units: Fraction) -> Fraction:
        before = Fraction(self.state.units_milli, MILLI)
        return exact_cost(self.tariff, self.state, before, units)

    def asks(self) -> bool:
        """Whether the tariff asks at a jump."""
        components = in_force(self.tariff, self.state).components
        return any(getattr(item, "at_jump", None) == "ask" for item in components)

    def sell(self, tender: int) -> tuple[int, Amounts, int]:
        """Milli-units (0: none), all rounded lines that are not zero, carried forward."""
        taken, rest = deductions(self.tariff, tender, self.state, self.policy)
        tenths = self.encodable(floor(self.exact(tender) * 10))
        while tenths > 0:
            lines = lines_at(self.tariff, self.state, tenths * TENTH)
            spent = sum(lines.values())
            if spent <= rest:
                every = {key: amount for key, amount in (taken | lines).items() if amount}
                return tenths * TENTH, every, rest - spent
            tenths = self.encodable(tenths - 1)
        return 0, {}, rest

    def rest(self, tender: int) -> int:
        """Minor units left for month charges and units."""
        return deductions(self.tariff, tender, self.state, self.policy)[1]

    def taken(self, tender: int) -> Amounts:
        """The rounded deductions."""
        return deductions(self.tariff, tender, self.state, self.policy)[0]

    def lines_at(self, units: int) -> Amounts:
        """The rounded lines of so many milli-units and of the month charges."""
        return lines_at(self.tariff, self.state, units)

    def short_at(self, tender: int) -> str:
        """The first step, in the company's order, that the tender does not pay in full."""
        taken, _ = deductions(self.tariff, tender, self.state, self.policy)
        fee = self.policy.fee
        left = tender - (taken[fee.code, 0] if fee else 0)
        if fee and not left:
            return "fee"
        tax = [c for c in in_force(self.tariff, self.state).components if _in_tender(c)]
        wanted = sum(want for _, want in _wants(left, self.state, self.policy))
        needs = {
            "debts": ceil(wanted),
            "fixed": sum(fixed_amounts(self.tariff, self.state).values()),
            "tax": taken[tax[0].code, 0] if tax else 0,
        }
        for step in self.policy.order:
            if needs.get(step, 0) > left:
                return step
            left -= needs.get(step, 0)
        return "energy"


def _in_tender(component: object) -> bool:
    return isinstance(component, TaxInTender)


def fixed_amounts(tariff: Tariff, state: SaleState) -> dict[str, int]:
    """Month charges by code; months of the very same charge are one line."""
    scale = currency(tariff.currency).scale
    groups: list[tuple[Fixed, int]] = []
    for period in state.fixed_due:
        for item in charges_of_month(tariff, state, period):
            milli = MILLI if item.quantity == "one" else state.attributes[item.quantity]
            groups.append((item, milli))
    amounts: dict[str, int] = {}
    for item, milli in dict.fromkeys(groups):
        months = groups.count((item, milli))
        exact = Fraction(item.rate_e8, E8) * Fraction(milli, MILLI) * months * scale
        amounts[item.code] = amounts.get(item.code, 0) + int(rounded(item.rounding, exact))
    return amounts


def lines_at(tariff: Tariff, state: SaleState, units: int) -> Amounts:
    """Rounded lines of ``units`` milli-units and of the month charges."""
    version = in_force(tariff, state)
    scale = currency(tariff.currency).scale
    by_code = fixed_amounts(tariff, state)
    amounts: Amounts = {(code, 0): amount for code, amount in by_code.items()}
    low = Fraction(state.units_milli, MILLI)
    high = low + Fraction(units, MILLI)
    for item in version.components:
        found: dict[int, int] = {}
        if isinstance(item, Energy | Premium):
            found = _metered(item, low, high, scale)
        elif isinstance(item, Credit):
            found = {1: int(rounded(item.rounding, Fraction(units, MILLI)))}
        elif isinstance(item, Levy) and units:
            exact = Fraction(item.rate_e8, E8) * (levied(item, high) - levied(item, low)) * scale
            found = {0: int(rounded(item.rounding, exact))}
        for block, amount in found.items():
            amounts[item.code, block] = amount
            by_code[item.code] = by_code.get(item.code, 0) + amount
    _percentages(version, by_code, amounts)
    return amounts


def _metered(item: Energy | Premium, low: Fraction, high: Fraction, scale: int) -> dict[int, int]:
    """By block: each priced part rounded by itself, or all of them as one line."""
    exact: dict[int, Fraction] = {}
    for block, price, count in metered_between(item, low, high):
        line = 0 if item.one_line else block
        exact[line] = exact.get(line, Fraction(0)) + price * count * scale
    return {line: int(rounded(item.rounding, amount)) for line, amount in exact.items()}


def _percentages(version: TariffVersion, by_code: dict[str, int], amounts: Amounts) -> None:
    items = [c for c in version.components if isinstance(c, Percent | TaxOnLines)]
    late = {c.code for c in items}
    while items:
        item = next(c for c in items if not late.intersection(c.of))
        base = sum(by_code.get(code, 0) for code in item.of)
        amount = int(rounded(item.rounding, Fraction(base * item.rate_e8, E8)))
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
        fee = policy.fee.amount + _half_up(Fraction(tender * policy.fee.rate_e8, E8))
        fee = min(tender, fee if policy.fee.cap is None else min(fee, policy.fee.cap))
        amounts[policy.fee.code, 0] = fee
        net -= fee
    for debt in state.debts:
        if debt.first:
            amounts[debt.code, 0] = min(net, debt.outstanding)
            net -= amounts[debt.code, 0]
    tax = next((c for c in in_force(tariff, state).components if isinstance(c, TaxInTender)), None)
    share = Fraction(E8, E8 + tax.rate_e8) if tax else Fraction(1)
    wants = _wants(net, state, policy)
    rest, exact = net, Fraction(net)
    for debt, want in wants:
        if tax is None or not tax.on_debts or not debt.taxed:
            exact -= min(want, exact)
            amounts[debt.code, 0] = rest - ceil(exact - Fraction(1, 2))
            rest -= amounts[debt.code, 0]
    if tax is None:
        return amounts, rest
    if not tax.on_debts:
        amounts[tax.code, 0] = rest - _half_up(rest * share)
        return amounts, _half_up(rest * share)
    exact *= share
    amounts[tax.code, 0] = rest - _half_up(exact)
    rest = _half_up(exact)
    for debt, want in wants:
        if debt.taxed:
            exact -= min(want, exact)
            amounts[debt.code, 0] = rest - _half_up(exact)
            rest = _half_up(exact)
    return amounts, rest


def _wants(net: int, state: SaleState, policy: DeductionPolicy) -> list[tuple[Debt, Fraction]]:
    debts = [debt for debt in state.debts if not debt.first]
    cap = Fraction(sum(debt.outstanding for debt in debts))
    if policy.debts_cap is not None:
        cap = min(cap, Fraction(policy.debts_cap))
    if policy.debts_cap_rate_e8 is not None:
        cap = min(cap, Fraction(policy.debts_cap_rate_e8 * net, E8))
    wants = []
    for debt in sorted(debts, key=lambda debt: (debt.priority, debt.code)):
        want = {
            "percent_of_tender": Fraction(debt.value * net, E8),
            "percent_of_outstanding": Fraction(
                _half_up(Fraction(debt.value * debt.outstanding, E8))
            ),
            "fixed": Fraction(debt.value),
            "all": Fraction(debt.outstanding),
        }[debt.method]
        want = min(want, Fraction(debt.outstanding), cap)
        if debt.cap_per_sale is not None:
            want = min(want, Fraction(debt.cap_per_sale))
        cap -= want
        wants.append((debt, want))
    return wants


def _half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))  # of what is not negative
