"""Units → lines: each line rounded once, the total is the sum of the rounded lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from core.money import half_up
from core.tariffs.bills import Amount
from core.tariffs.compiling import (
    RATE_DENOMINATOR,
    ROUNDERS,
    CompiledTariff,
    CompiledVersion,
)
from core.tariffs.errors import MissingQuantityError
from core.tariffs.metered import part_of
from core.tariffs.sale import Line, SaleState
from core.tariffs.shapes import E8, MILLI, Energy, Fixed, Levy, Premium, TaxOnLines
from core.tariffs.structures import price_of

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
        for charge in tariff.of_period(period, state.category).fixed:
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
    if not version.plain:
        return general_lines(version, before, units, fixed, unit)
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


def general_lines(
    version: CompiledVersion, before: int, units: int, fixed: Sequence[Line], unit: str
) -> list[Line]:
    """As unit_lines, for other structures than one graduated energy, and parts of the units.

    Where the total moves earlier units to another price, their difference is a line of block 0.
    """
    lines: list[Line] = []
    for shape in version.metered:
        made = _metered_lines(version, shape, before, units, unit)
        if not shape.one_line or not made:
            lines += made
            continue
        exact = sum(rate * count for rate, count, _ in _parts(shape, before, units))
        amount = ROUNDERS[shape.rounding](exact * version.scale, RATE_DENOMINATOR)  # type: ignore[arg-type]
        whole = msgspec.structs.replace(made[0], amount=amount, rate_e8=0, block=0)
        shown = sum(line.quantity_milli for line in made if line.block)
        lines.append(msgspec.structs.replace(whole, quantity_milli=shown))
    for levy in version.levies if units else ():
        part = part_of(levy.part)
        count: Amount = units if part is None else part(before + units, 1) - part(before, 1)
        priced = [(levy.rate_e8, count, 0)] if count else []
        lines += _posted(version, levy, priced, unit)
    if version.percentages:
        amounts: dict[str, int] = {}
        for line in [*lines, *fixed]:
            amounts[line.code] = amounts.get(line.code, 0) + line.amount
        lines += _percentage_lines(version, amounts)
    return lines


def _parts(shape: Energy | Premium, before: int, units: int) -> list[tuple[Amount, Amount, int]]:
    low: Amount = before
    high: Amount = before + units
    part = part_of(shape.part)
    if part is not None:
        low, high = part(low, 1), part(high, 1)
    priced = price_of(shape, shape.blocks, shape.schedules)(low, high, 1)
    return [each for each in priced if each[0] or not isinstance(shape, Premium)]


def _metered_lines(
    version: CompiledVersion, shape: Energy | Premium, before: int, units: int, unit: str
) -> list[Line]:
    return _posted(version, shape, _parts(shape, before, units), shape.unit or unit)


def _posted(
    version: CompiledVersion,
    shape: Energy | Premium | Levy,
    parts: Sequence[tuple[Amount, Amount, int]],
    unit: str,
) -> list[Line]:
    rounder = ROUNDERS[shape.rounding]
    return [
        Line(
            "energy",
            shape.code,
            shape.label,
            rounder(rate * count * version.scale, RATE_DENOMINATOR),  # type: ignore[arg-type]
            shape.tax_class,
            shape.payee,
            half_up(count.numerator, count.denominator),
            unit,
            half_up(rate.numerator, rate.denominator),
            0,
            block,
        )
        for rate, count, block in parts
    ]


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
