"""Rows and frames → lines: the one place where a bill rounds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import msgspec

from core.money import half_up
from core.tariffs.bills import Amount, BillLine
from core.tariffs.errors import BillError
from core.tariffs.frames import Frame
from core.tariffs.metered import Priced
from core.tariffs.programs import Program, Row
from core.tariffs.rounding import ROUNDERS
from core.tariffs.shapes import (
    E8,
    MILLI,
    Energy,
    LateFee,
    Minimum,
    PowerFactor,
    Premium,
    Rebate,
    TaxIncluded,
)

DENOMINATOR = E8 * MILLI
Days = tuple[date | None, date | None]
ALL_DAYS: Days = (None, None)
_SILENT = (Minimum, Rebate, PowerFactor, LateFee)  # nothing to say: no line


def straight(program: Program, frame: Frame, scale: int) -> list[BillLine]:
    """The lines of a program over which nothing changes."""
    lines: list[BillLine] = []
    amounts: dict[str, int] = {}
    for row in program.rows:
        amounts[row.shape.code] = charge(row, frame, scale, lines)
    for row in program.derived:
        base = 0
        for code in row.of:
            base += amounts.get(code, 0)
        amounts[row.shape.code] = derive(row, frame, base, lines)
        if isinstance(row.shape, TaxIncluded):
            tax = lines[-1].included
            share_included(lines, tax, [Fraction(_in(line, row)) for line in lines])
    return lines


def _in(line: BillLine, row: Row) -> int:
    return line.amount if line.code in row.of else 0


def charge(row: Row, frame: Frame, scale: int, lines: list[BillLine], days: Days = ALL_DAYS) -> int:
    """Append the lines of a charge; returns their sum in minor units."""
    if row.parts is None:
        assert row.amount is not None
        amount = row.amount(frame)
        if amount:
            lines.append(_line(row, amount, days))
        return amount
    return priced(row, row.parts(frame), scale, lines, days)


def priced(
    row: Row, parts: Sequence[Priced], scale: int, lines: list[BillLine], days: Days = ALL_DAYS
) -> int:
    """Append a line for each part (or one for all, if so declared); returns their sum."""
    shape: Any = row.shape
    if isinstance(shape, Energy | Premium) and shape.one_line and parts:
        return _together(row, parts, scale, lines, days)
    total, rounder = 0, row.rounder
    for rate, units, block, tou in parts:
        amount = rounder(rate * units * scale, DENOMINATOR)  # type: ignore[arg-type]
        total += amount
        lines.append(
            BillLine(
                row.step,
                shape.code,
                shape.label,
                amount,
                shape.tax_class,
                shape.payee,
                units if type(units) is int else whole(units),
                row.unit,
                rate if type(rate) is int else whole(rate),
                0,
                block,
                (),
                tou,
                0,
                days[0],
                days[1],
            )
        )
    return total


def _together(
    row: Row, parts: Sequence[Priced], scale: int, lines: list[BillLine], days: Days
) -> int:
    exact = sum(rate * units for rate, units, _, _ in parts)
    amount = row.rounder(exact * scale, DENOMINATOR)  # type: ignore[arg-type]
    units = sum(units for _, units, block, _ in parts if block)
    lines.append(_line(row, amount, days, quantity=whole(units)))
    return amount


def derive(
    row: Row, frame: Frame, base: Amount, lines: list[BillLine], days: Days = ALL_DAYS
) -> int:
    """Append the line that is made of others; returns its amount."""
    assert row.derive is not None
    amount, rate, shown = row.derive(frame, base)
    if isinstance(row.shape, TaxIncluded):
        lines.append(_line(row, 0, days, rate=rate, base=whole(base) - amount, included=amount))
        return 0
    if amount or not isinstance(row.shape, _SILENT):
        quantity = shown if type(shown) is int else whole(shown)
        base = base if type(base) is int else whole(base)
        lines.append(_line(row, amount, days, rate=rate, base=base, quantity=quantity))
    return amount


def _line(row: Row, amount: int, days: Days, **more: int) -> BillLine:
    shape = row.shape
    return BillLine(
        row.step,
        shape.code,
        shape.label,
        amount,
        shape.tax_class,
        shape.payee,
        more.get("quantity", 0),
        row.unit if more.get("quantity") else "",
        more.get("rate", 0),
        more.get("base", 0),
        included=more.get("included", 0),
        first=days[0],
        last=days[1],
    )


def share_included(lines: list[BillLine], tax: int, weights: Sequence[Fraction]) -> None:
    """Take a tax out of the lines that include it, in proportion, so that nothing is left over.

    The shares are differences of the rounded running sum, so they add up to the tax exactly.
    """
    total = sum(weights)
    if not total or not tax:
        if tax:
            raise BillError("tax is included in lines that add up to nothing")
        return
    running, given = Fraction(0), 0
    for i, weight in enumerate(weights):
        if weight:
            running += weight
            upto = whole(tax * running / total)
            line = lines[i]
            lines[i] = msgspec.structs.replace(line, included=line.included - (upto - given))
            given = upto


def whole(value: Amount) -> int:
    """The nearest integer, halves away from zero: for what is shown, and where a share ends."""
    return half_up(value.numerator, value.denominator)


def rounded_rate(rate: Fraction, decimals: int | None) -> Amount:
    """A mean price to so many decimals of the major unit (None: exact)."""
    if decimals is None:
        return rate
    unit: int = E8 // 10**decimals
    exact = rate / unit
    return ROUNDERS["half_up"](exact.numerator, exact.denominator) * unit
