"""A bill over which something changes: each component by the days for which it is the same.

A *run* is a stretch of the bill's days in which a component is equal; a change of version that
leaves a component alone does not cut it. A component with one run over the whole bill is billed
as if nothing had changed. Otherwise it says how it is prorated:

* ``quantity_first``: the quantity is divided by days, limits with it; each run at its own price;
* ``two_bills``: a bill of everything at each price, weighted by its days;
* ``per_day_price``: one price, the mean of all prices weighted by their days;
* ``whole``: the price of the first or the last day holds throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction

import msgspec

from core.money import allocate
from core.tariffs.bills import Amount, BillInput, BillLine
from core.tariffs.errors import BillError
from core.tariffs.frames import Frame, Span, months_under, span_of
from core.tariffs.lines import (
    ALL_DAYS,
    Days,
    charge,
    derive,
    priced,
    rounded_rate,
    share_included,
)
from core.tariffs.metered import Priced
from core.tariffs.programs import Row, in_order
from core.tariffs.segments import Segment
from core.tariffs.shapes import Component, Proration, TaxIncluded


class _Run(msgspec.Struct, gc=False):
    first: date
    last: date
    row: Row

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


#: Of each code: the days of a line and its amount.
_Booked = dict[str, list[tuple[date, date, int]]]


class _Bill(msgspec.Struct, gc=False):
    """What the parts of this module share."""

    given: BillInput
    span: Span
    scale: int
    lines: list[BillLine]
    booked: _Booked

    def whole_frame(self, shape: Component) -> Frame:
        return Frame(self.given, self.span, months_under(shape.proration, self.span))

    def book(self, code: str, run: tuple[date, date], amount: int) -> None:
        self.booked.setdefault(code, []).append((*run, amount))


def by_runs(segments: Sequence[Segment], given: BillInput, scale: int) -> list[BillLine]:
    """The lines of a bill whose segments are given in order; together they are all its days."""
    bill = _Bill(given, span_of(given.first, given.last), scale, [], {})
    for runs in _runs_of(segments, lambda segment: segment.program.rows):
        _charge(bill, runs)
    made = _runs_of(segments, lambda segment: segment.program.derived)
    by_code = {runs[0].row.shape.code: runs for runs in made}
    needs = [
        msgspec.structs.replace(
            runs[0].row, of=tuple({code for run in runs for code in run.row.of})
        )
        for runs in made
    ]
    for row in in_order(needs):
        _derive(bill, by_code[row.shape.code])
    return bill.lines


def _runs_of(
    segments: Sequence[Segment], rows_of: Callable[[Segment], Sequence[Row]]
) -> list[list[_Run]]:
    """For each code, in order of appearance, its runs."""
    found: dict[str, list[_Run]] = {}
    for segment in _cut_years(segments):
        for row in rows_of(segment):
            runs = found.setdefault(row.shape.code, [])
            if runs and _goes_on(runs[-1], row, segment):
                runs[-1].last = segment.last
            else:
                runs.append(_Run(segment.first, segment.last, row))
    return list(found.values())


def _cut_years(segments: Sequence[Segment]) -> list[Segment]:
    cut: list[Segment] = []
    for segment in segments:
        first = segment.first
        while segment.program.yearly and first.year < segment.last.year:
            cut.append(Segment(first, date(first.year, 12, 31), segment.program))
            first = date(first.year + 1, 1, 1)
        cut.append(Segment(first, segment.last, segment.program))
    return cut


def _goes_on(run: _Run, row: Row, segment: Segment) -> bool:
    if run.row.shape != row.shape or (segment.first - run.last).days != 1:
        return False
    return run.first.year == segment.first.year or not _is_yearly(row)


def _is_yearly(row: Row) -> bool:
    return getattr(row.shape, "period", "") == "calendar_year"


def _charge(bill: _Bill, runs: list[_Run]) -> None:
    row, shape = runs[0].row, runs[0].row.shape
    all_days = bill.span.first, bill.span.last
    if (runs[0].first, runs[0].last) == all_days:
        amount = charge(row, bill.whole_frame(shape), bill.scale, bill.lines)
        bill.book(shape.code, all_days, amount)
        return
    method = _method(runs)
    if method == "whole":
        _charge_whole(bill, runs)
    elif method == "per_day_price":
        parts = _mean_parts(bill, runs)
        amount = priced(runs[-1].row, parts, bill.scale, bill.lines)
        bill.book(shape.code, all_days, amount)
    else:
        for number, run in enumerate(runs):
            rule = _rule(run)
            frame = bill.whole_frame(run.row.shape)
            weight: Amount = Fraction(run.days, bill.span.days)
            if method == "quantity_first":
                frame, weight = _part_frame(bill, runs, number, rule), 1
            parts = run.row.parts(frame) if run.row.parts is not None else []
            parts = [(rate, units * weight, block, tou) for rate, units, block, tou in parts]
            days = run.first, run.last
            amount = priced(run.row, parts, bill.scale, bill.lines, days)
            bill.book(shape.code, days, amount)


def _rule(run: _Run) -> Proration:
    rule = run.row.shape.proration
    if rule is not None:
        return rule
    if getattr(run.row.shape, "per", "") in ("day", "year"):
        return Proration(method="quantity_first")  # days are days: there is nothing to choose
    raise BillError(
        f"{run.row.shape.code} changes within the bill and does not say how (proration)"
    )


def _method(runs: Sequence[_Run]) -> str:
    methods = {_rule(run).method for run in runs}
    if len(methods) > 1:
        code = runs[0].row.shape.code
        raise BillError(f"{code} changes within the bill, and with it how: {sorted(methods)}")
    if runs[0].row.parts is None and methods != {"whole"}:
        raise BillError(f"{runs[0].row.shape.code} can only be charged whole (proration)")
    return methods.pop()


def _charge_whole(bill: _Bill, runs: Sequence[_Run]) -> None:
    """The component of the first or the last day, if there is one on it, for everything."""
    for run in runs:
        first = _rule(run).at == "first_day"
        if (run.first == bill.span.first) if first else (run.last == bill.span.last):
            frame = bill.whole_frame(run.row.shape)
            amount = charge(run.row, frame, bill.scale, bill.lines)
            bill.book(run.row.shape.code, (bill.span.first, bill.span.last), amount)
            return


def _part_frame(bill: _Bill, runs: Sequence[_Run], number: int, rule: Proration) -> Frame:
    """The frame of one run whose quantities are a part of the bill's, by days."""
    run = runs[number]
    span = span_of(run.first, run.last)
    frame = Frame(bill.given, span, months_under(rule, span))
    frame.share = Fraction(run.days, bill.span.days)
    yearly = _is_yearly(run.row)
    frame.fresh = yearly and run.first.year > bill.span.first.year
    weights, mine = _day_weights(bill.span, runs, number)
    begun = 0
    if yearly:
        begun = next(i for i, (year, _) in enumerate(weights) if year == run.first.year)
    days = [count for _, count in weights]

    def cut(value: Amount) -> tuple[Amount, Amount]:
        shares = cut_quantity(value, days, rule.resolution_milli)
        return sum(shares[begun:mine]), shares[mine]

    frame.cut = cut
    return frame


def _day_weights(
    span: Span, runs: Sequence[_Run], number: int
) -> tuple[list[tuple[int, int]], int]:
    """(year, days) of all runs and of the gaps between them, and where the run is in that list."""
    weights: list[tuple[int, int]] = []
    at, mine = span.first.toordinal(), 0
    for i, run in enumerate(runs):
        gap = run.first.toordinal() - at
        if gap:
            weights.append((0, gap))
        if i == number:
            mine = len(weights)
        weights.append((run.first.year, run.days))
        at = run.last.toordinal() + 1
    if span.last.toordinal() + 1 > at:
        weights.append((0, span.last.toordinal() + 1 - at))
    return weights, mine


def cut_quantity(value: Amount, days: Sequence[int], resolution: int | None) -> list[Amount]:
    """A quantity divided by days: exactly, or in multiples of the resolution by largest
    remainder, what is finer than it falling to the last. The parts always add up."""
    if resolution is None:
        return [Fraction(value * count, sum(days)) for count in days]
    shares: list[Amount] = [part * resolution for part in allocate(int(value // resolution), days)]
    shares[-1] += value % resolution
    return shares


def _mean_parts(bill: _Bill, runs: Sequence[_Run]) -> list[Priced]:
    """The parts at the mean of the prices, each weighted by its days."""
    sums: dict[tuple[int, str], Amount] = {}
    quantities: dict[tuple[int, str], Amount] = {}
    for run in runs:
        assert run.row.parts is not None
        for rate, units, block, tou in run.row.parts(bill.whole_frame(run.row.shape)):
            key = block, tou
            if quantities.setdefault(key, units) != units:
                code = run.row.shape.code
                raise BillError(f"{code}: limits change within the bill: there is no mean price")
            sums[key] = sums.get(key, 0) + rate * Fraction(run.days, bill.span.days)
    decimals = _rule(runs[-1]).price_decimals
    return [
        (rounded_rate(Fraction(rate), decimals), quantities[key], *key)
        for key, rate in sums.items()
    ]


def _derive(bill: _Bill, runs: list[_Run]) -> None:
    all_days = bill.span.first, bill.span.last
    for run in runs:
        days: Days = (run.first, run.last)
        frame = bill.whole_frame(run.row.shape)
        if days == all_days:
            days = ALL_DAYS
        else:
            span = span_of(run.first, run.last)
            frame = Frame(bill.given, span, months_under(run.row.shape.proration, span))
            frame.share = Fraction(run.days, bill.span.days)
        base = sum((_base(bill, code, run) for code in run.row.of), Fraction(0))
        exact = int(base) if base.denominator == 1 else base
        amount = derive(run.row, frame, exact, bill.lines, days)
        bill.book(run.row.shape.code, (run.first, run.last), amount)
        if isinstance(run.row.shape, TaxIncluded):
            _take_out(bill, run)


def _base(bill: _Bill, code: str, run: _Run) -> Fraction:
    """What the lines of a code come to in the days of a run, a line being even over its days."""
    booked = bill.booked.get(code, ())
    return sum((_overlap(*line, run) for line in booked), Fraction(0))


def _overlap(first: date, last: date, amount: int, run: _Run) -> Fraction:
    inside = min(last, run.last).toordinal() - max(first, run.first).toordinal() + 1
    return Fraction(amount * max(0, inside), (last - first).days + 1)


def _take_out(bill: _Bill, run: _Run) -> None:
    tax = bill.lines[-1].included
    weights = [
        _overlap(line.first or bill.span.first, line.last or bill.span.last, line.amount, run)
        if line.code in run.row.of
        else Fraction(0)
        for line in bill.lines
    ]
    share_included(bill.lines, tax, weights)
