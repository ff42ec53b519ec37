"""The category of each customer, worked out when a period is opened and kept with it.

By what he used on average in the closed months before: bills, tokens sold, and what was stated of
the months before the system was here. Sales and bills of the period read the same row
(``core.store.load_facts``); who comes later has none, and is what the tariff calls default.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from core.billing.earlier import by_month, earlier_bills
from core.calendars import add_months, first_day, start_of_period
from core.store.load_facts import facts_between
from core.store.tx import Reader, Tx
from core.tariffs.bills import BillInput
from core.tariffs.compiling import CompiledTariff
from core.tariffs.segments import category_of
from core.tariffs.shapes import UNITS, Category

#: Agreements worked out at once: each page looks once through the sales of the months.
PAGE = 20_000
_COLUMNS = ("agreement_id", "period", "company", "tariff", "category", "months", "used")
_Agreement = tuple[int, str]


def evaluate(
    tx: Tx, company: str, period: int, tariffs: Mapping[str, CompiledTariff], zone: str
) -> int:
    """Work out the categories of a period that opens now; how many customers have one."""
    rules = rules_of(tariffs, period)
    above = count = 0
    while rules:
        agreements: Sequence[Any] = tx.rows(
            "SELECT id, tariff FROM agreement WHERE company = :company AND tariff IN :codes "
            "AND state <> 'closed' AND id > :above ORDER BY id LIMIT :page",
            company=company, codes=sorted(rules), above=above, page=PAGE,
        )  # fmt: skip
        if not agreements:
            break
        tx.load("agreement_category", _COLUMNS, [
            (id_, period, company, tariff, category, months, used)
            for id_, tariff, category, months, used in _page(tx, rules, agreements, (period, zone))
        ])  # fmt: skip
        above, count = agreements[-1][0], count + len(agreements)
    return count


def rules_of(tariffs: Mapping[str, CompiledTariff], period: int) -> dict[str, Category]:
    """The rules in force on the first day of a period."""
    day = first_day(period)
    found = {}
    for code, tariff in tariffs.items():
        in_force = [each for each in tariff.tariff.versions if each.valid_from <= day]
        rule = in_force[-1].category if in_force else None
        if rule is not None:
            found[code] = rule
    return found


def _page(
    reader: Reader, rules: Mapping[str, Category], agreements: Sequence[_Agreement],
    when: tuple[int, str],
) -> list[tuple[int, str, str, int, int]]:  # fmt: skip
    period, zone = when
    ids = [id_ for id_, _ in agreements]
    span = ids[0], ids[-1]
    since = add_months(period, -max(rules[tariff].months for _, tariff in agreements))
    bills = earlier_bills(reader, ids, since, period)
    facts, sold = facts_between(reader, *span), _sold(reader, span, (since, period), zone)
    found = []
    for id_, tariff in agreements:
        rule = rules[tariff]
        within = range(add_months(period, -rule.months), period)
        used = by_month(bills.get(id_, ()), facts.get(id_, ()), rule.quantity, within)
        if rule.quantity == UNITS:
            for month, units in sold.get(id_, {}).items():
                if month in within:
                    used[month] = used.get(month, 0) + units
        category = category_of(rule, BillInput(
            first=first_day(period), last=first_day(period), quantities={}, opened=period,
            history={rule.quantity: used},
        ))  # fmt: skip
        found.append((id_, tariff, category, len(used), sum(used.values())))
    return found


def _sold(
    reader: Reader, span: tuple[int, int], months: tuple[int, int], zone: str
) -> dict[int, dict[int, int]]:
    """Milli-units sold by token: agreement → month → units."""
    rows = reader.rows(
        "SELECT agreement_id, period, sum(units_tenths) FROM sale WHERE priced_at >= :since "
        "AND priced_at < :before AND state = 'issued' AND agreement_id >= :low "
        "AND agreement_id <= :high GROUP BY agreement_id, period",
        since=start_of_period(months[0], zone), before=start_of_period(months[1], zone),
        low=span[0], high=span[1],
    )  # fmt: skip
    found: dict[int, dict[int, int]] = {}
    for agreement, period, tenths in rows:
        found.setdefault(agreement, {})[period] = int(tenths) * 100
    return found
