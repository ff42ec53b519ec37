"""What is known of agreements beside their readings: attributes and category, on a day.

Facts are slices of time (``agreement_fact``): the newest of each name on or before a day holds.
Bills and sales both read them here, so that they price the same customer.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from core.calendars import period_of
from core.store.tx import Reader, Row

ATTRIBUTE, CATEGORY, SHARE, HISTORY = "attribute", "category", "share", "history"
KINDS = (ATTRIBUTE, CATEGORY, SHARE, HISTORY)
#: In the order in which later ones of a name replace earlier ones.
COLUMNS = "agreement_id, kind, name, from_day, version, value, word, ended"
_ORDER = "ORDER BY 1, 2, 3, 4, 5"
_SQL = (
    f"SELECT {COLUMNS} FROM agreement_fact WHERE agreement_id IN :ids "
    "AND kind IN ('attribute', 'category') AND from_day <= :on UNION ALL "
    "SELECT c.agreement_id, 'evaluated', '', '', 0, 0, c.category, 0 FROM agreement_category c "
    "WHERE c.agreement_id IN :same AND c.tariff = (SELECT g.tariff FROM agreement g "
    "WHERE g.id = c.agreement_id) AND c.period = (SELECT max(n.period) FROM agreement_category n "
    f"WHERE n.agreement_id = c.agreement_id AND n.period <= :period) {_ORDER}"
)


class Facts(msgspec.Struct, frozen=True, gc=False):
    """``attributes``: quantities by name, milli-units (``sanctioned_kw``: 2000). ``category``: the
    customer's class as somebody stated it, else as it was worked out when the newest period was
    opened; empty: neither, the tariff's default holds."""

    attributes: Mapping[str, int] = {}
    category: str = ""


NOTHING = Facts()


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row, as ``COLUMNS`` names it."""

    agreement: int
    kind: str
    name: str
    from_day: str
    version: int
    value: int
    word: str
    ended: int


def facts_of(reader: Reader, agreement_ids: Iterable[int], on: date) -> dict[int, Facts]:
    """What holds for each of these agreements on a local day; one statement, none is locked.

    An agreement of which nothing is known is there, with nothing.
    """
    ids = sorted(set(agreement_ids))
    found = dict.fromkeys(ids, NOTHING)
    if not ids:
        return found
    rows = reader.rows(_SQL, ids=ids, same=ids, on=on.isoformat(), period=period_of(on))
    held: dict[int, dict[tuple[str, str], Fact]] = {}
    for row in rows:
        fact = Fact(*row)
        held.setdefault(fact.agreement, {})[fact.kind, fact.name] = fact
    return found | {id_: _facts(of.values()) for id_, of in held.items()}


def _facts(held: Iterable[Fact]) -> Facts:
    attributes = {}
    stated = evaluated = ""
    for fact in held:
        if fact.kind == ATTRIBUTE and not fact.ended:
            attributes[fact.name] = fact.value
        elif fact.kind == CATEGORY and not fact.ended:
            stated = fact.word
        elif fact.kind == "evaluated":
            evaluated = fact.word
    return Facts(attributes, stated or evaluated)


def facts_between(reader: Reader, low: int, high: int) -> dict[int, list[Fact]]:
    """Every fact of the agreements of a range, those first that later ones replace."""
    rows: Sequence[Row] = reader.rows(
        f"SELECT {COLUMNS} FROM agreement_fact WHERE agreement_id >= :low "
        f"AND agreement_id <= :high {_ORDER}",
        low=low, high=high,
    )  # fmt: skip
    found: dict[int, list[Fact]] = {}
    for row in rows:
        fact = Fact(*row)
        found.setdefault(fact.agreement, []).append(fact)
    return found


def holding(facts: Iterable[Fact], on: date) -> list[Fact]:
    """Of one agreement's facts, those that hold on a day (a history: that were there by it)."""
    day, held = on.isoformat(), {}
    for fact in facts:
        if fact.kind == HISTORY:
            held[fact.kind, f"{fact.name} {fact.from_day}"] = fact
        elif fact.from_day <= day:
            held[fact.kind, fact.name] = fact
    return [fact for fact in held.values() if not fact.ended]
