"""What a tariff says, as data: versions with effective dates, each a list of components.

Numbers: rates are integers of 10⁻⁸ major units of the currency per whole unit, percentages
integers of 10⁻⁸ of the whole (18 % is 18_000_000), quantities milli-units. What changes money is
declared in each component and has no default: rounding, tax class, payee, the base of a
percentage, whether VAT lies inside the tender and whether it is due on debts.

A new kind of component is a new struct here, a reader in ``load`` and a row in ``compiling``.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

E8 = 100_000_000
MILLI = 1000

Rounding = Literal["half_up", "up", "down"]
OWN, TAX_AUTHORITY, THIRD_PARTY = "own", "tax_authority", "third_party:"


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


class Block(msgspec.Struct, frozen=True):
    """A step of the energy price. ``up_to_milli`` belongs to the block; None: no upper limit."""

    up_to_milli: int | None
    rate_e8: int


class Energy(Posting, frozen=True, kw_only=True, tag="energy", tag_field="kind"):
    """The units themselves. Graduated: each block's units at that block's rate, over the month."""

    structure: Literal["graduated"]
    period: Literal["calendar_month"]
    blocks: tuple[Block, ...]


class Fixed(Posting, frozen=True, kw_only=True, tag="fixed", tag_field="kind"):
    """A charge of each calendar month, whatever was bought. ``quantity`` is ``one`` or the name
    of an attribute of the agreement (``sanctioned_kw``) that multiplies the rate."""

    rate_e8: int
    quantity: str
    unit: str


class Levy(Posting, frozen=True, kw_only=True, tag="levy", tag_field="kind"):
    """An amount per unit sold, in whatever block; negative for an adjustment in favour."""

    rate_e8: int


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


Component = Energy | Fixed | Levy | Percent | TaxOnLines | TaxInTender
PERCENTAGES = (Percent, TaxOnLines)


class CatchUp(msgspec.Struct, frozen=True):
    """How missed monthly charges are collected at a purchase.

    At most ``missed_months`` beside the month of the purchase; what is older either lapses
    (``lapse``: the newest are charged) or waits for the next purchase (``defer``: the oldest).
    """

    missed_months: int
    beyond: Literal["lapse", "defer"]


class TariffVersion(msgspec.Struct, frozen=True):
    """The prices from ``valid_from`` (a day in the company's zone) until the next version."""

    valid_from: date
    catch_up: CatchUp
    components: tuple[Component, ...]


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
