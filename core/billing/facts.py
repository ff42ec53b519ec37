"""Facts of agreements are stated: attributes, categories, shares in something common, history.

A fact holds from its day until another of the same agreement, kind and name; what was stated stays.
A second statement for the same day is a correction: the next version.
"""

import re
from collections.abc import Sequence
from datetime import date

import msgspec

from core.billing.shapes import BillingError, Draw
from core.store.load_facts import CATEGORY, HISTORY, KINDS, SHARE
from core.store.tx import Tx

#: Rows of one call: some megabytes.
MAX_FACTS = 10_000
#: Above every quantity and weight; sums of a year of them fit into 64 bits.
_MOST = 10**15
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}\Z")
_WORD = re.compile(r"[^\s,][^\n,]{0,63}\Z")
_COLUMNS = (
    "id", "company", "agreement_id", "kind", "name", "from_day", "version", "value", "word",
    "ended", "source", "operator", "recorded_at",
)  # fmt: skip


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """One fact. ``value``: milli-units, of a share its weight in thousandths; ``word``: the
    category, or the number of what is common; ``ended``: from this day it holds no more.
    ValueError when it makes no sense."""

    agreement: int
    kind: str
    name: str
    from_day: date
    value: int = 0
    word: str = ""
    ended: bool = False
    source: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r}: write one of {', '.join(KINDS)}")
        if self.kind == CATEGORY and self.name:
            raise ValueError("a category has no name, only its value")
        if self.kind != CATEGORY and not _NAME.match(self.name):
            raise ValueError(f"name {self.name!r}: small letters, digits, _ and ., 64 at most")
        if not 0 <= self.value <= _MOST:
            raise ValueError(f"value {self.value}: 0 to {_MOST} thousandths")
        if self.kind == HISTORY and self.from_day.day != 1:
            raise ValueError(f"a history is of a month: {self.from_day} is not its first day")
        needs = self.kind in (CATEGORY, SHARE) and not self.ended
        if needs != bool(self.word) or (needs and not _WORD.match(self.word)):
            raise ValueError(f"{self.kind}: {self.word!r} is no name of a category or of a common")

    @property
    def key(self) -> tuple[int, str, str, str]:
        """What is known once a day."""
        return self.agreement, self.kind, self.name, self.from_day.isoformat()


def state_facts(
    tx: Tx, company: str, stated: Sequence[Stated], means: tuple[Draw, int], operator: str
) -> int:
    """Write facts; how many. ``means``: where ids come from, and now.

    BillingError when an agreement is not of the company, or a fact comes twice. Two statements at
    once of the same fact and day: the database refuses the later one (DataStoreError).
    """
    draw, now_us = means
    if len({each.key for each in stated}) != len(stated) or len(stated) > MAX_FACTS:
        raise BillingError(f"a fact comes twice, or there are more than {MAX_FACTS}")
    if not stated:
        return 0
    ids = sorted({each.agreement for each in stated})
    known = {row[0] for row in tx.rows(
        "SELECT id FROM agreement WHERE company = :company AND id IN :ids",
        company=company, ids=ids,
    )}  # fmt: skip
    if len(known) != len(ids):
        missing = next(id_ for id_ in ids if id_ not in known)
        raise BillingError(f"no agreement {missing} in {company}")
    versions = {tuple(row[:4]): row[4] for row in tx.rows(
        "SELECT agreement_id, kind, name, from_day, max(version) FROM agreement_fact "
        "WHERE agreement_id IN :ids GROUP BY agreement_id, kind, name, from_day", ids=ids,
    )}  # fmt: skip
    first = draw("agreement_fact", len(stated))
    tx.load("agreement_fact", _COLUMNS, [
        (
            first + place, company, *each.key, versions.get(each.key, 0) + 1, each.value,
            each.word, int(each.ended), each.source, operator, now_us,
        )
        for place, each in enumerate(stated)
    ])  # fmt: skip
    return len(stated)


def fact_of(row: dict[str, str | None]) -> Stated:
    """A row of a file: agreement, kind, name, value, from, common, source. An empty value ends the
    fact. ValueError says what is wrong."""
    missing = [name for name in ("agreement", "kind", "value", "from") if row.get(name) is None]
    if missing:
        raise ValueError(f"no column {missing[0]}")
    kind, value = row["kind"] or "", row["value"] or ""
    word = value if kind == CATEGORY else (row.get("common") or "")
    return Stated(
        agreement=int(row["agreement"] or ""),
        kind=kind,
        name=row.get("name") or "",
        from_day=_day(row["from"] or ""),
        value=0 if kind == CATEGORY or not value else milli_of(value),
        word=word if value else "",
        ended=not value,
        source=row.get("source") or "",
    )


def _day(text: str) -> date:
    """A day; a month stands for its first day."""
    return date.fromisoformat(f"{text}-01" if len(text) == 7 else text)


_NUMBER = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?\Z")


def milli_of(text: str) -> int:
    """Thousandths, from a number with three decimals at most. ValueError for anything else."""
    found = _NUMBER.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no quantity with three decimals at most")
    return int(found[1]) * 1_000 + int((found[2] or "").ljust(3, "0"))
