"""Tariff documents → shapes, with errors that name file, line and what is allowed.

The form is described for analysts in docs/tariffs.md; the structs here and in ``doc_…`` are that
form, field by field. What one struct can judge by itself is judged when it is made, so that all
problems of a file are said at once.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import msgspec

from core.documents import Misfit, read
from core.money import CURRENCIES
from core.tariffs.compiling import CompiledTariff, TariffError, check, compile_tariff
from core.tariffs.doc_base import PERCENT, Quantity, Text
from core.tariffs.doc_calendar import CategoryDocument, SeasonDocument, TouPeriodDocument
from core.tariffs.doc_charges import (
    AllocationDocument,
    AreaDocument,
    DemandDocument,
    KvaDocument,
    LateFeeDocument,
    MinimumDocument,
    PowerFactorDocument,
    RebateDocument,
)
from core.tariffs.doc_energy import (
    CreditDocument,
    EnergyDocument,
    FixedDocument,
    LevyDocument,
    PercentDocument,
    PremiumDocument,
    TaxDocument,
)
from core.tariffs.shapes import CatchUp, Component, Mode, Tariff, TariffVersion
from core.yamlnodes import Node
from core.yamlvalues import OneOf

__all__ = ["PERCENT", "FileDocument", "Quantity", "TariffDocument", "TariffFile", "Text",
           "VersionDocument", "load_file"]  # fmt: skip

_MOST_MISSED_MONTHS = 120  # ten years: more is a debt for collection, not a line of a sale
ComponentDocument = (
    EnergyDocument
    | PremiumDocument
    | CreditDocument
    | FixedDocument
    | LevyDocument
    | PercentDocument
    | TaxDocument
    | DemandDocument
    | AreaDocument
    | PowerFactorDocument
    | KvaDocument
    | MinimumDocument
    | RebateDocument
    | AllocationDocument
    | LateFeeDocument
)


class CatchUpDocument(msgspec.Struct, frozen=True, kw_only=True):
    """How missed monthly charges are collected."""

    missed_months: Annotated[int, msgspec.Meta(ge=0, le=_MOST_MISSED_MONTHS)]
    beyond: Literal["lapse", "defer"]


class VersionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The prices from a day on. Without ``catch_up`` nothing is sold under it, only billed."""

    valid_from: date
    components: tuple[ComponentDocument, ...]
    catch_up: CatchUpDocument | None = None
    seasons: tuple[SeasonDocument, ...] = ()
    holidays: tuple[date, ...] = ()
    tou: tuple[TouPeriodDocument, ...] = ()
    category: CategoryDocument | None = None
    note: Any = None
    source: Any = None

    def __post_init__(self) -> None:
        known = [season.name for season in self.seasons]
        for i, period in enumerate(self.tou):
            if not set(period.seasons) <= set(known):
                raise Misfit(f"tou[{i}].seasons", "a season that is not declared", known)
        try:
            check(self.shape())  # whether it can be priced
        except TariffError as error:
            place = "components" if error.index is None else f"components[{error.index}]"
            raise Misfit(place, str(error)) from None

    def shape(self) -> TariffVersion:
        """As it is priced."""
        components: list[Component] = [component.shape() for component in self.components]
        rule = self.catch_up
        return TariffVersion(
            self.valid_from,
            CatchUp(rule.missed_months, rule.beyond) if rule else None,
            tuple(components),
            tuple(season.shape() for season in self.seasons),
            self.holidays,
            tuple(period.shape() for period in self.tou),
            self.category.shape() if self.category else None,
        )


class TariffDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff: versions in order of date."""

    code: Text
    title: Text
    currency: Annotated[str, OneOf(sorted(CURRENCIES))]
    unit: Text
    versions: tuple[VersionDocument, ...]
    mode: Mode = "prepaid"
    ti: Annotated[str, OneOf(("", *(f"{index:02d}" for index in range(1, 100))))] = ""
    note: Any = None

    def __post_init__(self) -> None:
        for i, version in enumerate(self.versions):
            if (version.catch_up is None) != (self.mode == "postpaid"):
                message = f"mode {self.mode}: catch_up is for tariffs that are sold, and only them"
                missing = "'catch_up' is missing" if version.catch_up is None else message
                raise Misfit(f"versions[{i}]", missing)
        try:
            self.compiled()
        except TariffError as error:
            raise Misfit("versions", str(error)) from None

    def compiled(self) -> CompiledTariff:
        """Ready to price."""
        versions = tuple(version.shape() for version in self.versions)
        head = (self.code, self.title, self.currency, self.unit)
        return compile_tariff(Tariff(*head, versions, self.ti, self.mode))


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
