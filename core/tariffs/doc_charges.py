"""The components of a tariff document that only bills have: power, area, power factor, minimum,
rebate, common meters, delay."""

from typing import Annotated, Literal

import msgspec

from core.documents import Misfit
from core.tariffs.doc_base import (
    Above,
    BandsDocument,
    BlockDocument,
    NotNegative,
    PostingDocument,
    PrecisionDocument,
    Rate,
    Ratio,
    Text,
    blocks_of,
    one_of,
)
from core.tariffs.shapes import (
    E8,
    Allocation,
    Area,
    AtLeast,
    Block,
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
    Rounding,
)
from core.yamlvalues import Scaled

Hundredths = Annotated[int, Scaled(100, low=0, high=1)]
Signed = Annotated[int, Scaled(E8 // 100, low=-1000, high=1000)]
_MONTHS = Annotated[int, msgspec.Meta(ge=1, le=12)]
_LOOK_BACK = Annotated[int, msgspec.Meta(ge=1, le=60)]  # five years: beyond every ratchet known


class RatchetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A share of the highest demand of earlier months."""

    percent: Ratio
    months: _LOOK_BACK
    current_month: Literal["counts", "does_not_count"]
    only_months: tuple[_MONTHS, ...] = ()

    def shape(self) -> Ratchet:
        """As it is priced."""
        return Ratchet(
            percent_e8=self.percent,
            months=self.months,
            current=self.current_month == "counts",
            only=self.only_months,
        )


class AtLeastDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A share of another quantity."""

    quantity: Text
    percent: Ratio


class ExcessDocument(AtLeastDocument, frozen=True, kw_only=True):
    """What lies above costs another rate."""

    rate: Rate


class DemandDocument(PostingDocument, frozen=True, kw_only=True, tag="demand", tag_field="kind"):
    """Power at its price."""

    quantity: Text
    unit: Text
    per: Per
    rate: Rate | None = None
    blocks: tuple[BlockDocument, ...] = ()
    ratchet: RatchetDocument | None = None
    at_least: tuple[AtLeastDocument, ...] = ()
    above: ExcessDocument | None = None
    quantity_rounding: PrecisionDocument | None = None

    def __post_init__(self) -> None:
        one_of(rate=self.rate, blocks=self.blocks or None)

    def shape(self) -> Demand:
        """As it is priced."""
        ratchet, above = self.ratchet, self.above
        return Demand(
            quantity=self.quantity,
            unit=self.unit,
            per=self.per,
            blocks=blocks_of(self.blocks, self.rate),
            ratchet=ratchet.shape() if ratchet else None,
            at_least=tuple(AtLeast(each.quantity, each.percent) for each in self.at_least),
            excess=Excess(above.quantity, above.percent, above.rate) if above else None,
            precision=self.quantity_rounding.shape() if self.quantity_rounding else None,
            **self.posting(),
        )


class FactorBandDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A factor up to a height."""

    factor: NotNegative
    up_to: Above | None = None


class HeightDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How rooms above the standard height count."""

    quantity: Text
    method: Literal["ratio", "steps", "bands"]
    standard: Above | None = None
    step: Above | None = None
    percent: Ratio | None = None
    steps_count: Literal["begun", "full"] | None = None
    bands: tuple[FactorBandDocument, ...] = ()

    def __post_init__(self) -> None:
        needs = {
            "ratio": ("standard",),
            "steps": ("standard", "step", "percent", "steps_count"),
            "bands": ("bands",),
        }[self.method]
        for name in ("standard", "step", "percent", "steps_count", "bands"):
            if bool(getattr(self, name)) != (name in needs):
                raise Misfit("method", f"{self.method} needs {', '.join(needs)} and nothing else")
        limits = [band.up_to for band in self.bands]
        if limits and (limits[-1] is not None or None in limits[:-1]):
            raise Misfit("bands", "the last band, and only the last, has no up_to")

    def shape(self) -> Height:
        """As it is priced."""
        return Height(
            quantity=self.quantity,
            method=self.method,
            standard_milli=self.standard or 0,
            step_milli=self.step or 0,
            step_e8=self.percent or 0,
            started=self.steps_count == "begun",
            bands=tuple(Block(band.up_to, band.factor) for band in self.bands),
        )


class AreaDocument(PostingDocument, frozen=True, kw_only=True, tag="area", tag_field="kind"):
    """A charge per square metre."""

    quantity: Text
    unit: Text
    per: Per
    rate: NotNegative
    height: HeightDocument | None = None

    def shape(self) -> Area:
        """As it is priced."""
        return Area(
            quantity=self.quantity,
            unit=self.unit,
            per=self.per,
            rate_e8=self.rate,
            height=self.height.shape() if self.height else None,
            **self.posting(),
        )


class RowDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a power factor table: from this factor upwards."""

    factor: Hundredths = msgspec.field(name="from")
    percent: Signed


class BelowDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Percent for each 0.01 below the standard, down to a factor."""

    percent: Signed
    down_to: Hundredths | None = None


class AboveDocument(msgspec.Struct, frozen=True, kw_only=True):
    """Percent for each 0.01 above the standard, up to a factor."""

    percent: Signed
    up_to: Hundredths | None = None


class PowerFactorDocument(
    PostingDocument, frozen=True, kw_only=True, tag="power_factor", tag_field="kind"
):
    """A percentage of lines by the power factor."""

    of: tuple[Text, ...]
    method: Literal["table", "steps"]
    factor_rounding: Rounding
    quantity: Text | None = None
    active: Text | None = None
    reactive: Text | None = None
    standard: Hundredths | None = None
    below: tuple[BelowDocument, ...] = ()
    above: tuple[AboveDocument, ...] = ()
    table: tuple[RowDocument, ...] = ()

    def __post_init__(self) -> None:
        one_of(quantity=self.quantity, active=self.active)
        if (self.active is None) != (self.reactive is None):
            raise Misfit("active", "active and reactive energy go together")
        if (self.method == "table") != bool(self.table) or bool(self.table) == bool(self.standard):
            raise Misfit("method", "table needs a table; steps need a standard, below and above")

    def shape(self) -> PowerFactor:
        """As it is priced."""
        return PowerFactor(
            of=self.of,
            method=self.method,
            factor_rounding=self.factor_rounding,
            quantity=self.quantity or "",
            active=self.active or "",
            reactive=self.reactive or "",
            standard_e2=self.standard or 0,
            table=tuple(FactorRow(row.factor, row.percent) for row in self.table),
            below=tuple(FactorStep(step.down_to, step.percent) for step in self.below),
            above=tuple(FactorStep(step.up_to, step.percent) for step in self.above),
            **self.posting(),
        )


class KvaDocument(
    PostingDocument, frozen=True, kw_only=True, tag="kva_difference", tag_field="kind"
):
    """A rate on the apparent power above what a standard power factor would need."""

    kva: Text
    kw: Text
    standard: Annotated[int, Scaled(E8, low=0, high=1)]
    form: Literal["kva_minus_kw_over_standard", "standard_kva_minus_kw"]
    unit: Text
    per: Per
    rate: NotNegative

    def __post_init__(self) -> None:
        if not self.standard:
            raise Misfit("standard", "a power factor above 0")

    def shape(self) -> KvaDifference:
        """As it is priced."""
        return KvaDifference(
            kva=self.kva,
            kw=self.kw,
            standard_e8=self.standard,
            form="of_kva" if self.form == "kva_minus_kw_over_standard" else "of_kw",
            unit=self.unit,
            per=self.per,
            rate_e8=self.rate,
            **self.posting(),
        )


class MinimumDocument(PostingDocument, frozen=True, kw_only=True, tag="minimum", tag_field="kind"):
    """What is missing to a least amount."""

    of: tuple[Text, ...]
    per: Per
    rate: NotNegative | None = None
    bands: BandsDocument | None = None
    quantity: Text = "one"

    def __post_init__(self) -> None:
        one_of(rate=self.rate, bands=self.bands)

    def shape(self) -> Minimum:
        """As it is priced."""
        return Minimum(
            of=self.of,
            rate_e8=self.rate or 0,
            quantity=self.quantity,
            per=self.per,
            bands=self.bands.shape() if self.bands else None,
            **self.posting(),
        )


class RebateDocument(PostingDocument, frozen=True, kw_only=True, tag="rebate", tag_field="kind"):
    """An amount off lines, per time or per unit."""

    of: tuple[Text, ...]
    rate: NotNegative
    per: Per | None = None
    quantity: Text | None = None
    up_to: Above | None = None

    def __post_init__(self) -> None:
        if self.per is None and self.quantity is None:
            raise ValueError("needs per (a time), quantity (units), or both")

    def shape(self) -> Rebate:
        """As it is priced."""
        return Rebate(
            of=self.of,
            rate_e8=self.rate,
            quantity=self.quantity or "one",
            per=self.per,
            up_to_milli=self.up_to,
            **self.posting(),
        )


class AllocationDocument(
    PostingDocument, frozen=True, kw_only=True, tag="allocation", tag_field="kind"
):
    """This account's share of something common."""

    share: Text
    what: Literal["amount", "quantity"]
    rate: Rate | None = None
    unit: Text | None = None
    resolution: Above | None = None

    def __post_init__(self) -> None:
        needed = self.what == "quantity"
        for name in ("rate", "unit", "resolution"):
            if (getattr(self, name) is not None) != needed or self.resolution == 0:
                raise Misfit("what", "quantity, and only it, needs rate, unit and resolution")

    def shape(self) -> Allocation:
        """As it is priced."""
        return Allocation(
            share=self.share,
            what=self.what,
            rate_e8=self.rate or 0,
            unit=self.unit or "",
            resolution_milli=self.resolution or 1,
            **self.posting(),
        )


class LateFeeDocument(PostingDocument, frozen=True, kw_only=True, tag="late_fee", tag_field="kind"):
    """A share of overdue amounts per day; both years' rates are said."""

    percent_per_day: Ratio
    percent_per_day_later_years: Ratio
    least: NotNegative
    cap_percent: Ratio | None = None
    grace_days: Annotated[int, msgspec.Meta(ge=0, le=366)] = 0
    grace_if_later: Literal["charged", "free"] | None = None

    def __post_init__(self) -> None:
        if bool(self.grace_days) != (self.grace_if_later is not None):
            raise Misfit("grace_days", "needs grace_if_later: charged or free")

    def shape(self) -> LateFee:
        """As it is priced."""
        return LateFee(
            daily_e8=self.percent_per_day,
            later_e8=self.percent_per_day_later_years,
            least_e8=self.least,
            cap_e8=self.cap_percent,
            grace_days=self.grace_days,
            grace_counts=self.grace_if_later == "charged",
            **self.posting(),
        )
