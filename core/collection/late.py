"""Late fees, exact: interest by the day in integers, rounded once, for the item's whole life.

The fee of an item up to a day is always reckoned anew from its history (what was open on which
day), never added to what was reckoned before: so it does not matter how often it is asked for, and
a cheque that comes back makes the days in between count as unpaid. What was charged already is
taken off at the end. Source: facts/cis.md, the Chinese rule (a rate in the year of the due day,
another in later years, a minimum, no compounding); caps and grace are common elsewhere.

Declared here: the due day and the days of grace do not count, the day of a payment does. Nothing
is charged on a penalty.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from core.money import half_up

E8 = 10**8
DAY = timedelta(days=1)


class LateRule(msgspec.Struct, frozen=True, kw_only=True):
    """The rule from a day on. Rates: 10⁻⁸ of what is open, per day.

    ``later_years_e8``: the rate of days after the year of the due day (None: the same). The caps
    bound the fee of one item: ``cap_e8`` of its amount, ``cap`` in minor units (0: none);
    ``minimum`` is charged as soon as there is anything.
    """

    valid_from: date
    per_day_e8: int
    later_years_e8: int | None = None
    grace_days: int = 0
    minimum: int = 0
    cap_e8: int = 0
    cap: int = 0


class Paid(msgspec.Struct, frozen=True, gc=False):
    """What took something off an item on a day (below 0: came back)."""

    on: date
    amount: int


def late_fee(
    amount: int,
    due: date,
    paid: Iterable[Paid],
    rules: Sequence[LateRule],
    until: date,
    since: date = date.min,
) -> int:
    """The late fee of an item up to and with the day ``until``, in minor units.

    ``rules`` in order of date; days before the first are free, and those before ``since``. Grace,
    minimum and caps are those of the rule in force at ``until``.
    """
    now = _at(rules, until)
    if now is None or until <= due:
        return 0
    moves: dict[date, int] = {}
    for each in paid:
        moves[each.on] = moves.get(each.on, 0) + each.amount
    total_e8 = sum(
        days * open_ * _rate(rules, first, due)
        for first, days, open_ in _stretches(amount, (due, since), moves, rules, until)
    )
    if total_e8 <= 0:
        return 0
    fee = max(half_up(total_e8, E8), now.minimum)
    if now.cap_e8:
        fee = min(fee, half_up(amount * now.cap_e8, E8))
    return min(fee, now.cap) if now.cap else fee


def _stretches(
    amount: int,
    begin: tuple[date, date],
    moves: dict[date, int],
    rules: Sequence[LateRule],
    until: date,
) -> list[tuple[date, int, int]]:
    """(first day, days, open) of stretches in which nothing changes. ``begin``: the due day, and
    the first day that counts."""
    due, since = begin
    rule = _at(rules, until)
    grace = rule.grace_days if rule else 0
    first = max(due + (grace + 1) * DAY, since)
    years = {date(year, 1, 1) for year in range(due.year + 1, until.year + 1)}
    cuts = years | {rule.valid_from for rule in rules} | {day + DAY for day in moves}
    begins = sorted({first, *(day for day in cuts if first < day <= until)})
    if first > until:
        return []
    ends = [*begins[1:], until + DAY]
    return [
        (at, (end - at).days, amount - sum(n for day, n in moves.items() if day < at))
        for at, end in zip(begins, ends, strict=True)
    ]


def _at(rules: Sequence[LateRule], day: date) -> LateRule | None:
    found = [rule for rule in rules if rule.valid_from <= day]
    return found[-1] if found else None


def _rate(rules: Sequence[LateRule], day: date, due: date) -> int:
    rule = _at(rules, day)
    if rule is None:
        return 0
    later = rule.later_years_e8
    return later if later is not None and day.year > due.year else rule.per_day_e8
