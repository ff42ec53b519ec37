"""Tariff documents → shapes, with errors that name file, line and what is allowed.

The form is described for analysts in docs/tariffs.md; the structs here are that form, field by
field. Rates are read as exact decimals of the currency's major unit, percentages as percent,
quantities as whole units. What changes money has no default. What one struct can judge by itself
is judged when it is made, so that all problems of a file are said at once.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import msgspec

from core.documents import Misfit, read
from core.money import CURRENCIES
from core.tariffs.compiling import CompiledTariff, TariffError, compile_tariff, compile_version
from core.tariffs.shapes import (
    E8,
    MILLI,
    OWN,
    TAX_AUTHORITY,
    THIRD_PARTY,
    Block,
    CatchUp,
    Component,
    Energy,
    Fixed,
    Levy,
    Percent,
    Rounding,
    Tariff,
    TariffVersion,
    TaxInTender,
    TaxOnLines,
)
from core.yamlnodes import Node
from core.yamlvalues import OneOf, Scaled

PERCENT = E8 // 100
_MOST_MISSED_MONTHS = 120  # ten years: more is a debt for collection, not a line of a sale

Text = Annotated[str, msgspec.Meta(pattern=r"\S", description="a text that is not empty")]
Payee = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^({OWN}|{TAX_AUTHORITY}|{THIRD_PARTY}.+)\Z",
        description=f"{OWN}, {TAX_AUTHORITY} or {THIRD_PARTY}NAME",
    ),
]
Rate = Annotated[int, Scaled(E8)]
Quantity = Annotated[int, Scaled(MILLI)]


class BlockDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the energy price; the last one has no ``up_to``."""

    rate: Rate
    up_to: Quantity | None = None


class PostingDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What every component says."""

    code: Text
    label: Text
    tax_class: Text
    payee: Payee
    rounding: Rounding
    note: Any = None

    def posting(self) -> dict[str, Any]:
        """The same as the fields of a shape."""
        return {
            "code": self.code,
            "label": self.label,
            "tax_class": self.tax_class,
            "payee": self.payee,
            "rounding": self.rounding,
        }


class EnergyDocument(PostingDocument, frozen=True, kw_only=True, tag="energy", tag_field="kind"):
    """The units themselves."""

    structure: Literal["graduated"]
    period: Literal["calendar_month"]
    blocks: tuple[BlockDocument, ...]

    def shape(self) -> Energy:
        """As it is priced."""
        return Energy(
            structure=self.structure,
            period=self.period,
            blocks=tuple(Block(block.up_to, block.rate) for block in self.blocks),
            **self.posting(),
        )


class FixedDocument(PostingDocument, frozen=True, kw_only=True, tag="fixed", tag_field="kind"):
    """A charge of each month."""

    rate: Annotated[int, Scaled(E8, low=0)]
    per: Literal["calendar_month"]
    quantity: Text = "one"
    unit: Text = "month"

    def shape(self) -> Fixed:
        """As it is priced."""
        return Fixed(rate_e8=self.rate, quantity=self.quantity, unit=self.unit, **self.posting())


class LevyDocument(PostingDocument, frozen=True, kw_only=True, tag="levy", tag_field="kind"):
    """An amount per unit sold."""

    rate: Rate

    def shape(self) -> Levy:
        """As it is priced."""
        return Levy(rate_e8=self.rate, **self.posting())


class PercentDocument(PostingDocument, frozen=True, kw_only=True, tag="percent", tag_field="kind"):
    """A percentage of lines; negative for a rebate."""

    percent: Annotated[int, Scaled(PERCENT, low=-100, high=100)]
    of: tuple[Text, ...]

    def shape(self) -> Percent:
        """As it is priced."""
        return Percent(rate_e8=self.percent, of=self.of, **self.posting())


class TaxDocument(PostingDocument, frozen=True, kw_only=True, tag="tax", tag_field="kind"):
    """Tax says where it lies: ``basis: tender`` needs on_debts, ``basis: lines`` needs of."""

    percent: Annotated[int, Scaled(PERCENT, low=-100, high=100)]
    basis: Literal["tender", "lines"]
    of: tuple[Text, ...] | None = None
    on_debts: bool | None = None

    def __post_init__(self) -> None:
        inside = self.basis == "tender"
        wanted, other = ("on_debts", "of") if inside else ("of", "on_debts")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise Misfit("basis", f"basis {self.basis} needs {wanted} and has no {other}")
        if inside and self.rounding != "half_up":  # tender - round(tender / (1 + rate)), by law
            raise Misfit("rounding", "tax inside the tender is rounded by law", ("half_up",))
        if inside and self.percent < 0:
            raise Misfit("percent", "tax inside the tender is between 0 and 100 percent")

    def shape(self) -> TaxOnLines | TaxInTender:
        """As it is priced."""
        if self.of is not None:
            return TaxOnLines(rate_e8=self.percent, of=self.of, **self.posting())
        return TaxInTender(rate_e8=self.percent, on_debts=bool(self.on_debts), **self.posting())


class CatchUpDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How missed monthly charges are collected."""

    missed_months: Annotated[int, msgspec.Meta(ge=0, le=_MOST_MISSED_MONTHS)]
    beyond: Literal["lapse", "defer"]


class VersionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The prices from a day on."""

    valid_from: date
    catch_up: CatchUpDocument
    components: tuple[
        EnergyDocument | FixedDocument | LevyDocument | PercentDocument | TaxDocument, ...
    ]
    note: Any = None
    source: Any = None

    def __post_init__(self) -> None:
        try:
            compile_version(self.shape(), 1)  # whether it can be priced; the scale is no matter
        except TariffError as error:
            place = "components" if error.index is None else f"components[{error.index}]"
            raise Misfit(place, str(error)) from None

    def shape(self) -> TariffVersion:
        """As it is priced."""
        components: list[Component] = [component.shape() for component in self.components]
        catch_up = CatchUp(self.catch_up.missed_months, self.catch_up.beyond)
        return TariffVersion(self.valid_from, catch_up, tuple(components))


class TariffDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff: versions in order of date."""

    code: Text
    title: Text
    currency: Annotated[str, OneOf(sorted(CURRENCIES))]
    unit: Text
    versions: tuple[VersionDocument, ...]
    ti: Annotated[str, OneOf(("", *(f"{index:02d}" for index in range(1, 100))))] = ""
    note: Any = None

    def __post_init__(self) -> None:
        try:
            self.compiled()
        except TariffError as error:
            raise Misfit("versions", str(error)) from None

    def compiled(self) -> CompiledTariff:
        """Ready to price."""
        versions = tuple(version.shape() for version in self.versions)
        head = (self.code, self.title, self.currency, self.unit)
        return compile_tariff(Tariff(*head, versions, self.ti))


class FileDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A file of ``mappings/tariffs``."""

    mapping: Text
    format: Literal["tariff"]
    version: Annotated[int, msgspec.Meta(ge=1, le=10**6)]
    effective: date
    tariff: TariffDocument
    tests: tuple[Node, ...]
    source: Any = None
    note: Any = None

    def __post_init__(self) -> None:
        days = [str(version.valid_from) for version in self.tariff.versions]
        if str(self.effective) not in days:
            raise Misfit("effective", "must be the day of a version", days)


@dataclass(frozen=True, slots=True)
class TariffFile:
    """A tariff, and cases that must come out as they say (read by ``conform``)."""

    mapping: str
    version: int
    effective: date
    tariff: CompiledTariff
    tests: tuple[Node, ...]


def load_file(text: str, name: str) -> TariffFile:
    """Read a mapping file; DocumentError lists everything that is wrong with it."""
    document = read(text, FileDocument, name).value
    return TariffFile(
        mapping=document.mapping,
        version=document.version,
        effective=document.effective,
        tariff=document.tariff.compiled(),
        tests=document.tests,
    )
