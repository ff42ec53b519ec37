"""What every component of a tariff document says, and the parts that several kinds share.

The form is described for analysts in docs/tariffs.md; the structs here are that form, field by
field. Rates are read as exact decimals of the currency's major unit, percentages as percent,
quantities as whole units. What changes money has no default.
"""

from typing import Annotated, Any, Literal

import msgspec

from core.documents import Misfit
from core.tariffs.shapes import (
    E8,
    MILLI,
    OWN,
    TAX_AUTHORITY,
    THIRD_PARTY,
    Bands,
    Block,
    Limits,
    Part,
    Precision,
    Proration,
    Rounding,
    Schedule,
    When,
)
from core.yamlvalues import Scaled

PERCENT = E8 // 100

Text = Annotated[str, msgspec.Meta(pattern=r"\S", description="a text that is not empty")]
Payee = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^({OWN}|{TAX_AUTHORITY}|{THIRD_PARTY}.+)\Z",
        description=f"{OWN}, {TAX_AUTHORITY} or {THIRD_PARTY}NAME",
    ),
]
Rate = Annotated[int, Scaled(E8)]
NotNegative = Annotated[int, Scaled(E8, low=0)]
Quantity = Annotated[int, Scaled(MILLI)]
Above = Annotated[int, Scaled(MILLI, low=0)]
Percentage = Annotated[int, Scaled(PERCENT, low=-100, high=100)]
#: Of a contract or a standard: 105 %, 200 %.
Ratio = Annotated[int, Scaled(PERCENT, low=0, high=1000)]
Days = Annotated[
    str, msgspec.Meta(pattern=r"^(calendar|[1-9][0-9]?)\Z", description="calendar or days, like 30")
]
Exactness = Annotated[
    str,
    msgspec.Meta(pattern=r"^(exact|[0-9]+(\.[0-9]{1,3})?)\Z", description="exact or like 1 or 0.1"),
]
_OF_METHOD = {
    "quantity_first": ("month", "resolution"),
    "per_day_price": ("month", "price"),
    "two_bills": ("month",),
    "whole": ("at",),
}


class ProrationDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How a charge follows days; each method needs its own fields and no other."""

    method: Literal["quantity_first", "per_day_price", "two_bills", "whole"]
    month: Days | None = None
    resolution: Exactness | None = None
    price: Exactness | None = None
    at: Literal["first_day", "last_day"] | None = None

    def __post_init__(self) -> None:
        wanted = _OF_METHOD[self.method]
        for name in ("month", "resolution", "price", "at"):
            if (getattr(self, name) is not None) != (name in wanted):
                raise Misfit("method", f"{self.method} needs {', '.join(wanted)} and nothing else")
        if self.resolution is not None and self.shape().resolution_milli == 0:
            raise Misfit("resolution", "a resolution is above 0, or exact")
        if self.price not in (None, "exact") and not (self.price or "").isdigit():
            raise Misfit("price", "expected exact or a number of decimals from 0 to 8")
        if (self.shape().price_decimals or 0) > 8:
            raise Misfit("price", "expected exact or a number of decimals from 0 to 8")

    def shape(self) -> Proration:
        """As it is priced."""
        resolution = None
        if self.resolution not in (None, "exact"):
            whole, _, parts = (self.resolution or "").partition(".")
            resolution = int(whole) * MILLI + int((parts or "0").ljust(3, "0"))
        return Proration(
            method=self.method,
            month_days=None if self.month in (None, "calendar") else int(self.month or 0),
            resolution_milli=resolution,
            price_decimals=None if self.price in (None, "exact") else int(self.price or 0),
            at=self.at,
        )


class WhenDocument(msgspec.Struct, frozen=True, kw_only=True):
    """In which seasons, to which categories of customer."""

    seasons: tuple[Text, ...] = ()
    categories: tuple[Text, ...] = ()


class BlockDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a price; the last one has no ``up_to``."""

    rate: Rate
    up_to: Quantity | None = None

    def shape(self) -> Block:
        """As it is priced."""
        return Block(self.up_to, self.rate)


class BandsDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A rate chosen by the size of a quantity."""

    quantity: Text
    limits: Limits
    steps: tuple[BlockDocument, ...]

    def __post_init__(self) -> None:
        limits = [step.up_to for step in self.steps]
        closed = [limit for limit in limits[:-1] if limit is not None]
        fine = len(limits) > len(closed) == len(limits) - 1 and limits[-1] is None
        if not fine or closed != sorted(set(closed)):
            raise Misfit("steps", "the limits rise, and only the last step has none")

    def shape(self) -> Bands:
        """As it is priced."""
        return Bands(self.quantity, self.limits, tuple(step.shape() for step in self.steps))


class ScheduleDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks that hold up to a total."""

    total_up_to: Quantity | None = None
    blocks: tuple[BlockDocument, ...] = ()
    rate: Rate | None = None

    def __post_init__(self) -> None:
        one_of(blocks=self.blocks or None, rate=self.rate)

    def shape(self) -> Schedule:
        """As it is priced."""
        return Schedule(self.total_up_to, blocks_of(self.blocks, self.rate))


class PartDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a meter's units are priced: a share of each, the first ones, or those beyond."""

    percent: Annotated[int, Scaled(PERCENT, low=0, high=100)] | None = None
    first: Above | None = None
    beyond: Above | None = None

    def __post_init__(self) -> None:
        one_of(percent=self.percent, first=self.first, beyond=self.beyond)
        if 0 in (self.percent, self.first):
            raise ValueError("a part of nothing")

    def shape(self) -> Part:
        """As it is priced."""
        return Part(share_e8=self.percent, first_milli=self.first, beyond_milli=self.beyond)


class PrecisionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """To what a quantity is rounded before it is priced."""

    to: Quantity
    rounding: Rounding

    def __post_init__(self) -> None:
        if self.to <= 0:
            raise Misfit("to", "expected more than 0")

    def shape(self) -> Precision:
        """As it is priced."""
        return Precision(self.to, self.rounding)


class PostingDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What every component says."""

    code: Text
    label: Text
    tax_class: Text
    payee: Payee
    rounding: Rounding
    proration: ProrationDocument | None = None
    when: WhenDocument | None = None
    note: Any = None

    def posting(self) -> dict[str, Any]:
        """The same as the fields of a shape."""
        when = self.when
        return {
            "code": self.code,
            "label": self.label,
            "tax_class": self.tax_class,
            "payee": self.payee,
            "rounding": self.rounding,
            "proration": self.proration.shape() if self.proration else None,
            "when": When(when.seasons, when.categories) if when else None,
        }


def one_of(**fields: object) -> None:
    """ValueError unless exactly one of the fields is given."""
    if sum(value is not None for value in fields.values()) != 1:
        raise ValueError(f"needs exactly one of {', '.join(fields)}")


def blocks_of(blocks: tuple[BlockDocument, ...], rate: int | None) -> tuple[Block, ...]:
    """Blocks as written, or the one of a single rate."""
    return (Block(None, rate),) if rate is not None else tuple(block.shape() for block in blocks)
