"""What is owed when something is bought: debts in recovery, and open items by the company's rules.

A company declares by code or item class whether purchases pay an item, how much of it, and whether
it stands against purchases (``core.collection.terms.PurchaseRule``). Items under one rule are one
debt to the arithmetic of the sale; what it takes pays them in turn, the oldest first.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from core.book import Stage
from core.collection.entities import OpenItem, Uncleared
from core.collection.terms import ADVANCE, Blocking, PurchaseRule
from core.company import Terms
from core.entities import Agreement, Debt, Meter
from core.refusals import refuse
from core.tariffs import sale as pricing

#: In the code of a rule's debt, which no item has: codes begin with a letter.
_RULE = "+"


class Owing(msgspec.Struct, frozen=True, gc=False):
    """Something that a sale may pay, as solving sees it. Either ``debt_id``, or ``items``."""

    debt: pricing.Debt
    debt_id: int = 0
    items: tuple[OpenItem, ...] = ()


class Paid(msgspec.Struct, frozen=True, gc=False):
    """What a sale pays: (id, minor units) of debts and of items; the receipt's lines of it."""

    debts: tuple[tuple[int, int], ...]
    items: tuple[tuple[int, int], ...]
    lines: tuple[pricing.Line, ...]


def debts_of(stage: Stage, agreement: Agreement) -> list[Debt]:
    """The agreement's open debts, as this message sees them, by priority."""
    ids = stage.linked("debts-of", agreement.id)
    if not ids:
        return []
    found = [stage.need(Debt, id_) for id_ in ids]
    return sorted(
        (debt for debt in found if debt.outstanding > 0), key=lambda d: (d.priority, d.code, d.id)
    )


def owing(terms: Terms, stage: Stage, agreement: Agreement, today: date) -> tuple[Owing, ...]:
    """All that a sale of a local day may pay, in the order in which solving takes it."""
    rules = terms.collection.purchases
    found = []
    for debt in debts_of(stage, agreement):
        rule = rules.get(debt.code)
        if rule is None or rule.take is not None:
            taxed = rule is None or rule.take is None or rule.take.taxed
            found.append(Owing(_in_recovery(debt, taxed), debt.id))
    if rules:
        found += _by_rules(terms, stage, agreement, today)
        found.sort(key=lambda each: (each.debt.priority, each.debt.code))
    return tuple(found)


def _in_recovery(debt: Debt, taxed: bool) -> pricing.Debt:
    return pricing.Debt(
        code=debt.code,
        priority=debt.priority,
        method=debt.method,  # type: ignore[arg-type] # checked when the debt is made
        value=debt.value,
        outstanding=debt.outstanding,
        cap_per_sale=debt.cap_per_sale or None,
        first=debt.code == ADVANCE,
        taxed=taxed,
    )


def _by_rules(terms: Terms, stage: Stage, agreement: Agreement, today: date) -> list[Owing]:
    """One for each rule by which purchases pay items that are there."""
    items: dict[str, list[OpenItem]] = {}
    for item in _items(stage, agreement):
        rule = terms.collection.purchase_rule(item.code, item.item_class)
        if rule and rule.take and _is_aged(item.due, rule.take.overdue_days, today):
            items.setdefault(rule.of, []).append(item)
    return [_group(terms.collection.purchases[of], each) for of, each in items.items()]


def _group(rule: PurchaseRule, items: Sequence[OpenItem]) -> Owing:
    take = rule.take
    assert take is not None  # such rules only
    debt = pricing.Debt(
        code=f"{_RULE}{rule.of}",
        priority=take.priority,
        method=take.method,  # type: ignore[arg-type] # checked when the file is read
        value=take.value,
        outstanding=sum(item.open for item in items),
        cap_per_sale=take.cap_per_sale or None,
        taxed=take.taxed,
    )
    return Owing(debt, items=tuple(sorted(items, key=lambda item: (item.due, item.id))))


def _items(stage: Stage, agreement: Agreement) -> Iterable[OpenItem]:
    """The open items of the agreement's account; where no rule is declared none are loaded."""
    for id_ in stage.linked("items-of", agreement.account_id) or ():
        item = stage.need(OpenItem, id_)
        if item.open:
            yield item


def _is_aged(due: str, days: int, today: date) -> bool:
    """Whether a due day lies so many days back; 0: whether it has come or not."""
    return not days or date.fromisoformat(due) <= today - timedelta(days=days)


def paid_of(owed: Sequence[Owing], priced: pricing.Priced) -> Paid:
    """Which debts and items a solved sale pays; ``priced`` has ``owed``'s debts in their order."""
    debts: list[tuple[int, int]] = []
    items: list[tuple[int, int]] = []
    by_code: dict[str, dict[str, int]] = {}
    for each, after in zip(owed, priced.debts, strict=True):
        assert each.debt.code == after.code, "debts come back in their order"
        taken = each.debt.outstanding - after.outstanding
        if taken and each.debt_id:
            debts.append((each.debt_id, taken))
        for item in each.items:
            part = min(taken, item.open)
            if part:
                items.append((item.id, part))
                codes = by_code.setdefault(each.debt.code, {})
                codes[item.code] = codes.get(item.code, 0) + part
                taken -= part
        assert not each.items or not taken, f"{taken} of {each.debt.code} pay nothing"
    lines = [part for line in priced.lines for part in _split(line, by_code.get(line.code))]
    return Paid(tuple(debts), tuple(items), tuple(lines))


def _split(line: pricing.Line, codes: dict[str, int] | None) -> list[pricing.Line]:
    """The line of a rule's items as one of each code: they are owed on ledgers of their own."""
    if line.step != "debts" or codes is None:
        return [line]
    return [
        msgspec.structs.replace(line, code=code, label=code, amount=amount)
        for code, amount in codes.items()
    ]


def refuse_if_blocked(
    terms: Terms, stage: Stage, meter: Meter, agreement: Agreement, today: date
) -> None:
    """Refuse where more is owed than the company sells over. What a cheque paid that has not
    cleared is owed here still: it would open the meter with money that may not be there."""
    for rule in terms.collection.purchases.values():
        if rule.block is None:
            continue
        owed = _blocking(terms, stage, agreement, (rule, rule.block, today))
        if owed > rule.block.above:
            raise refuse(
                "sale-blocked",
                meter=meter.drn,
                owed=owed,
                limit=rule.block.above,
                what=rule.of,
                days=rule.block.overdue_days,
                currency=terms.currency,
                help_line=terms.help_line,
            )


def _blocking(
    terms: Terms, stage: Stage, agreement: Agreement, asked: tuple[PurchaseRule, Blocking, date]
) -> int:
    """Minor units that count; a debt in recovery has no due day, and counts where none is asked."""
    rule, block, today = asked
    find = terms.collection.purchase_rule
    owed = sum(
        item.open
        for item in _items(stage, agreement)
        if find(item.code, item.item_class) is rule
        and _is_aged(item.due, block.overdue_days, today)
    )
    waiting: tuple[Uncleared, ...] = stage.linked("uncleared-items", agreement.account_id) or ()
    owed += sum(
        each.amount
        for each in waiting
        if find(each.code, each.item_class) is rule
        and _is_aged(each.due, block.overdue_days, today)
    )
    if not block.overdue_days:
        owed += sum(d.outstanding for d in debts_of(stage, agreement) if d.code == rule.of)
    return owed
