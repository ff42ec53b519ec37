"""What comes off a tender before units: the fee, old debts, the tax inside the tender.

Two results run side by side. *Exact* is a fraction without any rounding; *rounded* is what the
receipt says. Both must never fall when the tender rises, or a customer could pay one shilling more
and get fewer units. Rounding every percentage by itself breaks that (two of them can step up at
the same tender), so what *remains* after each percentage is rounded and the deduction is the
difference: a first percentage of the tender is then exactly half-up, and later ones differ from
half-up by less than one minor unit.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

import msgspec

from core.money import half_down, half_up
from core.tariffs.sale import Debt, DeductionPolicy, Fee, Line
from core.tariffs.shapes import E8, TaxInTender


class Deducted(msgspec.Struct, frozen=True, gc=False):
    """``rest`` minor units (rounded) or ``exact[0] / exact[1]`` are left for month charges and
    units. ``taken`` answers the debts in their order; ``tax_base`` is net of the tax."""

    fee: int
    debts: tuple[Debt, ...]
    taken: tuple[int, ...]
    tax: int
    tax_base: int
    rest: int
    exact: tuple[int, int]


def fee_of(fee: Fee | None, tender: int) -> int:
    """Minor units of the customer-borne fee, never more than the tender."""
    if fee is None:
        return 0
    amount = fee.amount + half_up(tender * fee.rate_e8, E8)
    return min(amount, tender) if fee.cap is None else min(amount, fee.cap, tender)


def deduct(
    tender: int, debts: tuple[Debt, ...], policy: DeductionPolicy, tax: TaxInTender | None
) -> Deducted:
    """Fee, debts and tax of a tender; the month charges and units share the rest."""
    fee = fee_of(policy.fee, tender)
    net = tender - fee
    if not debts:
        if tax is None:
            return Deducted(fee, (), (), 0, 0, net, (net, 1))
        kept, whole = _net_share(tax.rate_e8)
        base = half_up(net * kept, whole)
        return Deducted(fee, (), (), net - base, base, base, (net * kept, whole))
    debts = tuple(sorted(debts, key=lambda debt: (debt.priority, debt.code)))
    taken = _ahead(debts, net)
    net -= sum(taken)
    wants = _wants(debts, net, policy)
    on_debts = tax is not None and tax.on_debts
    before = [(i, wants[i]) for i, debt in enumerate(debts) if not (on_debts and debt.taxed)]
    rest, exact = _take((net, net * E8, E8), before, taken, half_down)
    if tax is None:
        return Deducted(fee, debts, tuple(taken), 0, 0, rest, (exact, E8))
    kept, whole = _net_share(tax.rate_e8)
    if not on_debts:
        base = half_up(rest * kept, whole)
        ends = exact * kept, E8 * whole
        return Deducted(fee, debts, tuple(taken), rest - base, base, base, ends)
    exact, scale = exact * kept, whole * E8
    base = half_up(exact, scale)
    after = [(i, want * whole) for i, want in enumerate(wants) if debts[i].taxed]
    left, exact = _take((base, exact, scale), after, taken, half_up)
    return Deducted(fee, debts, tuple(taken), rest - base, base, left, (exact, scale))


def _ahead(debts: tuple[Debt, ...], net: int) -> list[int]:
    """What those that come first take, whole minor units; 0 for the others."""
    taken = []
    for debt in debts:
        amount = min(debt.outstanding, net) if debt.first else 0
        taken.append(amount)
        net -= amount
    return taken


def _take(
    start: tuple[int, int, int],
    wants: list[tuple[int, int]],
    taken: list[int],
    rounded: Callable[[int, int], int],
) -> tuple[int, int]:
    """Take ``wants`` (place among the debts, amount) in turn, and note it in ``taken``.

    ``start``: what is there rounded, exactly, and the denominator of the exact amounts. Returns
    what is left of it, rounded and exactly.
    """
    rest, exact, scale = start
    for place, want in wants:
        exact -= min(want, exact)
        left = rounded(exact, scale)
        taken[place] += rest - left
        rest = left
    return rest, exact


@lru_cache(100)  # the rates of VAT of some countries and years
def _net_share(rate_e8: int) -> tuple[int, int]:
    """1 / (1 + rate) in lowest terms: 18 % → 50/59."""
    share = Fraction(E8, E8 + rate_e8)
    return share.numerator, share.denominator


def _wants(debts: tuple[Debt, ...], net: int, policy: DeductionPolicy) -> list[int]:
    """What each debt takes at most, in 10⁻⁸ minor units, within its own and the common cap; 0 of
    what came first."""
    common = sum(debt.outstanding for debt in debts if not debt.first) * E8
    if policy.debts_cap is not None:
        common = min(common, policy.debts_cap * E8)
    if policy.debts_cap_rate_e8 is not None:
        common = min(common, policy.debts_cap_rate_e8 * net)
    wants = []
    for debt in debts:
        if debt.first:
            wants.append(0)
            continue
        want = min(_by_method(debt, net), debt.outstanding * E8, common)
        if debt.cap_per_sale is not None:
            want = min(want, debt.cap_per_sale * E8)
        common -= want
        wants.append(want)
    return wants


def wanted_by_debts(debts: tuple[Debt, ...], net: int, policy: DeductionPolicy) -> int:
    """Minor units, rounded up, that the debts would take if the money after the fee sufficed."""
    first = sum(debt.outstanding for debt in debts if debt.first)
    return first - (-sum(_wants(debts, max(0, net - first), policy)) // E8)


def _by_method(debt: Debt, net: int) -> int:
    if debt.method == "percent_of_tender":
        return debt.value * net
    if debt.method == "percent_of_outstanding":
        return half_up(debt.value * debt.outstanding, E8) * E8
    return (debt.value if debt.method == "fixed" else debt.outstanding) * E8


def fee_lines(policy: DeductionPolicy, amount: int) -> list[Line]:
    """The fee's line, if there is one."""
    fee = policy.fee
    if fee is None or not amount:
        return []
    return [Line("fee", fee.code, fee.label, amount, fee.tax_class, fee.payee, rate_e8=fee.rate_e8)]


def debt_lines(deducted: Deducted) -> list[Line]:
    """A line for each debt that something was taken for."""
    return [
        Line("debts", debt.code, debt.label or debt.code, amount, debt.tax_class, debt.payee)
        for debt, amount in zip(deducted.debts, deducted.taken, strict=True)
        if amount
    ]


def tax_lines(tax: TaxInTender | None, deducted: Deducted) -> list[Line]:
    """The line of the tax that lies inside the tender, if there is one."""
    if tax is None:
        return []
    return [
        Line(
            "tax",
            tax.code,
            tax.label,
            deducted.tax,
            tax.tax_class,
            tax.payee,
            rate_e8=tax.rate_e8,
            base=deducted.tax_base,
        )
    ]
