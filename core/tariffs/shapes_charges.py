"""The components of bills beside energy: what is measured as power, area or delay, what is a
part of something common, and what depends on other lines."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from core.tariffs.shapes_base import Bands, Block, Limits, Posting, Precision, Rounding

Per = Literal["calendar_month", "billing_period", "day", "year"]


class Ratchet(msgspec.Struct, frozen=True, kw_only=True):
    """A share of the highest demand of the ``months`` closed months before the bill's own.

    ``current``: whether the bill's own month is among them. ``only``: months of the year (1 to
    12) whose demand counts; empty: all.
    """

    percent_e8: int
    months: int
    current: bool
    only: tuple[int, ...] = ()


class AtLeast(msgspec.Struct, frozen=True):
    """A share of another quantity: 40 % of the contracted power."""

    quantity: str
    percent_e8: int


class Excess(msgspec.Struct, frozen=True):
    """What lies above a share of another quantity costs ``rate_e8`` instead of the rate."""

    quantity: str
    percent_e8: int
    rate_e8: int


class Demand(Posting, frozen=True, kw_only=True, tag="demand", tag_field="kind"):
    """Power: the highest of the measured demand, the ratchet and the least that is agreed."""

    quantity: str
    unit: str
    per: Per
    blocks: tuple[Block, ...]
    ratchet: Ratchet | None = None
    at_least: tuple[AtLeast, ...] = ()
    excess: Excess | None = None
    precision: Precision | None = None


class Height(msgspec.Struct, frozen=True, kw_only=True):
    """How rooms that are higher than the standard count.

    ``ratio``: height ÷ standard. ``steps``: ``step_e8`` more for each ``step_milli`` above it,
    begun ones counted (``started``) or only full ones. ``bands``: factors by height.
    """

    quantity: str
    method: Literal["ratio", "steps", "bands"]
    standard_milli: int
    step_milli: int = 0
    step_e8: int = 0
    started: bool = False
    bands: tuple[Block, ...] = ()


class Area(Posting, frozen=True, kw_only=True, tag="area", tag_field="kind"):
    """A charge per square metre; rooms above the standard height count more."""

    quantity: str
    unit: str
    per: Per
    rate_e8: int
    height: Height | None = None


class FactorStep(msgspec.Struct, frozen=True):
    """``percent_e8`` for each 0.01 of power factor, as far as ``to_e2`` (hundredths)."""

    to_e2: int | None
    percent_e8: int


class FactorRow(msgspec.Struct, frozen=True):
    """From ``from_e2`` hundredths of power factor upwards, ``percent_e8``."""

    from_e2: int
    percent_e8: int


class PowerFactor(Posting, frozen=True, kw_only=True, tag="power_factor", tag_field="kind"):
    """A percentage of the named lines by the power factor: a table, or so much per 0.01.

    The power factor is given (``quantity``), or comes of active and reactive energy by
    P ÷ √(P² + Q²), rounded to hundredths by ``factor_rounding``.
    """

    of: tuple[str, ...]
    method: Literal["table", "steps"]
    factor_rounding: Rounding
    quantity: str = ""
    active: str = ""
    reactive: str = ""
    standard_e2: int = 0
    table: tuple[FactorRow, ...] = ()
    below: tuple[FactorStep, ...] = ()
    above: tuple[FactorStep, ...] = ()


class KvaDifference(Posting, frozen=True, kw_only=True, tag="kva_difference", tag_field="kind"):
    """A rate on the apparent power above what the real power needs at the standard power factor:
    kVA - kW ÷ standard (``of_kva``), or on standard × kVA - kW (``of_kw``); never below 0."""

    kva: str
    kw: str
    standard_e8: int
    form: Literal["of_kva", "of_kw"]
    unit: str
    per: Per
    rate_e8: int


class Minimum(Posting, frozen=True, kw_only=True, tag="minimum", tag_field="kind"):
    """What is missing from the named lines to a least amount: ``rate`` times ``quantity``."""

    of: tuple[str, ...]
    rate_e8: int
    quantity: str
    per: Per
    bands: Bands | None = None


class Rebate(Posting, frozen=True, kw_only=True, tag="rebate", tag_field="kind"):
    """An amount off the named lines: per period, or per unit of ``quantity``; never more than
    they come to. ``up_to_milli``: units that bear it."""

    of: tuple[str, ...]
    rate_e8: int
    quantity: str
    per: Per | None
    up_to_milli: int | None = None


class TaxIncluded(Posting, frozen=True, kw_only=True, tag="tax_included", tag_field="kind"):
    """Tax inside the named lines: their sum - round(sum / (1 + rate))."""

    rate_e8: int
    of: tuple[str, ...]


class Allocation(Posting, frozen=True, kw_only=True, tag="allocation", tag_field="kind"):
    """This account's share of something common: of money, or of units at a rate."""

    share: str
    what: Literal["amount", "quantity"]
    rate_e8: int
    unit: str
    resolution_milli: int


class LateFee(Posting, frozen=True, kw_only=True, tag="late_fee", tag_field="kind"):
    """So much of an overdue amount per day, another share for days of later years.

    ``least``: minor units if there is any. ``cap_e8``: of the overdue amount. ``grace_days``:
    days after the due day that cost nothing (``grace_counts``: unless it is paid later still).
    """

    daily_e8: int
    later_e8: int
    least_e8: int
    cap_e8: int | None
    grace_days: int
    grace_counts: bool


class Season(msgspec.Struct, frozen=True):
    """A part of every year: from a day to a day, both included, as (month, day); it may run over
    the year's end."""

    name: str
    first: tuple[int, int]
    last: tuple[int, int]

    def holds(self, day: date) -> bool:
        """Whether a day lies in it."""
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


class TouPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """Hours that belong to a period of the time of use; the first that fits counts.

    ``weekdays``: 0 (Monday) to 6; ``day_kind``: whether holidays are among them; ``hours``:
    minutes of the day, from the first and before the last; ``seasons``: as in ``When``.
    """

    name: str
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    holidays: Literal["as_weekday", "never", "only", "also"] = "as_weekday"
    hours: tuple[tuple[int, int], ...] = ((0, 1440),)
    seasons: tuple[str, ...] = ()


class Category(msgspec.Struct, frozen=True, kw_only=True):
    """The class of a customer by what he used on average in the closed months before the bill's.

    ``months``: how many; ``least_months``: with fewer he is ``default``; ``bands``: names by the
    average, in rising order, the last without a limit.
    """

    quantity: str
    months: int
    least_months: int
    default: str
    limits: Limits
    bands: tuple[tuple[int | None, str], ...]
