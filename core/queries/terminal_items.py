"""Items, batches and cases of terminals as operators see them: read without a lock."""

from typing import Any, Final

import msgspec

from core.queries.agent_days import BatchSum
from core.queries.terminal_copies import TerminalItemView
from core.store.tx import Reader

#: A screen, and what a program fetches at once.
MOST: Final = 1_000
_CASES = (
    "SELECT c.id, c.kind, c.state, COALESCE(t.number, ''), COALESCE(a.number, ''), c.amount, "
    "c.currency, c.account, c.document, COALESCE(i.day, 0), COALESCE(i.stan, 0), "
    "COALESCE(b.number, 0), c.detail, c.opened_at, c.closed_at, c.closed_by, c.reason "
    "FROM terminal_case c LEFT JOIN terminal t ON t.id = c.terminal_id "
    "LEFT JOIN agent a ON a.id = c.agent_id LEFT JOIN terminal_item i ON i.id = c.item_id "
    "LEFT JOIN terminal_batch b ON b.id = c.batch_id WHERE c.company = :company"
)
_DAY_US: Final = 86_400_000_000


class BatchView(msgspec.Struct, frozen=True, kw_only=True):
    """A batch with both sides' totals, minor units; ``items`` are those in it now, late ones too.

    Ours are there once it is settled.
    """

    terminal: str
    number: int
    turn: int
    opened: int
    state: str
    currency: str
    our_debits: int
    our_debit_amount: int
    our_reversals: int
    our_reversal_amount: int
    their_debits: int
    their_debit_amount: int
    their_reversals: int
    their_reversal_amount: int
    balanced: bool
    differences: int
    settled: int
    closed_at: int
    items: int
    late: int


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """What a person must look at; ``days`` since it was opened, until it was closed."""

    id: int
    kind: str
    state: str
    terminal: str
    agent: str
    amount: int
    currency: str
    account: str
    document: str
    day: int
    stan: int
    batch: int
    detail: str
    opened_at: int
    closed_at: int
    closed_by: str
    reason: str
    days: int = 0


class CaseSum(msgspec.Struct, frozen=True, kw_only=True):
    """Open cases of a kind: how many, what is in question, and the oldest."""

    kind: str
    count: int
    amount: int
    oldest_at: int


def items_of(
    reader: Reader, company: str, terminal: str, *, day: int = 0, state: str = "", limit: int = MOST
) -> list[TerminalItemView]:
    """A terminal's items, the newest first; ``day`` 0: of every day."""
    more = " AND i.day = :day" if day else ""
    more += " AND i.state = :state" if state else ""
    params: dict[str, Any] = {"day": day} if day else {}
    params |= {"state": state} if state else {}
    rows = reader.rows(
        "SELECT i.day, i.stan, i.batch, i.kind, i.state, i.amount, i.currency, i.cashier, "
        "COALESCE(s.receipt, p.number, ''), i.reason, i.at "
        "FROM terminal t JOIN terminal_item i ON i.terminal_id = t.id "
        "LEFT JOIN sale s ON i.kind = 'sale' AND s.id = i.about "
        "LEFT JOIN payment p ON i.kind = 'payment' AND p.id = i.about "
        f"WHERE t.company = :company AND t.number = :terminal{more} "
        "ORDER BY i.day DESC, i.id DESC LIMIT :limit",
        company=company, terminal=terminal, limit=min(limit, MOST), **params,
    )  # fmt: skip
    names = TerminalItemView.__struct_fields__
    return [TerminalItemView(**dict(zip(names, row, strict=True))) for row in rows]


def batches_of(
    reader: Reader, company: str, *, terminal: str = "", state: str = "", limit: int = MOST
) -> list[BatchView]:
    """Batches, the newest first: of a terminal, in a state (open | uploading | closed)."""
    more = " AND t.number = :terminal" if terminal else ""
    more += " AND b.state = :state" if state else ""
    params: dict[str, Any] = {"terminal": terminal} if terminal else {}
    params |= {"state": state} if state else {}
    names = BatchView.__struct_fields__[1:-2]
    rows = reader.rows(
        f"SELECT t.number, {', '.join(f'b.{name}' for name in names)}, "
        "(SELECT count(*) FROM terminal_item i WHERE i.batch_id = b.id), "
        "(SELECT count(*) FROM terminal_item i WHERE i.batch_id = b.id AND i.late = 1) "
        "FROM terminal_batch b JOIN terminal t ON t.id = b.terminal_id "
        f"WHERE b.company = :company{more} ORDER BY b.id DESC LIMIT :limit",
        company=company, limit=min(limit, MOST), **params,
    )  # fmt: skip
    views = (dict(zip(BatchView.__struct_fields__, row, strict=True)) for row in rows)
    return [BatchView(**{**view, "balanced": bool(view["balanced"])}) for view in views]


def batches_of_agent(
    reader: Reader, company: str, number: str, day: tuple[int, int]
) -> list[BatchSum]:
    """An agent's batches of a day (its first instant, and that of the next one), with those of
    before that nobody has settled; the oldest first. What came late is in none."""
    since_us, until_us = day
    rows = reader.rows(
        "SELECT t.number, b.number, b.state, b.opened_at, COALESCE((SELECT CAST(sum(i.amount) "
        "AS BIGINT) FROM terminal_item i WHERE i.batch_id = b.id AND i.late = 0 "
        "AND i.state IN ('booked', 'kept', 'undone')), 0), CASE WHEN b.state = 'open' THEN NULL "
        "ELSE b.their_debit_amount - b.their_reversal_amount END FROM agent a "
        "JOIN terminal_batch b ON b.agent_id = a.id JOIN terminal t ON t.id = b.terminal_id "
        "WHERE a.company = :company AND a.number = :number AND b.opened_at < :until "
        "AND (b.opened_at >= :since OR b.state <> 'closed') ORDER BY b.opened_at, b.id",
        company=company, number=number, since=since_us, until=until_us,
    )  # fmt: skip
    return [BatchSum(**dict(zip(BatchSum.__struct_fields__, row, strict=True))) for row in rows]


def cases_of(
    reader: Reader, company: str, now_us: int, *, state: str = "open", terminal: str = "",
    limit: int = MOST,
) -> list[CaseView]:  # fmt: skip
    """Cases, the oldest first; ``state`` empty: closed ones too."""
    more = " AND c.state = :state" if state else ""
    more += " AND t.number = :terminal" if terminal else ""
    params: dict[str, Any] = {"state": state} if state else {}
    params |= {"terminal": terminal} if terminal else {}
    rows = reader.rows(
        f"{_CASES}{more} ORDER BY c.opened_at, c.id LIMIT :limit",
        company=company, limit=min(limit, MOST), **params,
    )  # fmt: skip
    return [_case(row, now_us) for row in rows]


def _case(row: tuple[Any, ...], now_us: int) -> CaseView:
    case = CaseView(**dict(zip(CaseView.__struct_fields__, row, strict=False)))
    days = ((case.closed_at or now_us) - case.opened_at) // _DAY_US
    return msgspec.structs.replace(case, days=max(0, days))


def case_sums(reader: Reader, company: str) -> list[CaseSum]:
    """What is open, by kind: for a screen that says whether somebody looks."""
    rows = reader.rows(
        "SELECT kind, count(*), CAST(sum(amount) AS BIGINT), min(opened_at) FROM terminal_case "
        "WHERE company = :company AND state = 'open' GROUP BY kind ORDER BY kind",
        company=company,
    )
    return [CaseSum(**dict(zip(CaseSum.__struct_fields__, row, strict=True))) for row in rows]
