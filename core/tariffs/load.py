"""Tariff documents → shapes, with errors that name file, line and what is allowed.

The form is described for analysts in docs/tariffs.md. Rates are read as exact decimals of the
currency's major unit, percentages as percent, quantities as whole units.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, get_args

from core.money import CURRENCIES, currency
from core.tariffs.compiling import (
    CompiledTariff,
    TariffError,
    compile_tariff,
    compile_version,
)
from core.tariffs.document import DocumentError, Field, FieldError, Problem, parse
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

_PERCENT = E8 // 100
_MOST_MISSED_MONTHS = 120  # ten years: more is a debt for collection, not a line of a sale
_POSTING = ("kind", "code", "label", "tax_class", "payee", "rounding")


@dataclass(frozen=True, slots=True)
class TariffFile:
    """A file of ``mappings/tariffs``: a tariff, and cases that must come out as they say."""

    mapping: str
    version: int
    effective: date
    tariff: CompiledTariff
    tests: tuple[Field, ...]


def load_file(text: str, name: str) -> TariffFile:
    """Read a mapping file; DocumentError lists everything that is wrong with it."""
    root = parse(text, name)
    try:
        fields = root.mapping(
            ("mapping", "format", "version", "effective", "tariff", "tests"), ("source", "note")
        )
        fields["format"].one_of(("tariff",))
        tariff = load_tariff(fields["tariff"], name)
        effective = fields["effective"].day()
        if effective not in tariff.days:
            days = ", ".join(map(str, tariff.days))
            raise FieldError(fields["effective"], f"must be the day of a version: {days}")
        return TariffFile(
            mapping=fields["mapping"].text(),
            version=fields["version"].integer(1, 10**6),
            effective=effective,
            tariff=tariff,
            tests=tuple(fields["tests"].items()),
        )
    except FieldError as error:
        raise DocumentError(name, [error.problem]) from None


def load_tariff(field: Field, name: str) -> CompiledTariff:
    """Read, check and compile a tariff document; DocumentError lists every bad component."""
    problems: list[Problem] = []
    try:
        fields = field.mapping(("code", "title", "currency", "unit", "versions"), ("note",))
        code = fields["currency"].one_of(CURRENCIES)
        items = fields["versions"].items()
        versions = [_version(item, currency(code).scale, problems) for item in items]
        if problems:
            raise DocumentError(name, problems)
        tariff = Tariff(
            code=fields["code"].text(),
            title=fields["title"].text(),
            currency=code,
            unit=fields["unit"].text(),
            versions=tuple(version for version in versions if version is not None),
        )
        return compile_tariff(tariff)
    except FieldError as error:
        raise DocumentError(name, [*problems, error.problem]) from None
    except TariffError as error:
        raise DocumentError(name, [Problem(field.line, field.path, str(error))]) from None


def _version(field: Field, scale: int, problems: list[Problem]) -> TariffVersion | None:
    """One version; what is wrong goes to ``problems``, component by component."""
    try:
        fields = field.mapping(("valid_from", "catch_up", "components"), ("note", "source"))
        found = _components(fields["components"], problems)
        components = tuple(c for c in found if c is not None)
        day, catch_up = fields["valid_from"].day(), _catch_up(fields["catch_up"])
    except FieldError as error:
        problems.append(error.problem)
        return None
    if len(components) < len(found):
        return None  # what is left of it would be judged wrongly
    version = TariffVersion(day, catch_up, components)
    try:
        compile_version(version, scale)
    except TariffError as error:
        items = fields["components"].items()
        place = fields["components"] if error.index is None else items[error.index]
        problems.append(Problem(place.line, place.path, str(error)))
    return version


def _catch_up(field: Field) -> CatchUp:
    fields = field.mapping(("missed_months", "beyond"))
    months = fields["missed_months"].integer(0, _MOST_MISSED_MONTHS)
    beyond = fields["beyond"].one_of(("lapse", "defer"))
    return CatchUp(months, "lapse" if beyond == "lapse" else "defer")


def _components(field: Field, problems: list[Problem]) -> list[Component | None]:
    found: list[Component | None] = []
    for item in field.items():
        try:
            found.append(_component(item))
        except FieldError as error:
            problems.append(error.problem)
            found.append(None)
    return found


def _component(field: Field) -> Component:
    if not isinstance(field.value, dict) or "kind" not in field.value:
        raise FieldError(field, f"kind missing; allowed: {', '.join(_READERS)}")
    kind = field.value["kind"].one_of(_READERS)
    needed, optional, read = _READERS[kind]
    return read(field.mapping((*_POSTING, *needed), (*optional, "note")))


def _posting(fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "code": fields["code"].text(),
        "label": fields["label"].text(),
        "tax_class": fields["tax_class"].text(),
        "payee": _payee(fields["payee"]),
        "rounding": fields["rounding"].one_of(get_args(Rounding)),
    }


def _payee(field: Field) -> str:
    text = field.text()
    named = text.startswith(THIRD_PARTY) and text != THIRD_PARTY
    if text not in (OWN, TAX_AUTHORITY) and not named:
        raise FieldError(field, f"{text!r} is not {OWN}, {TAX_AUTHORITY} or {THIRD_PARTY}NAME")
    return text


def _energy(fields: Mapping[str, Field]) -> Energy:
    fields["structure"].one_of(("graduated",))
    fields["period"].one_of(("calendar_month",))
    return Energy(
        structure="graduated",
        period="calendar_month",
        blocks=tuple(_block(item) for item in fields["blocks"].items()),
        **_posting(fields),
    )


def _block(field: Field) -> Block:
    fields = field.mapping(("rate",), ("up_to",))
    limit = fields.get("up_to")
    return Block(limit.scaled(MILLI) if limit else None, fields["rate"].scaled(E8))


def _fixed(fields: Mapping[str, Field]) -> Fixed:
    fields["per"].one_of(("calendar_month",))
    quantity = fields["quantity"].text() if "quantity" in fields else "one"
    unit = fields["unit"].text() if "unit" in fields else "month"
    rate = _not_negative(fields["rate"])
    return Fixed(rate_e8=rate, quantity=quantity, unit=unit, **_posting(fields))


def _not_negative(field: Field) -> int:
    rate = field.scaled(E8)
    if rate < 0:
        raise FieldError(field, "must not be negative")
    return rate


def _levy(fields: Mapping[str, Field]) -> Levy:
    return Levy(rate_e8=fields["rate"].scaled(E8), **_posting(fields))


def _percent_of(fields: Mapping[str, Field]) -> dict[str, Any]:
    codes = tuple(item.text() for item in fields["of"].items())
    return {"rate_e8": _percentage(fields["percent"], -100), "of": codes, **_posting(fields)}


def _percentage(field: Field, low: int) -> int:
    rate = field.scaled(_PERCENT)
    if not low * _PERCENT <= rate <= E8:
        raise FieldError(field, f"{field.value} is not between {low} and 100 percent")
    return rate


def _percent(fields: Mapping[str, Field]) -> Percent:
    return Percent(**_percent_of(fields))


def _tax(fields: Mapping[str, Field]) -> TaxOnLines | TaxInTender:
    """VAT says where it lies: ``basis: tender`` needs on_debts, ``basis: lines`` needs of."""
    basis = fields["basis"].one_of(("tender", "lines"))
    wanted, other = ("on_debts", "of") if basis == "tender" else ("of", "on_debts")
    if wanted not in fields or other in fields:
        raise FieldError(fields["basis"], f"basis {basis} needs {wanted} and has no {other}")
    if basis == "lines":
        return TaxOnLines(**_percent_of(fields))
    fields["rounding"].one_of(("half_up",))  # tender - round(tender / (1 + rate)), by law
    rate = _percentage(fields["percent"], 0)
    return TaxInTender(rate_e8=rate, on_debts=fields["on_debts"].flag(), **_posting(fields))


_Reader = Callable[[Mapping[str, Field]], Component]
_READERS: dict[str, tuple[Collection[str], Collection[str], _Reader]] = {
    "energy": (("structure", "period", "blocks"), (), _energy),
    "fixed": (("rate", "per"), ("quantity", "unit"), _fixed),
    "levy": (("rate",), (), _levy),
    "percent": (("percent", "of"), (), _percent),
    "tax": (("percent", "basis"), ("of", "on_debts"), _tax),
}
