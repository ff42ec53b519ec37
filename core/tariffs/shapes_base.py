"""What every component of a tariff says, and the parts that several kinds of component share.

Numbers: rates are integers of 10⁻⁸ major units of the currency per whole unit, percentages
integers of 10⁻⁸ of the whole (18 % is 18_000_000), quantities milli-units.
"""

from __future__ import annotations

from typing import Literal

import msgspec

E8 = 100_000_000
MILLI = 1000

Rounding = Literal["half_up", "up", "down"]
Limits = Literal["inclusive", "exclusive"]
OWN, TAX_AUTHORITY, THIRD_PARTY = "own", "tax_authority", "third_party:"
UNITS = "units"  # the quantity that the tariff's unit counts


class Proration(msgspec.Struct, frozen=True, kw_only=True):
    """How a charge follows days: a bill of a part of a month, a price that changes within a bill.

    ``month_days``: days that make a month, None for those of the calendar. ``resolution_milli``:
    parts of a quantity are multiples of it that add up to the whole (None: exact parts), for
    ``quantity_first``. ``price_decimals``: of the mean price, for ``per_day_price`` (None: exact).
    ``at``: the day whose price holds throughout, for ``whole``.
    """

    method: Literal["quantity_first", "per_day_price", "two_bills", "whole"]
    month_days: int | None = None
    resolution_milli: int | None = None
    price_decimals: int | None = None
    at: Literal["first_day", "last_day"] | None = None


class When(msgspec.Struct, frozen=True):
    """When a component is charged: in any of these seasons, to any of these categories of
    customer. An empty list asks nothing."""

    seasons: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """What every component says: its name on the receipt, and whose money its line is.

    ``payee``: ``own`` (revenue), ``tax_authority``, or ``third_party:NAME`` (a levy that is only
    collected). ``rounding`` is applied once, to the line.
    """

    code: str
    label: str
    tax_class: str
    payee: str
    rounding: Rounding
    proration: Proration | None = None
    when: When | None = None


class Block(msgspec.Struct, frozen=True):
    """A step of a price. ``up_to_milli`` belongs to the block unless ``limits`` is exclusive;
    None: no upper limit."""

    up_to_milli: int | None
    rate_e8: int


class Bands(msgspec.Struct, frozen=True):
    """A rate that depends on the size of a quantity: one rate for all, that of the band."""

    quantity: str
    limits: Limits
    steps: tuple[Block, ...]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a meter's units that a component prices: mixed use of one meter.

    ``share``: this share (10⁻⁸) of every unit. ``first``: the month's first milli-units.
    ``beyond``: those after that many. Exactly one is given.
    """

    share_e8: int | None = None
    first_milli: int | None = None
    beyond_milli: int | None = None


class Precision(msgspec.Struct, frozen=True):
    """To what a measured quantity is rounded before it is priced: multiples of ``to_milli``."""

    to_milli: int
    rounding: Rounding
