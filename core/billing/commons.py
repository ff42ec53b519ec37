"""What is used in common (a lift, the stairs, a shared meter), with the weights of who shares it.

Who shares it, and how much, are facts (``share``): a member for a part of the period counts for his
days. The weights are written down with the total, once: so all bills of the period share the same.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import msgspec

from core.billing.periods import need_open
from core.billing.shapes import BillingError, Draw
from core.calendars import add_months, first_day
from core.store.load_facts import COLUMNS, Fact
from core.store.tx import Reader, Tx

#: Of one common: every member's bill reads all weights.
MAX_MEMBERS = 2_000
MAX_ROWS = 1_000
_MOST = 10**15
_COLUMNS = (
    "id", "company", "common", "name", "period", "version", "what", "total", "weights", "source",
    "operator", "recorded_at",
)  # fmt: skip


class CommonTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What something common came to. ``what``: amount (minor units) or quantity (milli-units)."""

    common: str
    name: str
    what: str
    total: int
    source: str = ""

    def __post_init__(self) -> None:
        if self.what not in ("amount", "quantity"):
            raise ValueError(f"what {self.what!r}: write amount or quantity")
        if not self.common or not self.name:
            raise ValueError("what is common has a number, and the share a name")
        if not 0 <= self.total <= _MOST:
            raise ValueError(f"a total of {self.total}: 0 to {_MOST}")


def state_commons(
    tx: Tx, company: str, period: int, totals: Sequence[CommonTotal],
    means: tuple[Draw, int, str],
) -> int:  # fmt: skip
    """Write totals with the weights of the period; how many. ``means``: ids, now, who.

    BillingError when nobody shares one, one comes twice, or the period is not open.
    """
    draw, now_us, operator = means
    need_open(tx, company, period)
    if len({(each.common, each.name) for each in totals}) != len(totals) or len(totals) > MAX_ROWS:
        raise BillingError(f"a total comes twice, or there are more than {MAX_ROWS}")
    first = draw("common_use", len(totals)) if totals else 0
    rows = []
    for place, each in enumerate(totals):
        weights = weights_of(tx, company, each.common, each.name, period)
        if not weights or len(weights) > MAX_MEMBERS:
            raise BillingError(
                f"{each.common} {each.name}: {len(weights)} share it in {period}, "
                f"1 to {MAX_MEMBERS} can"
            )
        ((before,),) = tx.rows(
            "SELECT COALESCE(max(version), 0) FROM common_use WHERE company = :company "
            "AND common = :common AND name = :name AND period = :period",
            company=company, common=each.common, name=each.name, period=period,
        )  # fmt: skip
        rows.append((
            first + place, company, each.common, each.name, period, before + 1, each.what,
            each.total, msgspec.json.encode(weights).decode(), each.source, operator, now_us,
        ))  # fmt: skip
    tx.load("common_use", _COLUMNS, rows)
    return len(rows)


def weights_of(
    reader: Reader, company: str, common: str, name: str, period: int
) -> list[tuple[int, int]]:
    """(agreement, weight × days) of all who share it on some day of the period, by agreement."""
    rows = reader.rows(
        f"SELECT {COLUMNS} FROM agreement_fact WHERE kind = 'share' AND name = :name "
        "AND agreement_id IN :ids ORDER BY agreement_id, from_day, version",
        name=name,
        ids=[row[0] for row in reader.rows(
            "SELECT DISTINCT agreement_id FROM agreement_fact WHERE company = :company "
            "AND kind = 'share' AND word = :common AND name = :name",
            company=company, common=common, name=name,
        )],
    )  # fmt: skip
    of: dict[int, dict[str, Fact]] = {}
    for row in rows:
        fact = Fact(*row)
        of.setdefault(fact.agreement, {})[fact.from_day] = fact
    first, beyond = first_day(period), first_day(add_months(period, 1))
    found = [(id_, _weight(facts.values(), common, first, beyond)) for id_, facts in of.items()]
    return [(id_, weight) for id_, weight in found if weight]


def _weight(facts: Iterable[Fact], common: str, first: date, beyond: date) -> int:
    """Of one agreement's slices of time, those that lie in the period and name this common."""
    slices = list(facts)
    ends = [date.fromisoformat(each.from_day) for each in slices[1:]] + [beyond]
    weight = 0
    for each, end in zip(slices, ends, strict=True):
        days = (min(end, beyond) - max(date.fromisoformat(each.from_day), first)) // _DAY
        if each.word == common and not each.ended and days > 0:
            weight += each.value * days
    return weight


_DAY = timedelta(days=1)
