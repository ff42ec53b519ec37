"""Units → lines: each line rounded once, the total is the sum of the rounded lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from core.tariffs.compiling import (
    RATE_DENOMINATOR,
    ROUNDERS,
    CompiledTariff,
    CompiledVersion,
)
from core.tariffs.errors import MissingQuantityError
from core.tariffs.sale import Line, SaleState
from core.tariffs.shapes import E8, MILLI, Fixed, TaxOnLines

__all__ = ["FixedDue", "MissingQuantityError", "fixed_due", "unit_lines"]


class FixedDue(msgspec.Struct, frozen=True, gc=False):
    """The month charges of a sale: their lines, their rounded total, and the exact cost of them
    with every percentage upon them, as ``exact[0] / exact[1]`` minor units."""

    lines: tuple[Line, ...]
    total: int
    exact: tuple[int, int]


_NOTHING_DUE = FixedDue((), 0, (0, 1))


def fixed_due(tariff: CompiledTariff, version: CompiledVersion, state: SaleState) -> FixedDue:
    """The charges of the due months, each at the rate of its own month.

    Months that bear the very same charge share a line: same rate, rounding and payee. Percentages
    upon them are those of ``version``, the one of the day of the sale.
    """
    if not state.fixed_due:
        return _NOTHING_DUE
    months: dict[tuple[Fixed, int], list[int]] = {}
    for period in state.fixed_due:
        for charge in tariff.of_period(period).fixed:
            key = charge, _quantity(charge, state.attributes)
            months.setdefault(key, []).append(period)
    lines = []
    exact = 0
    for (charge, quantity), which in months.items():
        cost = charge.rate_e8 * quantity * len(which) * version.scale
        lines.append(_fixed_line(charge, quantity, tuple(which), version.scale))
        exact += cost * version.weights.get(charge.code, version.weight_denominator)
    total = sum(line.amount for line in lines)
    return FixedDue(tuple(lines), total, (exact, RATE_DENOMINATOR * version.weight_denominator))


def _quantity(charge: Fixed, attributes: Mapping[str, int]) -> int:
    if charge.quantity == "one":
        return MILLI
    try:
        return attributes[charge.quantity]
    except KeyError:
        raise MissingQuantityError(
            f"{charge.code} is per {charge.quantity}, which is not given"
        ) from None


def _fixed_line(charge: Fixed, quantity: int, months: tuple[int, ...], scale: int) -> Line:
    total = quantity * len(months)
    amount = ROUNDERS[charge.rounding](charge.rate_e8 * total * scale, RATE_DENOMINATOR)
    return Line(
        "fixed",
        charge.code,
        charge.label,
        amount,
        charge.tax_class,
        charge.payee,
        quantity_milli=total,
        unit=charge.unit,
        rate_e8=charge.rate_e8,
        periods=months,
    )


def unit_lines(
    version: CompiledVersion, before: int, units: int, fixed: Sequence[Line], unit: str
) -> list[Line]:
    """Lines of ``units`` milli-units sold after ``before`` of the month: a line per block touched,
    levies, then percentages (of these and of the fixed lines, which are not repeated here)."""
    lines = _energy_lines(version, before, units, unit)
    energy = version.energy
    amounts = {energy.code: sum(line.amount for line in lines)}
    scale = version.scale
    for levy in version.levies if units else ():
        amount = ROUNDERS[levy.rounding](levy.rate_e8 * units * scale, RATE_DENOMINATOR)
        amounts[levy.code] = amount
        lines.append(
            Line(
                "energy",
                levy.code,
                levy.label,
                amount,
                levy.tax_class,
                levy.payee,
                units,
                unit,
                levy.rate_e8,
            )
        )
    if version.percentages:
        for line in fixed:
            amounts[line.code] = amounts.get(line.code, 0) + line.amount
        lines += _percentage_lines(version, amounts)
    return lines


def _energy_lines(version: CompiledVersion, before: int, units: int, unit: str) -> list[Line]:
    energy = version.energy
    rounder = ROUNDERS[energy.rounding]
    scale = version.scale
    after = before + units
    lines = []
    at = before
    for number, block in enumerate(energy.blocks, 1):
        if at == after:
            break
        end = block.up_to_milli
        if end is not None and end <= at:
            continue
        quantity = (after if end is None or end > after else end) - at
        amount = rounder(block.rate_e8 * quantity * scale, RATE_DENOMINATOR)
        lines.append(
            Line(
                "energy",
                energy.code,
                energy.label,
                amount,
                energy.tax_class,
                energy.payee,
                quantity,
                unit,
                block.rate_e8,
                0,
                number,
            )
        )
        at += quantity
    return lines


def _percentage_lines(version: CompiledVersion, amounts: dict[str, int]) -> list[Line]:
    lines = []
    for item in version.percentages:
        base = 0
        for code in item.of:
            base += amounts.get(code, 0)
        amount = ROUNDERS[item.rounding](base * item.rate_e8, E8)
        amounts[item.code] = amount
        lines.append(
            Line(
                "tax" if isinstance(item, TaxOnLines) else "energy",
                item.code,
                item.label,
                amount,
                item.tax_class,
                item.payee,
                0,
                "",
                item.rate_e8,
                base,
            )
        )
    return lines
