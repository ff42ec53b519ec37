"""Tender → units: the largest value a token can carry for the money, and every line of it.

The exact solution comes from the integers of ``compiling`` by one search for the block and one
division. The sale is the largest encodable value not above it whose *rounded* lines fit into what
is left of the tender; lines that round up may cost one step more, which is found by stepping down
(and by bisection where a step costs less than a minor unit). The rest is carried forward, so that
lines + carried forward = tender, always.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from fractions import Fraction
from math import gcd

import msgspec

from core.tariffs.compiling import CompiledTariff, CompiledVersion
from core.tariffs.deductions import (
    Deducted,
    debt_lines,
    deduct,
    fee_lines,
    tax_lines,
    wanted_by_debts,
)
from core.tariffs.jumps import Solution, pieces_down, solution
from core.tariffs.pricing import FixedDue, fixed_due, unit_lines
from core.tariffs.sale import (
    NO_MINOR_UNITS_ABOVE,
    AtJump,
    DeductionPolicy,
    Encodable,
    Line,
    Overflow,
    Priced,
    SaleResult,
    SaleState,
    Step,
    TooSmall,
)

_TENTH = 100  # milli-units
_STEPS_DOWN = 4  # most sales need none or one; beyond this a step is cheaper than a minor unit
#: Rounding moves a sale by a few minor units, and each of them is a few amounts; beyond this
#: (units of which the levies give nearly all back) the sale is one that fits, found by halving.
_MOST_TRIED = 500


class _Sale(msgspec.Struct, frozen=True, gc=False):
    """What a sale's arithmetic needs, gathered once."""

    tariff: CompiledTariff
    version: CompiledVersion
    state: SaleState
    policy: DeductionPolicy
    fixed: FixedDue

    def deduct(self, tender: int) -> Deducted:
        return deduct(tender, self.state.debts, self.policy, self.version.tender_tax)

    def unit_lines(self, units: int) -> list[Line]:
        unit = self.tariff.tariff.unit
        return unit_lines(self.version, self.state.units_milli, units, self.fixed.lines, unit)

    def cost(self, units: int) -> int:
        """Minor units of the rounded lines of these units and of the month charges."""
        return self.fixed.total + sum(line.amount for line in self.unit_lines(units))


def solve(
    tariff: CompiledTariff,
    tender: int,
    state: SaleState,
    policy: DeductionPolicy,
    encodable: Encodable,
) -> SaleResult:
    """Sell for ``tender`` minor units.

    Priced, TooSmall, Overflow or AtJump. ValueError for a tender below 0 or above any sale;
    NoTariffError, MissingQuantityError for a tariff that does not fit the day or the agreement.
    """
    if not 0 <= tender <= NO_MINOR_UNITS_ABOVE:
        raise ValueError(f"a tender of {tender} is not between 0 and {NO_MINOR_UNITS_ABOVE}")
    version = tariff.at(state.on, state.category)
    sale = _Sale(tariff, version, state, policy, fixed_due(tariff, version, state))
    deducted = sale.deduct(tender)
    exact = _exact_units(sale, deducted)
    tenths = exact[0] // exact[1] // _TENTH
    if version.asks and _left_at_jump(sale, deducted) >= 1:
        return _at_jump(sale, tender, exact)
    if tenths > state.limits.max_units_milli // _TENTH:
        return Overflow(tender, _largest_useful(sale), state.limits.max_units_milli)
    units, lines = _largest_that_fits(sale, deducted, tenths, encodable)
    if units == 0 or tender == 0:
        return TooSmall(tender, _smallest_useful(sale, encodable), _short_at(sale, tender))
    return _priced(sale, (tender, units), deducted, exact, lines)


def price(
    tariff: CompiledTariff, units_milli: int, state: SaleState, policy: DeductionPolicy
) -> Priced:
    """The least tender that pays for given units, and its lines; no token's coding is heeded.

    Carried forward is what rounding the tax inside the tender leaves (0 or 1 minor unit).
    """
    if not 0 <= units_milli <= state.limits.max_units_milli:
        raise ValueError(f"{units_milli} milli-units are not between 0 and the limit of a sale")
    version = tariff.at(state.on, state.category)
    sale = _Sale(tariff, version, state, policy, fixed_due(tariff, version, state))
    lines = sale.unit_lines(units_milli)
    cost = sale.fixed.total + sum(line.amount for line in lines)
    tender = _least_tender(sale, lambda deducted: deducted.rest >= cost)
    deducted = sale.deduct(tender)
    return _priced(sale, (tender, units_milli), deducted, _exact_units(sale, deducted), lines)


def tender_for(
    tariff: CompiledTariff,
    units_milli: int,
    state: SaleState,
    policy: DeductionPolicy,
    encodable: Encodable,
) -> int | Overflow:
    """The least tender whose sale gives at least so many units, as a token can carry them: what a
    customer must pay for 20 kWh, all due deductions included. Errors as of ``solve``."""
    version = tariff.at(state.on, state.category)
    sale = _Sale(tariff, version, state, policy, fixed_due(tariff, version, state))
    wanted, most = -(-units_milli // _TENTH), state.limits.max_units_milli // _TENTH
    if wanted <= 0:
        raise ValueError(f"{units_milli} milli-units are nothing to buy")
    if encodable(most) < wanted:
        return Overflow(0, _largest_useful(sale), state.limits.max_units_milli)
    carried = _last_true(lambda tenths: encodable(tenths) < wanted, most) + 1
    return _least_for(sale, carried, encodable)


def _exact_units(sale: _Sale, deducted: Deducted) -> tuple[int, int]:
    """Milli-units that the exact rest buys, as a fraction; (0, 1) if it does not reach.

    The cost of the month's units so far, plus the rest, is a point on the cost line of the month:
    find its block, go back along that block's slope.
    """
    version = sale.version
    if version.jumps or not version.plain:
        units = _solution(sale, deducted).units
        return units.numerator, units.denominator
    before = sale.state.units_milli
    starts, costs = version.starts, version.costs
    k = bisect_right(starts, before) - 1
    so_far = costs[k] + version.slopes[k] * (before - starts[k])
    rest, parts = deducted.exact
    due, due_parts = sale.fixed.exact
    if due:
        rest, parts = rest * due_parts - due * parts, parts * due_parts
        if rest < 0:
            return 0, 1
    point = so_far * parts + rest * version.q
    k = bisect_right(costs, point // parts) - 1
    slope = version.slopes[k] * parts
    return point - costs[k] * parts + (starts[k] - before) * slope, slope


def _solution(sale: _Sale, deducted: Deducted) -> Solution:
    rest = Fraction(*deducted.exact) - Fraction(*sale.fixed.exact)
    return solution(sale.version, sale.state.units_milli, rest)


def _left_at_jump(sale: _Sale, deducted: Deducted) -> Fraction:
    """Minor units that are left because the next unit would make all of them dearer."""
    return _solution(sale, deducted).left if sale.version.jumps else Fraction(0)


def _at_jump(sale: _Sale, tender: int, exact: tuple[int, int]) -> AtJump:
    def reaches(deducted: Deducted) -> bool:
        return _solution(sale, deducted).units * exact[1] >= exact[0]

    def crosses(deducted: Deducted) -> bool:
        return _solution(sale, deducted).units * exact[1] > exact[0]

    up_to, least = _least_tender(sale, reaches), _least_tender(sale, crosses)
    return AtJump(tender, up_to, least, exact[0] // exact[1])


def _largest_that_fits(
    sale: _Sale, deducted: Deducted, exact_tenths: int, encodable: Encodable
) -> tuple[int, list[Line]]:
    """Milli-units to sell (0: none) and their lines."""
    version = sale.version
    if not (version.jumps or version.falls):
        return _largest_up_to(sale, deducted.rest, (0, exact_tenths), encodable)
    units = _solution(sale, deducted).units
    for above, up_to in pieces_down(version, sale.state.units_milli, units):
        between = above // _TENTH, up_to // _TENTH
        found, lines = _largest_up_to(sale, deducted.rest, between, encodable)
        if found:
            return found, lines
    return 0, []


def _largest_up_to(
    sale: _Sale, rest: int, between: tuple[int, int], encodable: Encodable
) -> tuple[int, list[Line]]:
    """The largest above ``between[0]`` and not above ``between[1]`` tenths that fits.

    Within a piece every line only rises, or only falls, with the units; their sum may do both,
    where a levy or a percentage is negative. So where one does not fit, all that round to the same
    amounts do not, and the next to try lies below them.
    """
    low, tenths = between
    tenths = encodable(tenths)
    for tried in range(_MOST_TRIED):
        if tenths <= low:
            return 0, []
        lines = sale.unit_lines(tenths * _TENTH)
        if sale.fixed.total + sum(line.amount for line in lines) <= rest:
            return tenths * _TENTH, lines
        if tried < _STEPS_DOWN:
            tenths = encodable(tenths - 1)
        else:
            tenths = encodable(tenths - _as_dear(sale, tenths, low, lines))
    fits = low + _last_true(
        lambda more: sale.cost(encodable(low + more) * _TENTH) <= rest, tenths - low
    )
    units = encodable(fits) * _TENTH
    return (units, sale.unit_lines(units)) if fits > low and units > low * _TENTH else (0, [])


def _as_dear(sale: _Sale, tenths: int, low: int, lines: list[Line]) -> int:
    """How many tenths down to the first whose lines round to other amounts."""
    amounts = [line.amount for line in lines]

    def same(down: int) -> bool:
        found = sale.unit_lines((tenths - down) * _TENTH)
        return [line.amount for line in found] == amounts

    return _last_true(same, tenths - low - 1) + 1


def _last_true(holds: Callable[[int], bool], most: int) -> int:
    """The largest n in 0..most for which ``holds``, given that it holds for 0 and then no more."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _priced(
    sale: _Sale,
    sold: tuple[int, int],
    deducted: Deducted,
    exact: tuple[int, int],
    lines: list[Line],
) -> Priced:
    tender, units = sold
    state = sale.state
    in_order = _in_order(sale, deducted, lines)
    due = state.fixed_due
    debts = state.debts
    common = gcd(*exact)
    if debts:
        debts = tuple(
            msgspec.structs.replace(debt, outstanding=debt.outstanding - taken)
            for debt, taken in zip(deducted.debts, deducted.taken, strict=True)
        )
    return Priced(
        tender=tender,
        lines=in_order,
        units_milli=units,
        carried_forward=tender - sum(line.amount for line in in_order),
        exact=(exact[0] // common, exact[1] // common),
        valid_from=sale.version.valid_from,
        units_this_period=state.units_milli + units,
        fixed_through=due[-1] if due else state.fixed_through,
        debts=debts,
    )


def _in_order(sale: _Sale, deducted: Deducted, lines: list[Line]) -> tuple[Line, ...]:
    """All lines of the sale in the company's order of deductions."""
    every = tax_lines(sale.version.tender_tax, deducted)
    every += lines
    every += sale.fixed.lines
    if deducted.fee:
        every += fee_lines(sale.policy, deducted.fee)
    if deducted.debts:
        every += debt_lines(deducted)
    return tuple([line for step in sale.policy.order for line in every if line.step == step])


# What follows runs only when a sale is refused, so it may try some dozens of tenders.


def _smallest_useful(sale: _Sale, encodable: Encodable) -> int:
    """The least tender that buys at least one encodable step."""
    step = _first_step(encodable, sale.state.limits.max_units_milli // _TENTH)
    return _least_for(sale, step, encodable)


def _least_for(sale: _Sale, tenths: int, encodable: Encodable) -> int:
    """The least tender that buys at least so many tenths, an encodable value."""
    if sale.version.jumps or _gives_back(sale.version):
        return max(
            1, _least_tender(sale, lambda deducted: _sells(sale, deducted, encodable, tenths))
        )
    cost = sale.cost(tenths * _TENTH)

    def sells(deducted: Deducted) -> bool:
        exact = _exact_units(sale, deducted)
        return deducted.rest >= cost and exact[0] >= tenths * _TENTH * exact[1]

    return max(1, _least_tender(sale, sells))


def _gives_back(version: CompiledVersion) -> bool:
    """Whether some line is negative: then the first step need not be the cheapest."""
    return any(item.rate_e8 < 0 for item in (*version.levies, *version.percentages))


def _sells(sale: _Sale, deducted: Deducted, encodable: Encodable, least: int = 1) -> bool:
    """Whether at least so many tenths are sold for what these deductions leave.

    The month charges by themselves may be more than is left: a rebate of them comes with the units.
    """
    exact = _exact_units(sale, deducted)
    found, _ = _largest_that_fits(sale, deducted, exact[0] // exact[1] // _TENTH, encodable)
    return found >= least * _TENTH


def _first_step(encodable: Encodable, most: int) -> int:
    if encodable(most) == 0:
        raise ValueError(f"no value up to {most} tenths can be encoded")
    return _last_true(lambda tenths: encodable(tenths) == 0, most) + 1


def _largest_useful(sale: _Sale) -> int:
    """The largest tender that does not buy more than the limit of a sale; 0 if there is none."""
    most = sale.state.limits.max_units_milli // _TENTH

    def buys_more(deducted: Deducted) -> bool:
        exact = _exact_units(sale, deducted)
        return exact[0] // exact[1] // _TENTH > most

    return max(0, _least_tender(sale, buys_more) - 1)


def _least_tender(sale: _Sale, enough: Callable[[Deducted], bool]) -> int:
    """The least tender whose deductions leave ``enough``, which must never fall with the tender."""
    if enough(sale.deduct(0)):
        return 0
    high = 1
    while not enough(sale.deduct(high)):
        high *= 2
        if high > NO_MINOR_UNITS_ABOVE:
            raise ValueError("no tender reaches: the deductions take everything")
    return _last_true(lambda tender: not enough(sale.deduct(tender)), high) + 1


def _short_at(sale: _Sale, tender: int) -> Step:
    """The first step of the company's order that the tender does not pay in full."""
    deducted = sale.deduct(tender)
    left = tender - deducted.fee
    if sale.policy.fee is not None and not left:
        return "fee"
    needs = {
        "debts": wanted_by_debts(sale.state.debts, left, sale.policy),
        "fixed": sale.fixed.total,
        "tax": deducted.tax,
    }
    for step in sale.policy.order:
        need = needs.get(step, 0)
        if need > left:
            return step
        left -= need
    return "energy"
