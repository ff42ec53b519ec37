"""Terminals as the edge and the desk see them: read without a lock, so never a decision."""

from typing import Any

import msgspec

from core.queries.terminal_copies import copy_of, emergency_list, item_of
from core.store.load_terminals import shift_totals
from core.store.tx import Reader
from core.terminals.counted import said
from core.terminals.entities import Terminal

__all__ = [
    "CashierView",
    "ReceiptSeries",
    "ShiftView",
    "TerminalView",
    "agents_with_cashiers",
    "cashiers_of",
    "copy_of",
    "emergency_list",
    "item_of",
    "receipts_of",
    "shifts_of",
    "terminal_of",
    "terminals_of",
]

_NEEDED = "EXISTS (SELECT 1 FROM cashier c WHERE c.agent_id = a.id AND c.state <> 'removed')"
_UNSAID = ("id", "company", "agent_id", "former_agent_id")
_NAMES = [name for name in Terminal.__struct_fields__ if name not in _UNSAID]
_TERMINAL = ", ".join(f"t.{name}" for name in _NAMES)
_FORMER = "COALESCE((SELECT o.number FROM agent o WHERE o.id = t.former_agent_id), '')"
_FROM = (
    "FROM terminal t JOIN agent a ON a.id = t.agent_id "
    "JOIN agent_float f ON f.agent_id = t.agent_id WHERE t.company = :company"
)
#: Series of receipt numbers that a terminal may still be writing of.
MAX_SERIES = 10
#: What is told of one terminal or agent at once.
MAX_SHIFTS = 1_000


class TerminalView(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal and its agent. Amounts in minor units of ``currency``, degrees × 10⁶, dBm.

    ``cashiers_needed``: somebody of the agent must be signed on; ``cashier``: who is (the
    terminal's own number where nobody needs to be; empty: nobody). ``former``: the agent whose it
    was until ``bound_at``.
    """

    number: str
    agent: str
    agent_name: str
    agent_state: str
    state: str
    currency: str
    name: str
    place: str
    merchant: str
    parameters: dict[str, str]
    parameters_version: int
    message: str
    message_number: int
    cashiers_needed: bool
    cashier: str
    shift_id: int
    emergency_limit: int
    latitude: int
    longitude: int
    signal: int
    application: str
    parameters_seen: int
    message_seen: int
    seen_at: int
    registered_at: int
    bound_at: int = 0
    former: str = ""


class CashierView(msgspec.Struct, frozen=True, kw_only=True):
    """A cashier of an agent; ``wrong`` PINs since the last right one."""

    agent: str
    code: str
    name: str
    state: str
    wrong: int
    locked_until: int
    pin_at: int
    added_at: int


class ShiftView(msgspec.Struct, frozen=True, kw_only=True):
    """Who was at a terminal from when to when (``closed_at`` 0: still), and what he sold."""

    shift: int
    terminal: str
    agent: str
    cashier: str
    name: str
    day: int
    opened_at: int
    closed_at: int
    ended_by: str
    totals: dict[str, dict[str, int]]


class ReceiptSeries(msgspec.Struct, frozen=True, kw_only=True):
    """Receipt numbers that a terminal may write without the line: first to last, both in it."""

    first: int
    last: int
    assigned_at: int


def terminal_of(reader: Reader, company: str, number: str) -> TerminalView | None:
    """The terminal of that number, in any state."""
    found = _terminals(reader, company, " AND t.number = :number", number=number)
    return found[0] if found else None


def terminals_of(reader: Reader, company: str, agent: str = "") -> list[TerminalView]:
    """An agent's terminals, or all of them, by number."""
    if agent:
        return _terminals(reader, company, " AND a.number = :agent", agent=agent)
    return _terminals(reader, company, "")


def _terminals(reader: Reader, company: str, where: str, **params: Any) -> list[TerminalView]:
    rows = reader.rows(
        f"SELECT a.number, a.name, a.state, f.currency, {_NEEDED}, {_FORMER}, {_TERMINAL} "
        f"{_FROM}{where} ORDER BY t.number",
        company=company,
        **params,
    )
    views = []
    for agent, agent_name, agent_state, currency, needed, former, *rest in rows:
        values = dict(zip(_NAMES, rest, strict=True))
        values["parameters"] = msgspec.json.decode(values["parameters"])
        views.append(
            TerminalView(
                agent=agent,
                agent_name=agent_name,
                agent_state=agent_state,
                currency=currency,
                cashiers_needed=bool(needed),
                former=former,
                **values,
            )
        )
    return views


def cashiers_of(reader: Reader, company: str, agent: str) -> list[CashierView]:
    """An agent's cashiers, those that were removed too, by code."""
    names = [name for name in CashierView.__struct_fields__ if name != "agent"]
    rows = reader.rows(
        f"SELECT a.number, {', '.join(f'c.{name}' for name in names)} FROM cashier c "
        "JOIN agent a ON a.id = c.agent_id WHERE a.company = :company AND a.number = :agent "
        "ORDER BY c.code",
        company=company,
        agent=agent,
    )
    return [CashierView(**dict(zip(("agent", *names), row, strict=True))) for row in rows]


def agents_with_cashiers(reader: Reader, company: str) -> int:
    """How many agents have some."""
    ((count,),) = reader.rows(
        "SELECT count(DISTINCT agent_id) FROM cashier "
        "WHERE company = :company AND state <> 'removed'",
        company=company,
    )
    return int(count)


def shifts_of(
    reader: Reader, company: str, *, terminal: str = "", agent: str = "", limit: int = 20
) -> list[ShiftView]:
    """The newest shifts of a terminal or of an agent, with what was sold in each."""
    where = "t.number = :number" if terminal else "a.number = :number"
    rows = reader.rows(
        "SELECT s.id, t.number, a.number, s.cashier, s.name, s.day, s.opened_at, s.closed_at, "
        "s.ended_by FROM terminal_shift s JOIN terminal t ON t.id = s.terminal_id "
        f"JOIN agent a ON a.id = s.agent_id WHERE s.company = :company AND {where} "
        "ORDER BY s.opened_at DESC, s.id DESC LIMIT :limit",
        company=company,
        number=terminal or agent,
        limit=min(limit, MAX_SHIFTS),
    )
    totals = shift_totals(reader, [row[0] for row in rows]) if rows else {}
    return [
        ShiftView(
            **dict(zip(ShiftView.__struct_fields__, row, strict=False)),
            totals=said(totals.get(row[0], {})),
        )
        for row in rows
    ]


def receipts_of(reader: Reader, company: str, terminal: str) -> list[ReceiptSeries]:
    """The newest series of receipt numbers that were given to a terminal, newest first."""
    rows = reader.rows(
        "SELECT r.first_number, r.last_number, r.assigned_at FROM terminal_receipts r "
        "JOIN terminal t ON t.id = r.terminal_id WHERE t.company = :company "
        "AND t.number = :terminal ORDER BY r.id DESC LIMIT :most",
        company=company,
        terminal=terminal,
        most=MAX_SERIES,
    )
    return [ReceiptSeries(first=row[0], last=row[1], assigned_at=row[2]) for row in rows]
