"""What goes into a bill and what comes out of it, as data.

Amounts are minor units of the tariff's currency, quantities milli-units, periods YYYYMM. The
stable entry point is ``billing.bill(tariff, given) -> lines``; this is its vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from fractions import Fraction

import msgspec

from core.tariffs.sale import Line

#: Milli-units. Measured quantities are integers; one that was prorated or transformed before it
#: came may be an exact fraction.
Amount = int | Fraction


class Share(msgspec.Struct, frozen=True):
    """Something common and this account's place among those who share it.

    ``total``: minor units or milli-units. ``weights``: of all shares, in the order of their ids.
    """

    total: int
    weights: tuple[int, ...]
    index: int


class Overdue(msgspec.Struct, frozen=True):
    """An amount that is or was overdue: minor units, days within the calendar year of its due
    day, and days of later years."""

    amount: int
    days: int
    days_later: int = 0

    @classmethod
    def since(cls, amount: int, due: date, until: date) -> Overdue:
        """From the day after ``due`` to ``until``, both counted."""
        days = max(0, (until - due).days)
        in_year = min(days, (date(due.year, 12, 31) - due).days)
        return cls(amount, in_year, days - in_year)


class BillInput(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one service used in one billing period.

    ``first``, ``last``: its days, both billed. ``quantities``: everything measured in them and
    every attribute of the agreement, by the names that the tariff uses: ``units`` (or per period
    of the time of use: ``units.peak``), ``max_kw``, ``kvarh``, ``area_m2`` … ``before``: units of
    the same month (or year) that were billed or sold earlier, where blocks go on from them.
    ``history``: closed periods for ratchets and categories: name → {YYYYMM: milli-units}.
    ``before_year``: of the same year, where that is another number than ``before`` (blocks of the
    month and of the year on the same units).
    ``category``: the class fixed at the opening of the period; empty: worked out of ``history``.
    ``opened``: the billing period YYYYMM, 0: the month of ``last``. ``overdue_billed``: the delays
    that earlier bills charged; only what ``overdue`` costs more is charged.
    """

    first: date
    last: date
    quantities: Mapping[str, Amount]
    before: Mapping[str, Amount] = {}
    before_year: Mapping[str, Amount] = {}
    history: Mapping[str, Mapping[int, int]] = {}
    category: str = ""
    opened: int = 0
    shares: Mapping[str, Share] = {}
    overdue: tuple[Overdue, ...] = ()
    overdue_billed: tuple[Overdue, ...] = ()

    @property
    def period(self) -> int:
        """The billing period."""
        return self.opened or self.last.year * 100 + self.last.month


class BillLine(Line, frozen=True, gc=False):
    """A line of a bill. The bill's total is the sum of ``amount`` over its lines.

    ``tou``: the period of the time of use. ``included``: what moves between payees within the
    total: a tax inside other lines has amount 0 and ``included`` > 0, the lines that hold it give
    it up with ``included`` < 0; so ``amount + included`` is what is posted for the line's payee,
    and ``included`` adds up to 0. ``first``, ``last``: the days of a line that is not of the whole
    bill (a price changed within it).
    """

    tou: str = ""
    included: int = 0
    first: date | None = None
    last: date | None = None


def total(lines: Iterable[Line]) -> int:
    """Minor units: the sum of the rounded lines, nothing else."""
    return sum(line.amount for line in lines)


def reversed_lines(lines: Iterable[BillLine]) -> tuple[BillLine, ...]:
    """The mirror of a bill, line by line: with it, every line nets to zero."""
    return tuple(
        msgspec.structs.replace(
            line,
            amount=-line.amount,
            included=-line.included,
            quantity_milli=-line.quantity_milli,
            base=-line.base,
        )
        for line in lines
    )
