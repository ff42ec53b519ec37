"""A provider's statement file → lines, by its layout; the whole file, or nothing of it.

Everything that is wrong is told at once, each with its line and column. Where the file says what it
comes to (totals, a count), that must be what its lines come to.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from core.messages import StatementLine
from core.messages.wallets import MAX_TYPED, PayerForm
from core.money import currency as money_of
from core.money import format_amount
from core.wallets.statement_layout import LayoutCase, LayoutLine, StatementLayout

#: A file is read as a whole; a day of more payments is cut by the provider's own export.
MAX_FILE_LINES: Final = 2_000_000
#: Problems told at once.
MAX_PROBLEMS: Final = 50
_AMOUNT = re.compile(r"([-+]?)([0-9]{1,15}|[0-9]{1,3}(?:[, ][0-9]{3}){1,4})(?:\.([0-9]{1,3}))?")
_RECEIPT = re.compile(r"[0-9A-Za-z._-]{4,64}")
_SECOND_US = 1_000_000


class StatementFileError(ValueError):
    """The file is not acceptable; ``problems`` says all that is wrong with it."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        shown = problems[:MAX_PROBLEMS]
        if len(problems) > MAX_PROBLEMS:
            shown.append(f"… and {len(problems) - MAX_PROBLEMS} more")
        super().__init__("\n".join(shown))


class _Wrong(ValueError):  # noqa: N818 - becomes a problem of the file
    """What is wrong with a cell."""

    def __init__(self, column: str, what: str) -> None:
        super().__init__(f"column {column!r}: {what}")


@dataclass(slots=True)
class _Sums:
    """What the file's rows come to, as it has them itself."""

    count: int = 0
    total_in: int = 0
    total_out: int = 0

    def of(self, means: str) -> int:
        """What a control is compared with."""
        if means == "count":
            return self.count
        if means == "total":
            return self.total_in - self.total_out
        return self.total_in if means == "total-in" else self.total_out


@dataclass(slots=True)
class _Reading:
    layout: StatementLayout
    name: str
    code: str
    day: int
    problems: list[str] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)  # field -> place in a row
    lines: dict[str, tuple[int, StatementLine]] = field(default_factory=dict)
    fees: dict[str, tuple[int, int]] = field(default_factory=dict)  # receipt -> line, amount
    sums: _Sums = field(default_factory=_Sums)
    said: list[tuple[str, str, str]] = field(default_factory=list)  # (means, label, cell)

    def problem(self, number: int, what: str) -> None:
        self.problems.append(f"{self.name}:{number}: {what}")


def read_statement(
    text: str, name: str, layout: StatementLayout, code: str, day: int
) -> list[StatementLine]:
    """The lines of a day (YYYYMMDD) in currency ``code``. Raises StatementFileError."""
    reading = _Reading(layout, name, code, day)
    labels = {control.label.casefold(): control for control in layout.controls}
    for number, row in _rows(text, name, layout.separator):
        first = row[0].strip().casefold()
        if first in labels:
            cell = next((cell.strip() for cell in row[1:] if cell.strip()), "")
            reading.said.append((labels[first].means, labels[first].label, cell))
        elif not reading.places:
            reading.places = _header(layout, row)
        else:
            _take(reading, number, row)
    if not reading.places:
        wanted = ", ".join(layout.columns.named.values())
        raise StatementFileError([f"{name}: no line has the columns {wanted}"])
    _fees(reading)
    if reading.problems:
        raise StatementFileError(reading.problems)
    _controls(reading)
    return [line for _, line in reading.lines.values()]


def _rows(text: str, name: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text.lstrip("\ufeff").splitlines(), delimiter=separator)
    try:
        for row in reader:
            if reader.line_num > MAX_FILE_LINES:
                raise StatementFileError([f"{name}: more than {MAX_FILE_LINES} lines: cut it"])
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise StatementFileError([f"{name}:{reader.line_num}: {error}"]) from error


def _header(layout: StatementLayout, row: list[str]) -> dict[str, int]:
    """Where each column is, if this row names them all."""
    cells = [" ".join(cell.split()).casefold() for cell in row]
    named = {name: column.casefold() for name, column in layout.columns.named.items()}
    if not set(named.values()) <= set(cells):
        return {}
    return {name: cells.index(column) for name, column in named.items()}


def _take(reading: _Reading, number: int, row: list[str]) -> None:
    width = max(reading.places.values()) + 1
    if len(row) < width:
        reading.problem(number, f"{len(row)} columns, at least {width} are wanted")
        return
    cells = {name: row[place].strip() for name, place in reading.places.items()}
    try:
        _line(reading, number, cells)
    except _Wrong as wrong:
        reading.problem(number, str(wrong))


def _line(reading: _Reading, number: int, cells: Mapping[str, str]) -> None:
    layout = reading.layout
    if layout.good and cells["status"].casefold() not in {g.casefold() for g in layout.good}:
        return
    amount = _money(reading, cells)
    reading.sums.count += 1
    reading.sums.total_in += max(amount, 0)
    reading.sums.total_out += max(-amount, 0)
    kind = _kind(layout, cells, amount)
    if kind == "ignore":
        return
    receipt = cells["receipt"]
    if not _RECEIPT.fullmatch(receipt):
        raise _Wrong(layout.columns.receipt, f"{receipt[:64]!r} is no receipt")
    if kind == "fee":
        before = reading.fees.get(receipt, (number, 0))[1]
        reading.fees[receipt] = (number, before + abs(amount))
        return
    if receipt in reading.lines:
        first = reading.lines[receipt][0]
        raise _Wrong(layout.columns.receipt, f"{receipt} stands on line {first}, too")
    reading.lines[receipt] = (number, _payment(reading, cells, amount, kind))


def _payment(reading: _Reading, cells: Mapping[str, str], amount: int, kind: str) -> StatementLine:
    layout, columns = reading.layout, reading.layout.columns
    if not amount:
        raise _Wrong(columns.amount or columns.paid_in, "an amount of nothing")
    if (amount < 0) != (kind == "reversal"):
        raise _Wrong(columns.amount or columns.paid_in, f"{amount} is no {kind}")
    original = cells.get("original", "")
    if kind == "reversal" and not original:
        raise _Wrong(columns.original or columns.receipt, "a reversal names what it gave back")
    code = cells.get("currency", "") or reading.code
    if code.upper() != reading.code:
        raise _Wrong(columns.currency, f"{code} is not {reading.code}")
    payer, form = _payer(layout, cells.get("payer", ""))
    fee = _minor(reading, columns.fee, cells["fee"]) if cells.get("fee") else 0
    return StatementLine(
        receipt=cells["receipt"],
        amount=amount,
        at=_instant(reading, cells["at"]),
        reference=cells.get("reference", "")[:MAX_TYPED],
        typed=cells.get("typed", "")[:MAX_TYPED],
        payer=payer,
        payer_form=form,
        fee=abs(fee),
        original=original if kind == "reversal" else "",
    )


def _money(reading: _Reading, cells: Mapping[str, str]) -> int:
    """What came (above 0) or went, in minor units."""
    columns = reading.layout.columns
    if columns.amount:
        return _minor(reading, columns.amount, cells["amount"])
    came = _minor(reading, columns.paid_in, cells["paid_in"] or "0")
    went = _minor(reading, columns.withdrawn, cells["withdrawn"] or "0")
    if came and went:
        raise _Wrong(columns.withdrawn, "money came and went on one line")
    return came - abs(went)


def _kind(layout: StatementLayout, cells: Mapping[str, str], amount: int) -> str:
    if not layout.kinds:
        return "payment" if amount >= 0 else "reversal"
    for rule in layout.kinds:
        if re.search(rule.pattern, cells["kind"], re.IGNORECASE):
            return rule.means
    raise _Wrong(layout.columns.kind, f"{cells['kind'][:60]!r} is a kind that no rule knows")


def _minor(reading: _Reading, column: str, cell: str) -> int:
    plain = cell.replace(".", " ").replace(",", ".") if reading.layout.decimal == "," else cell
    found = _AMOUNT.fullmatch(plain.strip())
    if found is None:
        raise _Wrong(column, f"{cell[:40]!r} is no amount")
    sign, whole, fraction = found[1], re.sub("[, ]", "", found[2]), found[3] or ""
    exponent = money_of(reading.code).exponent
    if fraction[exponent:].strip("0"):
        raise _Wrong(column, f"{cell[:40]!r} is finer than {reading.code} is")
    minor = int(whole + fraction[:exponent].ljust(exponent, "0"))
    return -minor if sign == "-" else minor


def _instant(reading: _Reading, cell: str) -> int:
    """Microseconds UTC of a moment of the day that the file is of."""
    column = reading.layout.columns.at
    for form in reading.layout.times:
        try:
            naive = datetime.strptime(cell, form)
        except ValueError:
            continue
        found = naive.year * 10_000 + naive.month * 100 + naive.day
        if found != reading.day:
            raise _Wrong(column, f"{cell} is not of the day {reading.day}")
        moment = naive.replace(tzinfo=ZoneInfo(reading.layout.zone))
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * _SECOND_US + since.microseconds
    raise _Wrong(column, f"{cell[:40]!r} is no time like {reading.layout.times[0]}")


def _payer(layout: StatementLayout, cell: str) -> tuple[str, PayerForm]:
    found = re.search(layout.payer_part, cell) if layout.payer_part else None
    text = (found[1] if found else cell).replace(" ", "")
    if re.fullmatch(r"\+?[0-9]{6,15}", text):
        return "+" + text.removeprefix("+"), "open"
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return text.lower(), "hashed"
    return (text[:40], "masked") if "*" in text else ("", "absent")


def _fees(reading: _Reading) -> None:
    """A fee is a line of its own with the receipt of its payment; other fees are not ours to
    keep apart: the payout is less by them."""
    for receipt, (_, amount) in reading.fees.items():
        if receipt in reading.lines:
            number, line = reading.lines[receipt]
            reading.lines[receipt] = number, replace(line, fee=line.fee + amount)


def _controls(reading: _Reading) -> None:
    """Nothing of a file that does not add up. Raises StatementFileError."""
    said = {label: (means, cell) for means, label, cell in reading.said}
    for control in reading.layout.controls:
        if control.label not in said:
            raise _rejected(reading, f"the row {control.label!r} is missing")
        means, cell = said[control.label]
        found = reading.sums.of(means)
        try:
            told = int(cell) if means == "count" else _minor(reading, control.label, cell)
        except ValueError:
            raise _rejected(reading, f"{control.label!r} says {cell[:40]!r}") from None
        if abs(told) != abs(found):
            what = "count" if means == "count" else means.replace("-", " ")
            show = str if means == "count" else lambda minor: format_amount(minor, reading.code)
            raise _rejected(reading, f"{what} {show(found)}, trailer says {show(told)}")


def _rejected(reading: _Reading, what: str) -> StatementFileError:
    sentence = f"Statement {reading.name} rejected: {what}; nothing was booked"
    return StatementFileError([sentence])


def case_wrong(layout: StatementLayout, case: LayoutCase) -> str:
    """What is wrong with a layout's case; empty: nothing."""
    try:
        lines = read_statement(case.text, "case", layout, case.currency, case.day)
    except StatementFileError as error:
        fits = case.wrong and case.wrong in str(error)
        return "" if fits else f"it is refused: {error}"
    if case.wrong:
        return f"it is read, where {case.wrong!r} was to be said"
    names = LayoutLine.__struct_fields__
    found = tuple(LayoutLine(**{n: getattr(line, n) for n in names}) for line in lines)
    return "" if found == case.lines else f"it comes to {found}"
