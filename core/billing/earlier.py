"""What was used in earlier periods: as issued live bills say, and facts for the months before."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import msgspec

from core.billing.needs import Yearly
from core.billing.shapes import FIRST_SEQUENCE, Frozen, Usage
from core.store.load_facts import HISTORY, Fact
from core.store.tx import Reader
from core.tariffs.bills import Amount
from core.tariffs.metered import precision_of
from core.tariffs.runs import cut_quantity

#: Of one agreement: (period, usage) of its issued bills, oldest first.
Bills = Sequence[tuple[int, Usage]]
_decode = msgspec.json.Decoder(dict[str, int]).decode


def usages(reader: Reader, frozen: Sequence[Frozen]) -> dict[int, Usage]:
    """What was used, by the ids of the frozen rows."""
    rows = reader.rows(
        "SELECT id, first, last, registers FROM bill_usage WHERE id IN :ids",
        ids=[each.usage for each in frozen],
    ) if frozen else []  # fmt: skip
    days: dict[str, date] = {}
    return {
        id_: Usage(id_, _day(days, first), _day(days, last), _decode(text))
        for id_, first, last, text in rows
    }


def _day(days: dict[str, date], text: str) -> date:
    found = days.get(text)
    if found is None:
        found = days[text] = date.fromisoformat(text)
    return found


def earlier_bills(
    reader: Reader, ids: Sequence[int], since: int, before: int
) -> dict[int, list[tuple[int, Usage]]]:
    """The issued bills of these agreements in the periods from ``since`` and before ``before``."""
    rows: Sequence[tuple[Any, ...]] = reader.rows(
        "SELECT b.agreement_id, b.period, u.id, u.first, u.last, u.registers FROM bill b "
        "JOIN bill_usage u ON u.id = b.usage_id WHERE b.agreement_id IN :ids "
        "AND b.period >= :since AND b.period < :before AND b.sequence = :sequence "
        "AND b.live = 1 AND b.state = 'issued' ORDER BY b.agreement_id, b.period",
        ids=list(ids), since=since, before=before, sequence=FIRST_SEQUENCE,
    ) if ids else []  # fmt: skip
    days: dict[str, date] = {}
    found: dict[int, list[tuple[int, Usage]]] = {}
    for agreement, period, id_, first, last, registers in rows:
        usage = Usage(id_, _day(days, first), _day(days, last), _decode(registers))
        found.setdefault(agreement, []).append((period, usage))
    return found


def value_of(registers: Mapping[str, int], name: str) -> int | None:
    """A quantity as bills see it: itself, or the sum of its times of use; None: not measured."""
    if name in registers:
        return registers[name]
    prefix = f"{name}."
    parts = [value for key, value in registers.items() if key.startswith(prefix)]
    return sum(parts) if parts else None


def by_month(bills: Bills, facts: Iterable[Fact], name: str, months: range) -> dict[int, int]:
    """A quantity of each month (YYYYMM in ``months``): as billed, else as it was stated."""
    found = {period: value for period, value in _stated(facts, name).items() if period in months}
    for period, usage in bills:
        value = value_of(usage.registers, name)
        if value is not None and period in months:
            found[period] = value
    return dict(sorted(found.items()))


def _stated(facts: Iterable[Fact], name: str) -> dict[int, int]:
    return {
        int(fact.from_day[:4] + fact.from_day[5:7]): fact.value
        for fact in facts
        if fact.kind == HISTORY and fact.name == name
    }


def of_year(
    bills: Bills, facts: Iterable[Fact], name: str, how: Yearly, upto: tuple[date, int]
) -> Amount:
    """Milli-units of the year of a day that were billed before it; ``upto``: the day, its period.

    A bill over the turn of the year counts with the part that it billed in this year. Months that
    no bill is of count as they were stated.
    """
    day, before = upto
    precise = precision_of(how.precision)
    total: Amount = 0
    for _, usage in bills:
        value = value_of(usage.registers, name)
        if value is not None and usage.first.year <= day.year <= usage.last.year:
            part = _in_year(value, usage, day.year, how.resolution)
            total += part if precise is None else precise(part)
    billed = {period for period, _ in bills}
    for period, value in _stated(facts, name).items():
        if period // 100 == day.year and period < before and period not in billed:
            total += value
    return total


def _in_year(value: int, usage: Usage, year: int, resolution: int | None) -> Amount:
    if usage.first.year == usage.last.year:
        return value
    years = list(range(usage.first.year, usage.last.year + 1))
    days = [
        (min(usage.last, date(each, 12, 31)) - max(usage.first, date(each, 1, 1))).days + 1
        for each in years
    ]
    return Fraction(cut_quantity(value, days, resolution)[years.index(year)])
