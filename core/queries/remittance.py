"""What was collected for others in a month, and what is owed to them: by payee and its source.

A third party's money is posted to ``payable:<payee>``, the state's to ``tax:<code>``, as each
component of a tariff and each fee declares: by bills and purchases, by fees, and taken back by
their reversals and credit notes. The report is those postings, so it is what the ledger says.
"""

from collections.abc import Sequence

import msgspec

from core.calendars import add_months, start_of_period
from core.store.tx import Reader
from core.tariffs.shapes import TAX_AUTHORITY, THIRD_PARTY


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Transactions of a kind (bill, sale, fee, bill-reversal …) in the month: minor units that
    they owed to the payee, and that they took back or paid out."""

    kind: str
    transactions: int
    added: int
    taken: int


class Remittance(msgspec.Struct, frozen=True, kw_only=True):
    """One ledger of a payee in one currency. ``opening`` + added - taken = ``closing``."""

    payee: str
    ledger: str
    currency: str
    month: int
    opening: int
    sources: tuple[Source, ...]
    closing: int

    @property
    def added(self) -> int:
        """What came in the month."""
        return sum(each.added for each in self.sources)

    @property
    def taken(self) -> int:
        """What was taken back or paid out in it."""
        return sum(each.taken for each in self.sources)


_ALL = "(p.ledger LIKE 'payable:%' OR p.ledger LIKE 'tax:%')"


def _whose(payee: str) -> tuple[str, dict[str, str]]:
    """Which ledgers are a payee's: a condition, and what it needs."""
    if not payee:
        return _ALL, {}
    if payee == TAX_AUTHORITY:
        return "p.ledger LIKE 'tax:%'", {}
    return "p.ledger = :ledger", {"ledger": f"payable:{payee.removeprefix(THIRD_PARTY)}"}


def remittances(
    reader: Reader, company: str, month: int, zone: str, payee: str = ""
) -> list[Remittance]:
    """Of one payee (``third_party:NAME`` or NAME, ``tax_authority``), or of all who are owed
    something or were in the month (YYYYMM, of the company's zone)."""
    whose, ledger_of = _whose(payee)
    begin, end = start_of_period(month, zone), start_of_period(add_months(month, 1), zone)
    rows = reader.rows(
        "SELECT p.ledger, t.currency, CASE WHEN t.at < :begin THEN '' ELSE t.kind END, "
        "count(DISTINCT t.id), CAST(sum(CASE WHEN p.amount < 0 THEN -p.amount ELSE 0 END) "
        "AS BIGINT), CAST(sum(CASE WHEN p.amount > 0 THEN p.amount ELSE 0 END) AS BIGINT) "
        "FROM posting p JOIN ledger_txn t ON t.id = p.txn_id WHERE t.company = :company "
        f"AND t.at < :end AND {whose} "
        "GROUP BY p.ledger, t.currency, 3 ORDER BY p.ledger, t.currency, 3",
        begin=begin, end=end, company=company, **ledger_of,
    )  # fmt: skip
    found: dict[tuple[str, str], list[tuple[str, int, int, int]]] = {}
    for ledger, currency, kind, count, added, taken in rows:
        found.setdefault((ledger, currency), []).append((kind, count, int(added), int(taken)))
    made = [_remittance(month, *key, parts) for key, parts in found.items()]
    return [each for each in made if each.sources or each.closing]


def _remittance(
    month: int, ledger: str, currency: str, parts: Sequence[tuple[str, int, int, int]]
) -> Remittance:
    opening = sum(added - taken for kind, _, added, taken in parts if not kind)
    sources = tuple(
        Source(kind=kind, transactions=count, added=added, taken=taken)
        for kind, count, added, taken in parts
        if kind
    )
    name = ledger.removeprefix("payable:")
    return Remittance(
        payee=TAX_AUTHORITY if name == ledger else name,
        ledger=ledger,
        currency=currency,
        month=month,
        opening=opening,
        sources=sources,
        closing=opening + sum(each.added - each.taken for each in sources),
    )
