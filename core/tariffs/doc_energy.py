"""The components of a tariff document that price units, and percentages and taxes upon lines."""

from typing import Any, Literal

import msgspec

from core.documents import Misfit
from core.tariffs.doc_base import (
    Above,
    BandsDocument,
    BlockDocument,
    NotNegative,
    PartDocument,
    Percentage,
    PostingDocument,
    PrecisionDocument,
    Rate,
    ScheduleDocument,
    Text,
    blocks_of,
    one_of,
)
from core.tariffs.shapes import (
    UNITS,
    Credit,
    Energy,
    Fixed,
    Levy,
    Limits,
    Per,
    Percent,
    Period,
    Premium,
    Structure,
    TaxIncluded,
    TaxInTender,
    TaxOnLines,
    TouPrices,
)


class TouPricesDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The prices of one period of the time of use."""

    name: Text
    blocks: tuple[BlockDocument, ...] = ()
    rate: Rate | None = None
    schedules: tuple[ScheduleDocument, ...] = ()

    def __post_init__(self) -> None:
        one_of(rate=self.rate, blocks=self.blocks or None, schedules=self.schedules or None)

    def shape(self) -> TouPrices:
        """As it is priced."""
        schedules = tuple(schedule.shape() for schedule in self.schedules)
        return TouPrices(self.name, blocks_of(self.blocks, self.rate), schedules)


class MeteredDocument(PostingDocument, frozen=True, kw_only=True):
    """Units at prices."""

    structure: Structure
    period: Period
    blocks: tuple[BlockDocument, ...] = ()
    rate: Rate | None = None
    schedules: tuple[ScheduleDocument, ...] = ()
    tou: tuple[TouPricesDocument, ...] = ()
    scope: Literal["per_period", "total_pro_rata"] | None = None
    limits: Limits | None = None
    size: Above | None = None
    quantity: Text = UNITS
    unit: str = ""
    part: PartDocument | None = None
    quantity_rounding: PrecisionDocument | None = None
    one_line: bool = False
    at_jump: Literal["stop", "ask"] | None = None

    def __post_init__(self) -> None:
        one_of(
            blocks=self.blocks or None,
            rate=self.rate,
            schedules=self.schedules or None,
            tou=self.tou or None,
        )
        scheduled = {bool(p.schedules) for p in self.tou} or {bool(self.schedules)}
        if scheduled != {self.structure == "schedule_by_total"}:
            raise Misfit("structure", "schedules go with schedule_by_total, blocks with the others")
        jumps = self.structure in ("volume", "schedule_by_total")
        if jumps and self.limits is None:
            raise Misfit("structure", f"{self.structure} needs limits: inclusive or exclusive")
        if (self.structure == "package") != (self.size is not None) or self.size == 0:
            raise Misfit("structure", "package, and only it, needs a size above 0")
        if bool(self.tou) != (self.scope is not None):
            raise Misfit("tou", "tou needs scope, and only tou: per_period or total_pro_rata")
        if self.tou and self.part:
            raise Misfit("part", "a part of the units has no time of use")

    def metered(self) -> dict[str, Any]:
        """The same as the fields of a shape."""
        precision = self.quantity_rounding
        return self.posting() | {
            "structure": self.structure,
            "period": self.period,
            "blocks": blocks_of(self.blocks, self.rate),
            "quantity": self.quantity,
            "limits": self.limits or "inclusive",
            "schedules": tuple(schedule.shape() for schedule in self.schedules),
            "size_milli": self.size or 0,
            "tou": tuple(period.shape() for period in self.tou),
            "scope": self.scope,
            "part": self.part.shape() if self.part else None,
            "precision": precision.shape() if precision else None,
            "one_line": self.one_line,
            "at_jump": self.at_jump,
            "unit": self.unit,
        }


class EnergyDocument(MeteredDocument, frozen=True, kw_only=True, tag="energy", tag_field="kind"):
    """The units themselves."""

    def shape(self) -> Energy:
        """As it is priced."""
        return Energy(**self.metered())


class PremiumDocument(MeteredDocument, frozen=True, kw_only=True, tag="premium", tag_field="kind"):
    """More per unit beyond what was used before."""

    def shape(self) -> Premium:
        """As it is priced."""
        return Premium(**self.metered())


class CreditDocument(PostingDocument, frozen=True, kw_only=True, tag="credit", tag_field="kind"):
    """Money for a meter that holds the tariff."""

    def shape(self) -> Credit:
        """As it is priced."""
        return Credit(**self.posting())


class FixedDocument(PostingDocument, frozen=True, kw_only=True, tag="fixed", tag_field="kind"):
    """A charge per time."""

    per: Per
    rate: NotNegative | None = None
    bands: BandsDocument | None = None
    quantity: Text = "one"
    unit: Text = ""

    def __post_init__(self) -> None:
        one_of(rate=self.rate, bands=self.bands)

    def shape(self) -> Fixed:
        """As it is priced."""
        return Fixed(
            rate_e8=self.rate or 0,
            quantity=self.quantity,
            unit=self.unit or _TIMES[self.per],
            per=self.per,
            bands=self.bands.shape() if self.bands else None,
            **self.posting(),
        )


_TIMES = {
    "calendar_month": "month",
    "billing_period": "period",
    "day": "day",
    "year": "year",
}


class LevyDocument(PostingDocument, frozen=True, kw_only=True, tag="levy", tag_field="kind"):
    """An amount per unit."""

    rate: Rate
    quantity: Text = UNITS
    unit: str = ""
    part: PartDocument | None = None

    def shape(self) -> Levy:
        """As it is priced."""
        return Levy(
            rate_e8=self.rate,
            quantity=self.quantity,
            part=self.part.shape() if self.part else None,
            unit=self.unit,
            **self.posting(),
        )


class PercentDocument(PostingDocument, frozen=True, kw_only=True, tag="percent", tag_field="kind"):
    """A percentage of lines; negative for a rebate."""

    percent: Percentage
    of: tuple[Text, ...]

    def shape(self) -> Percent:
        """As it is priced."""
        return Percent(rate_e8=self.percent, of=self.of, **self.posting())


class TaxDocument(PostingDocument, frozen=True, kw_only=True, tag="tax", tag_field="kind"):
    """Tax says where it lies: ``basis: tender`` needs on_debts, the others need of."""

    percent: Percentage
    basis: Literal["tender", "lines", "included"]
    of: tuple[Text, ...] | None = None
    on_debts: bool | None = None

    def __post_init__(self) -> None:
        inside = self.basis == "tender"
        wanted, other = ("on_debts", "of") if inside else ("of", "on_debts")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise Misfit("basis", f"basis {self.basis} needs {wanted} and has no {other}")
        if inside and self.rounding != "half_up":  # tender - round(tender / (1 + rate)), by law
            raise Misfit("rounding", "tax inside the tender is rounded by law", ("half_up",))
        if self.basis != "lines" and self.percent < 0:
            raise Misfit("percent", f"tax inside the {self.basis} is between 0 and 100 percent")

    def shape(self) -> TaxOnLines | TaxInTender | TaxIncluded:
        """As it is priced."""
        if self.basis == "tender":
            return TaxInTender(rate_e8=self.percent, on_debts=bool(self.on_debts), **self.posting())
        made = TaxIncluded if self.basis == "included" else TaxOnLines
        return made(rate_e8=self.percent, of=self.of or (), **self.posting())
