"""What goes into a prepaid sale and what comes out of it, as data.

Amounts are minor units of the tariff's currency, quantities milli-units, periods YYYYMM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from typing import Literal

import msgspec

from core.tariffs.shapes import E8, OWN

Step = Literal["fee", "debts", "fixed", "tax", "energy"]
Method = Literal["percent_of_tender", "percent_of_outstanding", "fixed", "all"]
NO_MINOR_UNITS_ABOVE = 10**15  # above any sale; keeps what is computed within sane sizes

#: The largest value, in tenths of a unit, that a token can carry and that is not above the given
#: tenths; 0 if there is none. Never above its argument, and never falling.
Encodable = Callable[[int], int]


class Debt(msgspec.Struct, frozen=True, kw_only=True):
    """An old debt that sales pay off. ``value``: 10⁻⁸ of the base for percentages, minor units
    for ``fixed``, nothing for ``all``. Lower ``priority`` is served first, ties by code.

    ``first``: units that were had on credit. What they cost is taken whole, before any other debt,
    caps and tax: what is left is the tender of this sale. ``taxed`` False: its tax was posted when
    it was charged, so that a tax inside the tender which lies on debts does not lie on this one;
    under such a tax it comes before those that are taxed.
    """

    code: str
    priority: int
    method: Method
    value: int
    outstanding: int
    cap_per_sale: int | None = None
    label: str = ""
    tax_class: str = "none"
    payee: str = OWN
    first: bool = False
    taxed: bool = True

    def __post_init__(self) -> None:
        if self.outstanding < 0 or self.value < 0 or (self.cap_per_sale or 0) < 0:
            raise ValueError(f"debt {self.code}: outstanding, value and cap must not be negative")


class Limits(msgspec.Struct, frozen=True):
    """The most that one sale may hold: what the token can say, or what the meter can take.

    The default is the largest value of an STS token: 1,820,162.4 units (IEC 62055-41, class 0).
    """

    max_units_milli: int = 1_820_162_400


class SaleState(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier sales left, and the day that decides the tariff version.

    ``on``: local date of the pricing instant. ``units_milli``: sold so far in its calendar month.
    ``fixed_due``: months whose charges are due (see ``accrual``). ``attributes``: quantities of
    the agreement by name, milli-units (``sanctioned_kw``: 2000). ``category``: of the customer,
    where the tariff tells some apart; empty: the tariff's default.
    """

    on: date
    units_milli: int = 0
    fixed_due: tuple[int, ...] = ()
    fixed_through: int | None = None
    debts: tuple[Debt, ...] = ()
    attributes: Mapping[str, int] = {}
    limits: Limits = Limits()
    category: str = ""


class Fee(msgspec.Struct, frozen=True, kw_only=True):
    """What the customer pays for the way he buys: ``amount`` plus ``rate_e8`` of the tender,
    at most ``cap``. It comes off before anything else and the tariff does not tax it."""

    code: str
    label: str
    amount: int = 0
    rate_e8: int = 0
    cap: int | None = None
    tax_class: str = "none"
    payee: str = OWN

    def __post_init__(self) -> None:
        if self.amount < 0 or not 0 <= self.rate_e8 < E8 or (self.cap or 0) < 0:
            raise ValueError(f"fee {self.code}: 0 ≤ amount, 0 ≤ rate < 100 %, 0 ≤ cap")


class DeductionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The company's declared order of deductions; what is left after ``energy`` is carried forward.

    The order decides how lines are printed and who is short when the tender does not reach. Fee
    first and energy last are law here; the rest is the company's. ``debts_cap`` (minor units) and
    ``debts_cap_rate_e8`` (of the tender after the fee) bound what all debts take from one sale.
    """

    order: tuple[Step, ...] = ("fee", "debts", "fixed", "tax", "energy")
    fee: Fee | None = None
    debts_cap: int | None = None
    debts_cap_rate_e8: int | None = None

    def __post_init__(self) -> None:
        wanted = {"fee", "debts", "fixed", "tax", "energy"}
        named = set(self.order)
        if len(self.order) != len(wanted) or named != wanted:
            raise ValueError(f"order {self.order} must name each of {sorted(wanted)} once")
        if self.order[0] != "fee" or self.order[-1] != "energy":
            raise ValueError("fee comes off first and energy is sold last")
        if (self.debts_cap or 0) < 0 or not 0 <= (self.debts_cap_rate_e8 or 0) <= E8:
            raise ValueError("the caps on debts are an amount and a share of the tender")


class Line(msgspec.Struct, frozen=True):
    """One line of the receipt. ``step`` is its place in the order of deductions.

    ``block`` numbers the price steps of energy from 1 (0: no block). ``base``: what a percentage
    was taken of, minor units. ``periods``: the months that a fixed charge is for.
    """

    step: Step
    code: str
    label: str
    amount: int
    tax_class: str
    payee: str
    quantity_milli: int = 0
    unit: str = ""
    rate_e8: int = 0
    base: int = 0
    block: int = 0
    periods: tuple[int, ...] = ()


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """A sale to the minor unit: ``sum(line.amount) + carried_forward == tender``.

    The last three fields are the new state. ``exact``: numerator and denominator, in milli-units,
    of the solution before any rounding; see ``units_exact``.
    """

    tender: int
    lines: tuple[Line, ...]
    units_milli: int
    carried_forward: int
    exact: tuple[int, int]
    valid_from: date
    units_this_period: int
    fixed_through: int | None
    debts: tuple[Debt, ...]

    @property
    def units_exact(self) -> Fraction:
        """The units that the tender buys if nothing is rounded, in whole units."""
        return Fraction(self.exact[0], self.exact[1] * 1000)

    def sum_of(self, *steps: Step) -> int:
        """Minor units of all lines of the given steps."""
        return sum(line.amount for line in self.lines if line.step in steps)


class TooSmall(msgspec.Struct, frozen=True):
    """The tender does not reach one encodable step. ``smallest_useful``: the least tender that
    does, all due deductions included. ``short_at``: the step at which the money ran out."""

    tender: int
    smallest_useful: int
    short_at: Step


class Overflow(msgspec.Struct, frozen=True):
    """The tender buys more than one token or the meter takes. ``largest_useful``: the largest
    tender that does not; 0 if the tariff's free units alone are more."""

    tender: int
    largest_useful: int
    max_units_milli: int


class AtJump(msgspec.Struct, frozen=True):
    """The units end at a limit above which all of them cost more, money is left, and the tariff
    says to ask. ``up_to``: the tender that buys exactly up to the limit (``units_milli``);
    ``least``: the least that crosses it."""

    tender: int
    up_to: int
    least: int
    units_milli: int


SaleResult = Priced | TooSmall | Overflow | AtJump
