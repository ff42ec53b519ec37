"""What comes off a tender before units: the fee, old debts, the tax inside the tender.

Two results run side by side. *Exact* is a fraction without any rounding; *rounded* is what the
receipt says. Both must never fall when the tender rises, or a customer could pay one shilling more
and get fewer units. Rounding every percentage by itself breaks that (two of them can step up at
the same tender), so what *remains* after each percentage is rounded and the deduction is the
difference: a first percentage of the tender is then exactly half-up, and later ones differ from
half-up by less than one minor unit.
"""

from __future__ import annotations

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
    wants = _wants(debts, net, policy)
    if tax is None or not tax.on_debts:
        return _debts_untaxed(net, fee, debts, wants, tax)
    kept, whole = _net_share(tax.rate_e8)
    base = half_up(net * kept, whole)
    taken, rest = [], base
    exact, scale = net * kept * E8, whole * E8
    for want in wants:
        exact -= min(want * whole, exact)
        left = half_up(exact, scale)
        taken.append(rest - left)
        rest = left
    return Deducted(fee, debts, tuple(taken), net - base, base, rest, (exact, scale))


def _debts_untaxed(
    net: int, fee: int, debts: tuple[Debt, ...], wants: list[int], tax: TaxInTender | None
) -> Deducted:
    taken, rest, exact = [], net, net * E8
    for want in wants:
        exact -= min(want, exact)
        left = half_down(exact, E8)
        taken.append(rest - left)
        rest = left
    if tax is None:
        return Deducted(fee, debts, tuple(taken), 0, 0, rest, (exact, E8))
    kept, whole = _net_share(tax.rate_e8)
    base = half_up(rest * kept, whole)
    return Deducted(fee, debts, tuple(taken), rest - base, base, base, (exact * kept, E8 * whole))


@lru_cache(100)  # the rates of VAT of some countries and years
def _net_share(rate_e8: int) -> tuple[int, int]:
    """1 / (1 + rate) in lowest terms: 18 % → 50/59."""
    share = Fraction(E8, E8 + rate_e8)
    return share.numerator, share.denominator


def _wants(debts: tuple[Debt, ...], net: int, policy: DeductionPolicy) -> list[int]:
    """What each debt takes at most, in 10⁻⁸ minor units, within its own and the common cap."""
    common = sum(debt.outstanding for debt in debts) * E8
    if policy.debts_cap is not None:
        common = min(common, policy.debts_cap * E8)
    if policy.debts_cap_rate_e8 is not None:
        common = min(common, policy.debts_cap_rate_e8 * net)
    wants = []
    for debt in debts:
        want = min(_by_method(debt, net), debt.outstanding * E8, common)
        if debt.cap_per_sale is not None:
            want = min(want, debt.cap_per_sale * E8)
        common -= want
        wants.append(want)
    return wants


def wanted_by_debts(debts: tuple[Debt, ...], net: int, policy: DeductionPolicy) -> int:
    """Minor units, rounded up, that the debts would take if the money after the fee sufficed."""
    return -(-sum(_wants(debts, net, policy)) // E8)


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
