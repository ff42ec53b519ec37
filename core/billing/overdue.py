"""Delays that a bill charges: how long each amount was overdue until the bill's last day.

A bill charges the delay of its own days: the fees for all delay until its last day, less those for
the delay until the day before its first. Both are told by the same rows, so that what becomes known
later (a cheque that came back) is charged by the next bill, and nothing is charged twice.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from core.calendars import local_date, start_of_day
from core.store.tx import Reader
from core.tariffs.bills import Overdue

#: What is not charged by a tariff: delays themselves, and what a collector charges by his terms.
_ITEMS = (
    "SELECT i.id, i.agreement_id, i.due, i.amount, i.open, i.message_id FROM open_item i "
    "WHERE i.account_id IN :accounts AND i.agreement_id IN :ids AND i.state = 'live' "
    "AND i.item_class <> 'penalty' AND i.amount > 0 AND i.due < :last "
    "AND (i.open > 0 OR EXISTS (SELECT 1 FROM allocation x WHERE x.item_id = i.id "
    "AND x.at >= :since)) AND NOT EXISTS (SELECT 1 FROM open_item f WHERE f.about_id = i.id "
    "AND f.kind = 'late-fee' AND f.state = 'live') ORDER BY i.id"
)


class Delays(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """(amount, days in the year of the due day, days of later years) of each overdue amount:
    until the bill's last day, and until the day before its first."""

    now: tuple[tuple[int, int, int], ...]
    billed: tuple[tuple[int, int, int], ...]


class _Item(msgspec.Struct, frozen=True, gc=False):
    id: int
    agreement: int
    due: date
    amount: int


def delays_of(
    reader: Reader, bills: dict[int, tuple[int, date, date]], zone: str
) -> dict[int, Delays]:
    """``bills``: agreement → (account, first day, last day). Agreements without a delay are out."""
    if not bills:
        return {}
    first = min(first for _, first, _ in bills.values())
    last = max(last for _, _, last in bills.values())
    rows = reader.rows(
        _ITEMS, accounts=sorted({account for account, _, _ in bills.values()}), ids=sorted(bills),
        last=last.isoformat(), since=start_of_day(first, zone),
    )  # fmt: skip
    late = _late_parts(reader, [row[5] for row in rows])
    paid = _paid(reader, [row[0] for row in rows], zone)
    found: dict[int, Delays] = {}
    for id_, agreement, due, amount, _, message in rows:
        item = _Item(id_, agreement, date.fromisoformat(due), amount)
        _, begin, end = bills[agreement]
        principal = amount - late.get(message, 0)
        now = _chunks(item, principal, paid.get(id_, ()), end)
        billed = _chunks(item, principal, paid.get(id_, ()), begin - timedelta(days=1))
        if now:
            before = found.get(agreement, Delays((), ()))
            found[agreement] = Delays(before.now + now, before.billed + billed)
    return found


def _late_parts(reader: Reader, messages: Sequence[str]) -> dict[str, int]:
    """Of each bill: what of it was charged for delays, which bears none itself."""
    ids = [int(each.removeprefix("bill/")) for each in messages if each.startswith("bill/")]
    rows = reader.rows(
        "SELECT bill_id, sum(amount) FROM bill_line WHERE bill_id IN :ids AND step = 'fee' "
        "GROUP BY bill_id", ids=ids,
    ) if ids else []  # fmt: skip
    return {f"bill/{id_}": int(amount) for id_, amount in rows}


def _paid(reader: Reader, items: Sequence[int], zone: str) -> dict[int, list[tuple[date, int]]]:
    rows = reader.rows(
        "SELECT item_id, at, amount FROM allocation WHERE item_id IN :ids "
        "ORDER BY item_id, at, message_id, line", ids=list(items),
    ) if items else []  # fmt: skip
    found: dict[int, list[tuple[date, int]]] = {}
    for item, at, amount in rows:
        found.setdefault(item, []).append((local_date(at, zone), amount))
    return found


def _chunks(
    item: _Item, principal: int, paid: Sequence[tuple[date, int]], until: date
) -> tuple[tuple[int, int, int], ...]:
    """The parts of an item by the day until which each was overdue, as known on ``until``.

    Payments pay the charged delay first. What came back was never paid: the newest part of that
    amount is open again.
    """
    left, apart = principal, item.amount - principal
    parts: list[tuple[int, date]] = []
    for day, amount in paid:
        if day > until:
            break
        if amount >= 0:
            off = min(apart, amount)
            apart, amount = apart - off, amount - off
            parts.append((min(amount, left), day))
            left -= min(amount, left)
        else:
            left = _again(parts, left, -amount)
    parts.append((left, until))
    over = [Overdue.since(amount, item.due, day) for amount, day in parts if amount]
    return tuple(
        (each.amount, each.days, each.days_later) for each in over if each.days + each.days_later
    )


def _again(parts: list[tuple[int, date]], left: int, amount: int) -> int:
    while amount and parts:
        paid, day = parts.pop()
        back = min(paid, amount)
        left, amount = left + back, amount - back
        if paid > back:
            parts.append((paid - back, day))
    return left
