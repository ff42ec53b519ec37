"""What a tariff says, as data: versions with effective dates, each a list of components.

Numbers as in ``shapes_base``. What changes money is declared in each component and has no
default: rounding, tax class, payee, the base of a percentage, whether VAT lies inside the tender
and whether it is due on debts, where a limit belongs, how a part of a month is charged.

A new kind of component is a new struct here or in ``shapes_charges``, a reader in ``load`` and a
row in ``billing`` (and in ``compiling``, if it can be sold by token).
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

from core.tariffs.shapes_base import (
    E8,
    MILLI,
    OWN,
    TAX_AUTHORITY,
    THIRD_PARTY,
    UNITS,
    Bands,
    Block,
    Limits,
    Part,
    Posting,
    Precision,
    Proration,
    Rounding,
    When,
)
from core.tariffs.shapes_charges import (
    Allocation,
    Area,
    AtLeast,
    Category,
    Demand,
    Excess,
    FactorRow,
    FactorStep,
    Height,
    KvaDifference,
    LateFee,
    Minimum,
    Per,
    PowerFactor,
    Ratchet,
    Rebate,
    Season,
    TaxIncluded,
    TouPeriod,
)

__all__ = [
    "E8", "MILLI", "OWN", "PERCENTAGES", "TAX_AUTHORITY", "THIRD_PARTY", "UNITS", "Allocation",
    "Area", "AtLeast", "Bands", "Block", "CatchUp", "Category", "Component", "Credit", "Demand",
    "Energy", "Excess", "FactorRow", "FactorStep", "Fixed", "Height", "KvaDifference", "LateFee",
    "Levy", "Limits", "Minimum", "Mode", "Part", "Per", "Percent", "Period", "Posting",
    "PowerFactor", "Precision", "Premium", "Proration", "Ratchet", "Rebate", "Rounding",
    "Schedule", "Season", "Structure", "Tariff", "TariffVersion", "TaxInTender", "TaxIncluded",
    "TaxOnLines", "TouPeriod", "TouPrices", "When",
]  # fmt: skip

Structure = Literal["graduated", "volume", "schedule_by_total", "package"]
Period = Literal["calendar_month", "billing_period", "calendar_year", "day"]
Mode = Literal["prepaid", "postpaid", "both"]


class Schedule(msgspec.Struct, frozen=True):
    """Blocks that hold if the total of the period is not above ``total_up_to_milli``."""

    total_up_to_milli: int | None
    blocks: tuple[Block, ...]


class TouPrices(msgspec.Struct, frozen=True):
    """The prices of one period of the time of use."""

    name: str
    blocks: tuple[Block, ...]
    schedules: tuple[Schedule, ...] = ()


class Metered(Posting, frozen=True, kw_only=True):
    """Units at prices. Limits count the units of a ``period``.

    ``graduated``: each block's units at that block's rate. ``volume``: all units at the rate of
    the block of the total. ``schedule_by_total``: the total chooses the graduated blocks.
    ``package``: every begun package of ``size_milli`` units costs the rate (blocks: one).
    ``tou``: prices per period of the time of use; ``scope`` says whether limits run over each
    period's own units or over the total, every block then being shared out in proportion.
    ``at_jump``: what a sale does where one more unit costs more than the money left: it stops
    there and carries the rest, or asks for what is missing.
    """

    structure: Structure
    period: Period
    blocks: tuple[Block, ...]
    quantity: str = UNITS
    limits: Limits = "inclusive"
    schedules: tuple[Schedule, ...] = ()
    size_milli: int = 0
    tou: tuple[TouPrices, ...] = ()
    scope: Literal["per_period", "total_pro_rata"] | None = None
    part: Part | None = None
    precision: Precision | None = None
    one_line: bool = False
    at_jump: Literal["stop", "ask"] | None = None
    unit: str = ""


class Energy(Metered, frozen=True, kw_only=True, tag="energy", tag_field="kind"):
    """The units themselves."""


class Premium(Metered, frozen=True, kw_only=True, tag="premium", tag_field="kind"):
    """So much more per unit beyond what was used before, mostly in the year: blocks as of energy,
    the first of them free; blocks without a price make no line."""


class Credit(Posting, frozen=True, kw_only=True, tag="credit", tag_field="kind"):
    """Money for a meter that holds the tariff itself: what is left of the tender goes into the
    token as it is."""


class Fixed(Posting, frozen=True, kw_only=True, tag="fixed", tag_field="kind"):
    """A charge per time, whatever was used. ``quantity`` is ``one`` or the name of an attribute
    of the agreement (``sanctioned_kw``) that multiplies the rate; ``bands`` choose the rate."""

    rate_e8: int
    quantity: str
    unit: str
    per: Per = "calendar_month"
    bands: Bands | None = None


class Levy(Posting, frozen=True, kw_only=True, tag="levy", tag_field="kind"):
    """An amount per unit, in whatever block; negative for an adjustment in favour."""

    rate_e8: int
    quantity: str = UNITS
    part: Part | None = None
    unit: str = ""


class Percent(Posting, frozen=True, kw_only=True, tag="percent", tag_field="kind"):
    """A percentage of the rounded lines of the named codes; negative for a rebate."""

    rate_e8: int
    of: tuple[str, ...]


class TaxOnLines(Posting, frozen=True, kw_only=True, tag="tax_on_lines", tag_field="kind"):
    """VAT on top: a percentage of the rounded lines of the named codes, paid to the state."""

    rate_e8: int
    of: tuple[str, ...]


class TaxInTender(Posting, frozen=True, kw_only=True, tag="tax_in_tender", tag_field="kind"):
    """VAT inside the tendered money: tender - round(tender / (1 + rate)).

    ``on_debts``: whether the part of the tender that pays old debts bears the tax again.
    """

    rate_e8: int
    on_debts: bool


Component = (
    Energy
    | Premium
    | Credit
    | Fixed
    | Levy
    | Percent
    | TaxOnLines
    | TaxInTender
    | TaxIncluded
    | Demand
    | Area
    | PowerFactor
    | KvaDifference
    | Minimum
    | Rebate
    | Allocation
    | LateFee
)
PERCENTAGES = (Percent, TaxOnLines)


class CatchUp(msgspec.Struct, frozen=True):
    """How missed monthly charges are collected at a purchase.

    At most ``missed_months`` beside the month of the purchase; what is older either lapses
    (``lapse``: the newest are charged) or waits for the next purchase (``defer``: the oldest).
    """

    missed_months: int
    beyond: Literal["lapse", "defer"]


class TariffVersion(msgspec.Struct, frozen=True):
    """The prices from ``valid_from`` (a day in the company's zone) until the next version.

    ``catch_up`` is that of sales; a tariff that is only billed has none.
    """

    valid_from: date
    catch_up: CatchUp | None
    components: tuple[Component, ...]
    seasons: tuple[Season, ...] = ()
    holidays: tuple[date, ...] = ()
    tou: tuple[TouPeriod, ...] = ()
    category: Category | None = None


class Tariff(msgspec.Struct, frozen=True):
    """A tariff under one code; versions in order of date. One currency, one unit of sale.

    ``ti``: the tariff index that its meters shall have; empty: each keeps its own.
    """

    code: str
    title: str
    currency: str
    unit: str
    versions: tuple[TariffVersion, ...]
    ti: str = ""
    mode: Mode = "prepaid"
