"""What is known of each agreement beside its usage, gathered when a partition is frozen.

An agreement of which nothing is known and whose tariff asks nothing has no ``Given``, and costs
nothing. What is gathered is written into the partition's inputs by value (what is common: by the id
of a final row), so that a second calculation needs nothing that may have changed meanwhile.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction

import msgspec

from core.billing.earlier import Bills, by_month, earlier_bills, of_year, usages
from core.billing.needs import Needs, needs_of
from core.billing.overdue import Delays, delays_of
from core.billing.shapes import Frozen, Given, RunTerms, Usage
from core.billing.sold import sold_in_month, sold_in_year
from core.calendars import add_months
from core.store.load_facts import ATTRIBUTE, CATEGORY, Fact, facts_between, holding
from core.store.tx import Reader
from core.tariffs.bills import Amount, BillInput, Overdue, Share
from core.tariffs.frames import span_of
from core.tariffs.shapes import UNITS

_NO_DELAYS = Delays((), ())
#: Months before a year's first in which a bill that reaches into the year may stand.
_OVER_THE_TURN = 14


class Common(msgspec.Struct, frozen=True, gc=False):
    """A row of ``common_use``: what is shared, and by whom."""

    id: int
    total: int
    weights: tuple[tuple[int, int], ...]  # (agreement, weight)


class _Known(msgspec.Struct, frozen=True, gc=False):
    """What was looked up for the agreements of a partition."""

    period: int
    facts: Mapping[int, Sequence[Fact]]
    sold: Mapping[int, int]
    sold_in_year: Mapping[int, int]
    bills: Mapping[int, Bills]
    categories: Mapping[int, str]
    shares: Mapping[int, Sequence[tuple[str, int, int, str]]]
    delays: Mapping[int, Delays]


def gather(
    reader: Reader, terms: RunTerms, frozen: Sequence[Frozen], span: tuple[int, int]
) -> list[Frozen]:
    """The inputs with all that is known; ``span``: the agreements of the partition."""
    facts = facts_between(reader, *span)
    sold = sold_in_month(reader, terms.period, span)
    needs = {
        code: needs_of(terms.tariffs[code].tariff)
        for code in {each.tariff for each in frozen}
        if code in terms.tariffs
    }
    wanting = {code for code, need in needs.items() if need.looks}
    concerned = [
        each for each in frozen
        if each.tariff in needs
        and (each.tariff in wanting or each.agreement in facts or each.agreement in sold)
    ]  # fmt: skip
    if not concerned:
        return list(frozen)
    used = usages(reader, concerned)
    years = sold_in_year(reader, {
        each.agreement: used[each.usage].first
        for each in concerned if UNITS in needs[each.tariff].yearly
    })  # fmt: skip
    known = _Known(
        terms.period, facts, sold, years, _bills(reader, terms.period, concerned, needs, used),
        _categories(reader, terms.period, [e for e in concerned if needs[e.tariff].category]),
        _shares(reader, terms, [e.agreement for e in concerned if needs[e.tariff].shares]),
        _delays(reader, terms, concerned, needs, used),
    )  # fmt: skip
    given = {
        each.agreement: _given(terms, each, used[each.usage], needs[each.tariff], known)
        for each in concerned
    }
    return [
        msgspec.structs.replace(each, given=found)
        if (found := given.get(each.agreement)) not in (None, Given())
        else each
        for each in frozen
    ]


def _bills(
    reader: Reader, period: int, concerned: Sequence[Frozen], needs: Mapping[str, Needs],
    used: Mapping[int, Usage],
) -> dict[int, list[tuple[int, Usage]]]:  # fmt: skip
    """As far back as any of these tariffs looks."""
    asking = [each for each in concerned if needs[each.tariff].earlier]
    if not asking:
        return {}
    back = max((m for e in asking for m in needs[e.tariff].history.values()), default=0)
    since = add_months(period, -back)
    if any(needs[each.tariff].yearly for each in asking):
        year = min(used[each.usage].first.year for each in asking)
        since = min(since, add_months(year * 100 + 1, -_OVER_THE_TURN))
    return earlier_bills(reader, [each.agreement for each in asking], since, period)


def _categories(reader: Reader, period: int, asking: Sequence[Frozen]) -> dict[int, str]:
    """As worked out when this period (or the newest before it) was opened, by this very tariff:
    who came to it since is its default."""
    ids = {each.agreement: each.tariff for each in asking}
    rows = reader.rows(
        "SELECT c.agreement_id, c.tariff, c.category FROM agreement_category c "
        "WHERE c.agreement_id IN :ids "
        "AND c.period = (SELECT max(n.period) FROM agreement_category n "
        "WHERE n.agreement_id = c.agreement_id AND n.period <= :period)",
        ids=list(ids), period=period,
    ) if ids else []  # fmt: skip
    return {id_: category for id_, tariff, category in rows if ids[id_] == tariff}


def _shares(
    reader: Reader, terms: RunTerms, ids: Sequence[int]
) -> dict[int, list[tuple[str, int, int, str]]]:
    """Of each agreement: a share's name, the row of what is common, its place in it, and what."""
    if not ids:
        return {}
    found: dict[int, list[tuple[str, int, int, str]]] = {}
    wanted = set(ids)
    names = [row[0] for row in reader.rows(
        "SELECT DISTINCT word FROM agreement_fact WHERE agreement_id IN :ids AND kind = 'share' "
        "AND word <> ''", ids=list(ids),
    )]  # fmt: skip
    rows = reader.rows(
        "SELECT u.id, u.name, u.weights, u.what FROM common_use u WHERE u.company = :company "
        "AND u.common IN :commons AND u.period = :period AND u.version = (SELECT max(n.version) "
        "FROM common_use n WHERE n.company = u.company AND n.common = u.common "
        "AND n.name = u.name AND n.period = u.period) ORDER BY u.id",
        company=terms.company, commons=names, period=terms.period,
    ) if names else []  # fmt: skip
    for id_, name, weights, what in rows:
        for index, (agreement, _) in enumerate(_weights(weights)):
            if agreement in wanted:
                found.setdefault(agreement, []).append((name, id_, index, what))
    return found


_weights = msgspec.json.Decoder(tuple[tuple[int, int], ...]).decode


def commons(reader: Reader, frozen: Sequence[Frozen]) -> dict[int, Common]:
    """What is common to agreements of a partition, by the frozen ids."""
    ids = sorted({id_ for each in frozen if each.given for _, id_, _ in each.given.shares})
    rows = reader.rows(
        "SELECT id, total, weights FROM common_use WHERE id IN :ids", ids=ids
    ) if ids else []  # fmt: skip
    return {id_: Common(id_, total, _weights(text)) for id_, total, text in rows}


def _delays(
    reader: Reader, terms: RunTerms, concerned: Sequence[Frozen], needs: Mapping[str, Needs],
    used: Mapping[int, Usage],
) -> dict[int, Delays]:  # fmt: skip
    return delays_of(reader, {
        each.agreement: (each.account, used[each.usage].first, used[each.usage].last)
        for each in concerned if needs[each.tariff].late
    }, terms.zone)  # fmt: skip


def _given(terms: RunTerms, frozen: Frozen, usage: Usage, needs: Needs, known: _Known) -> Given:
    facts = known.facts.get(frozen.agreement, ())
    bills = known.bills.get(frozen.agreement, ())
    sold = known.sold.get(frozen.agreement, 0)
    held = holding(facts, usage.first)
    period = known.period
    months = {
        name: range(add_months(period, -back), period) for name, back in needs.history.items()
    }
    years: dict[str, Amount] = {
        name: of_year(bills, facts, name, how, (usage.first, period))
        + (known.sold_in_year.get(frozen.agreement, sold) if name == UNITS else 0)
        for name, how in needs.yearly.items()
    }
    delays = known.delays.get(frozen.agreement, _NO_DELAYS)
    return Given(
        attributes={fact.name: fact.value for fact in held if fact.kind == ATTRIBUTE},
        category=_category(terms, frozen, usage, held, known) if needs.category else "",
        history={
            name: found
            for name, within in months.items()
            if (found := by_month(bills, facts, name, within))
        },
        before={UNITS: sold} if sold and _counts(needs, usage) else {},
        before_year={name: Fraction(n).as_integer_ratio() for name, n in years.items() if n},
        shares=tuple(
            (name, id_, index)
            for name, id_, index, what in known.shares.get(frozen.agreement, ())
            if needs.shares.get(name) == what
        ),
        overdue=delays.now,
        overdue_billed=delays.billed,
    )


def _counts(needs: Needs, usage: Usage) -> bool:
    """Whether units sold in the month count in its blocks: not in limits cut to a bill's days."""
    if span_of(usage.first, usage.last).months:
        return UNITS in needs.monthly
    return UNITS in needs.month_whole


def _category(
    terms: RunTerms, frozen: Frozen, usage: Usage, held: Sequence[Fact], known: _Known
) -> str:
    """As stated, as worked out at the opening, or the default of who came after it."""
    stated = next((fact.word for fact in held if fact.kind == CATEGORY), "")
    if stated or frozen.agreement in known.categories:
        return stated or known.categories[frozen.agreement]
    return default_category(terms, frozen.tariff, usage.first)


def default_category(terms: RunTerms, tariff: str, day: date) -> str:
    """What a customer is of whom nothing is known; empty where no version is in force."""
    in_force = [v for v in terms.tariffs[tariff].tariff.versions if v.valid_from <= day]
    rule = in_force[-1].category if in_force else None
    return rule.default if rule else ""


def bill_input(
    terms: RunTerms, usage: Usage, given: Given | None, common: Mapping[int, Common]
) -> BillInput:
    """What the tariff engine gets. What was measured goes before an attribute of its name."""
    if given is None:
        return BillInput(
            first=usage.first, last=usage.last, quantities=usage.registers, opened=terms.period
        )
    if len({name for name, _, _ in given.shares}) != len(given.shares):
        raise ValueError("it has two shares of one name in the period")
    return BillInput(
        first=usage.first,
        last=usage.last,
        quantities={**given.attributes, **usage.registers},
        before=given.before,
        before_year={
            name: n if d == 1 else Fraction(n, d) for name, (n, d) in given.before_year.items()
        },
        history=given.history,
        category=given.category,
        opened=terms.period,
        shares={
            name: Share(common[id_].total, tuple(w for _, w in common[id_].weights), index)
            for name, id_, index in given.shares
        },
        overdue=tuple(Overdue(*each) for each in given.overdue),
        overdue_billed=tuple(Overdue(*each) for each in given.overdue_billed),
    )
